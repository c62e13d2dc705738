// What a message costs in the client's session of each engine: submitted, written, answered, ended;
// without sockets and TLS. 400-byte bodies, a 1,024-character access token, and the answer that FCM
// gives to a message that it accepted, whose headers are in HPACK's table after the first.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <benchmark/benchmark.h>

#include "http2/client_session.h"
#include "http2/testing/frames.h"

namespace fanfare::bench {
namespace {

namespace h2 = http2;
namespace f = http2::testing;

const f::Fields& response_fields() {
  static const f::Fields fields = {{"content-type", "application/json; charset=UTF-8"},
                                   {"vary", "Origin, X-Origin, Referer"},
                                   {"date", "Tue, 24 Nov 2026 22:55:43 GMT"},
                                   {"server", "scaffolding on HTTPServer2"},
                                   {"cache-control", "private"},
                                   {"x-xss-protection", "0"},
                                   {"x-frame-options", "SAMEORIGIN"},
                                   {"x-content-type-options", "nosniff"}};
  return fields;
}

/// The answer on one stream: its first time, when the table learns it, or any later one.
std::string an_answer(bool first) {
  std::string block = "\x88";  // ":status: 200" (RFC 7541, appendix A).
  for (std::size_t i = 0; i < response_fields().size(); ++i) {
    if (first) {
      auto literal = f::header_block({response_fields()[i]});
      literal[0] = '\x40';  // With indexing (6.2.1).
      block += literal;
    } else {
      block += static_cast<char>(0x80 + 62 + response_fields().size() - 1 - i);
    }
  }
  return f::write_frame({f::FrameType::headers, f::flag::end_headers, 1, block}) +
         f::data(
             1, R"({"name": "projects/fanfare-demo/messages/0:1500415314455276%31bd1c9631bd1c96"})",
             f::flag::end_stream);
}

/// A server that answers everything. Its windows are the largest, and are filled again in time.
class Conversation {
 public:
  Conversation(h2::Http2Engine engine, std::size_t batch)
      : session_(h2::make_client_session(engine)) {
    hear(f::settings({{f::setting::initial_window_size, 1U << 20}}) + f::settings_ack() +
         f::window_update(0, most_unseen));
    say(1);
    auto first = an_answer(true);
    address(first, 0);
    hear(first);
    end();
    for (std::size_t i = 0; i < batch; ++i) answers_ += an_answer(false);
  }

  /// So many messages, from submit to end; false when one was not answered.
  bool exchange(std::size_t batch) {
    say(batch);
    for (std::size_t at = 0; at < answers_.size();) at = address(answers_, at);
    hear(answers_);
    if (unseen_ >= most_unseen / 2) hear(f::window_update(0, std::exchange(unseen_, 0)));
    return end() == batch;
  }

 private:
  static constexpr std::uint32_t most_unseen = 0x7fff'0000 - 65'535;

  void say(std::size_t batch) {
    for (std::size_t i = 0; i < batch; ++i) {
      session_->submit(i, head_, h2::BodyPieces{{prefix_, target_, suffix_}});
    }
    unseen_ += static_cast<std::uint32_t>(400 * batch);
    output_.clear();
    session_->take_output(output_);
  }
  void hear(const std::string& bytes) {
    session_->receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  }
  std::size_t end() {
    ended_.clear();
    session_->take_ended(ended_);
    std::size_t answered = 0;
    for (const auto& end : ended_.all()) answered += end.how == h2::Ended::How::answered ? 1 : 0;
    return answered;
  }
  /// Puts the next stream into the HEADERS and the DATA at `at`; where the next answer begins.
  std::size_t address(std::string& answers, std::size_t at) {
    for (int frame = 0; frame < 2; ++frame) {
      const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(answers[at + i]); };
      for (const std::size_t i : {0U, 1U, 2U, 3U}) {
        answers[at + 5 + i] = static_cast<char>(stream_ >> (24 - 8 * i));
      }
      at += 9 + byte(0) * 65'536U + byte(1) * 256U + byte(2);
    }
    stream_ += 2;
    return at;
  }

  std::unique_ptr<h2::ClientSession> session_;
  h2::SharedHead head_ = std::make_shared<const h2::RequestHead>(
      h2::RequestHead{.method = "POST",
                      .authority = "fcm.googleapis.com",
                      .path = "/v1/projects/fanfare-demo/messages:send",
                      .headers = {{"content-type", "application/json"},
                                  {"x-goog-api-client", "fanfare/0.1.0"},
                                  {"user-agent", "fanfare/0.1.0"},
                                  {"authorization", "Bearer " + std::string(1'024, 't')}}});
  std::string prefix_ = std::string(20, 'p');
  std::string target_ = std::string(160, 't');
  std::string suffix_ = std::string(220, 's');
  std::string answers_;
  std::string output_;
  h2::EndedList ended_;
  std::uint32_t stream_ = 1;
  std::uint32_t unseen_ = 0;  ///< Bytes of bodies since the last WINDOW_UPDATE.
};

void session_message(benchmark::State& state, h2::Http2Engine engine) {
  const auto batch = static_cast<std::size_t>(state.range(0));
  Conversation conversation(engine, batch);
  for (auto _ : state) {
    if (!conversation.exchange(batch)) state.SkipWithError("a message was not answered");
  }
  // Time for each message: the inverse of a rate.
  state.counters["per_message"] =
      benchmark::Counter(static_cast<double>(batch), benchmark::Counter::kIsIterationInvariantRate |
                                                         benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(session_message, nghttp2, h2::Http2Engine::nghttp2)
    ->ArgName("batch")
    ->Arg(1)
    ->Arg(100);
BENCHMARK_CAPTURE(session_message, frames, h2::Http2Engine::frames)
    ->ArgName("batch")
    ->Arg(1)
    ->Arg(100);

}  // namespace
}  // namespace fanfare::bench
