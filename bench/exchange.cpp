#include "bench/exchange.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include "http2/testing/frames.h"

namespace fanfare::bench {
namespace {

namespace f = http2::testing;

constexpr std::string_view body =
    "{\n  \"name\": \"projects/fanfare-demo/messages/0:1795560943765645%e220a8397b1dcdaf\"\n}\n";

// The headers of FCM's answers, as the emulator gives them. The first block fills the table of the
// client's decoder, all later ones are references into it, as from a real server.
class Headers {
 public:
  Headers() { nghttp2_hd_deflate_new(&deflater_, 4'096); }
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  ~Headers() { nghttp2_hd_deflate_del(deflater_); }

  std::string next_block() {
    std::array fields = {field(":status", "200"),
                         field("content-type", "application/json; charset=UTF-8"),
                         field("vary", "Origin, X-Origin, Referer"),
                         field("date", "Tue, 24 Nov 2026 22:55:43 GMT"),
                         field("server", "scaffolding on HTTPServer2"),
                         field("cache-control", "private"),
                         field("x-xss-protection", "0"),
                         field("x-frame-options", "SAMEORIGIN"),
                         field("x-content-type-options", "nosniff"),
                         field("content-length", length_)};
    std::string block(nghttp2_hd_deflate_bound(deflater_, fields.data(), fields.size()), '\0');
    const auto written =
        nghttp2_hd_deflate_hd(deflater_, reinterpret_cast<std::uint8_t*>(block.data()),
                              block.size(), fields.data(), fields.size());
    block.resize(static_cast<std::size_t>(written));
    return block;
  }

 private:
  // nghttp2 reads what it takes by non-const pointers.
  static nghttp2_nv field(std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view text) {
      return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
  }

  nghttp2_hd_deflater* deflater_ = nullptr;
  std::string length_ = std::to_string(body.size());
};

}  // namespace

Script::Script(std::size_t batches, std::size_t batch_size)
    : opening_(f::settings({{f::setting::max_concurrent_streams, 100},
                            {f::setting::initial_window_size, 1U << 20}}) +
               f::settings_ack() + f::window_update(0, 1U << 30)) {
  Headers headers;
  std::uint32_t stream = 1;
  for (std::size_t batch = 0; batch < batches; ++batch) {
    std::string& answers = answers_.emplace_back();
    for (std::size_t i = 0; i < batch_size; ++i, stream += 2) {
      answers += f::write_frame(
          {f::FrameType::headers, f::flag::end_headers, stream, headers.next_block()});
      answers += f::data(stream, body, f::flag::end_stream);
    }
  }
}

Connection::Connection(http2::Http2Engine engine, const Script& script, std::size_t token_chars)
    : script_(script),
      session_(http2::make_client_session(engine)),
      head_(std::make_shared<const http2::RequestHead>(http2::RequestHead{
          .method = "POST",
          .authority = "fcm.googleapis.com",
          .path = "/v1/projects/fanfare-demo/messages:send",
          .headers = {{"content-type", "application/json"},
                      {"x-goog-api-client", "fanfare/0.1.0"},
                      {"user-agent", "fanfare/0.1.0"},
                      {"authorization", "Bearer " + std::string(token_chars, 'a')}}})) {
  hear(script.opening());
}

void Connection::take_output_and_hear_answers() {
  output_.clear();
  session_->take_output(output_);
  hear(script_.answers(next_batch_++));
  session_->take_ended(ended_);
  if (ended_.empty()) fail();
}

void Connection::hear(const std::string& bytes) {
  session_->receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

void Connection::fail() {
  fmt::print(stderr, "the session did not answer a request that the script answers\n");
  std::exit(2);
}

}  // namespace fanfare::bench
