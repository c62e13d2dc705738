// nghttp2's HPACK on the headers of a send and of its answer, as a reference. Each result tells how
// many bytes a block has once the table is full: nghttp2 never puts `authorization` and `:path`
// into it, so these travel with every message, Huffman-coded.
#include <vector>

#include <benchmark/benchmark.h>
#include <nghttp2/nghttp2.h>

namespace fanfare::bench {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

Fields request_fields(std::size_t token_chars) {
  // Letters as in base64, so that the Huffman code has to do with its usual mix.
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string token;
  for (std::size_t i = 0; i < token_chars; ++i) token += alphabet[i * 37 % alphabet.size()];
  return {{":method", "POST"},
          {":scheme", "https"},
          {":authority", "fcm.googleapis.com"},
          {":path", "/v1/projects/fanfare-demo/messages:send"},
          {"content-type", "application/json"},
          {"x-goog-api-client", "fanfare/0.1.0"},
          {"user-agent", "fanfare/0.1.0"},
          {"authorization", "Bearer " + token}};
}

const Fields& response_fields() {
  static const Fields fields = {{":status", "200"},
                                {"content-type", "application/json; charset=UTF-8"},
                                {"vary", "Origin, X-Origin, Referer"},
                                {"date", "Tue, 24 Nov 2026 22:55:43 GMT"},
                                {"server", "scaffolding on HTTPServer2"},
                                {"cache-control", "private"},
                                {"x-xss-protection", "0"},
                                {"x-frame-options", "SAMEORIGIN"},
                                {"x-content-type-options", "nosniff"},
                                {"content-length", "83"}};
  return fields;
}

// nghttp2 reads what it takes by non-const pointers.
std::uint8_t* bytes(const std::string& text) {
  return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
}

class Deflater {
 public:
  explicit Deflater(const Fields& fields) {
    nghttp2_hd_deflate_new(&deflater_, 4'096);
    for (const auto& [name, value] : fields) {
      fields_.push_back(
          {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    block_.resize(nghttp2_hd_deflate_bound(deflater_, fields_.data(), fields_.size()));
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
  ~Deflater() { nghttp2_hd_deflate_del(deflater_); }

  std::string_view next_block() {
    const auto written = nghttp2_hd_deflate_hd(deflater_, bytes(block_), block_.size(),
                                               fields_.data(), fields_.size());
    return std::string_view(block_).substr(0, static_cast<std::size_t>(written));
  }

 private:
  nghttp2_hd_deflater* deflater_ = nullptr;
  std::vector<nghttp2_nv> fields_;
  std::string block_;
};

void deflate_request(benchmark::State& state) {
  const Fields fields = request_fields(static_cast<std::size_t>(state.range(0)));
  Deflater deflater(fields);
  std::string_view block = deflater.next_block();
  for (auto _ : state) {
    block = deflater.next_block();
    benchmark::DoNotOptimize(block.data());
  }
  state.counters["block_bytes"] = static_cast<double>(block.size());
}
BENCHMARK(deflate_request)->ArgName("token_chars")->Arg(180)->Arg(1'024);

// All fields of a block; the name and value of each are looked at, not copied.
void inflate(nghttp2_hd_inflater* inflater, std::string_view block) {
  const auto* in = reinterpret_cast<const std::uint8_t*>(block.data());
  std::size_t left = block.size();
  for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
    nghttp2_nv field{};
    const auto read = nghttp2_hd_inflate_hd2(inflater, &field, &flags, in, left, 1);
    if (read < 0) return;
    in += read;
    left -= static_cast<std::size_t>(read);
    benchmark::DoNotOptimize(field.value);
  }
  nghttp2_hd_inflate_end_headers(inflater);
}

void inflate_response(benchmark::State& state) {
  Deflater deflater(response_fields());
  nghttp2_hd_inflater* inflater = nullptr;
  nghttp2_hd_inflate_new(&inflater);
  inflate(inflater, deflater.next_block());
  const std::string block(deflater.next_block());
  for (auto _ : state) inflate(inflater, block);
  state.counters["block_bytes"] = static_cast<double>(block.size());
  nghttp2_hd_inflate_del(inflater);
}
BENCHMARK(inflate_response);

}  // namespace
}  // namespace fanfare::bench
