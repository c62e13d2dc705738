// Writes the seeds of the HTTP/2 fuzz targets: `http2_seeds fuzz/corpus`. Run by hand after a
// change of their input format; the seeds themselves are committed.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "http2/testing/frames.h"

namespace {

using namespace fanfare::http2::testing;
using Seeds = std::vector<std::pair<std::string, std::string>>;

const Fields ok{{":status", "200"}, {"content-type", "application/json"}};
const Fields post{
    {":method", "POST"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/v1/send"}};

/// Size of a piece (0: all at once) and the deeds of the side under test.
std::string story(int piece_bytes, int deeds, const std::string& script) {
  return std::string{static_cast<char>(piece_bytes), static_cast<char>(deeds)} + script;
}

Seeds client_seeds() {
  const std::string start = settings({{setting::max_concurrent_streams, 100}}) + settings_ack();
  return {
      {"answers", story(0, 2,
                        start + headers(1, ok) + data(1, "{}", flag::end_stream) +
                            headers(3, ok, flag::end_stream))},
      {"answers_in_pieces", story(7, 11,
                                  start + headers_in_pieces(1, ok, 9) + padded_data(1, "{}", 5) +
                                      headers(1, {{"trailer", "x"}}, flag::end_stream))},
      {"interim", story(0, 0,
                        start + headers(1, {{":status", "103"}, {"link", "x"}}) +
                            headers(1, ok, flag::end_stream))},
      {"refused",
       story(20, 2,
             start + rst_stream(1, code::refused_stream) + rst_stream(3, code::internal_error))},
      {"answered_early", story(0, 2,
                               settings({{setting::initial_window_size, 10}}) +
                                   headers(3, {{":status", "413"}}, flag::end_stream) +
                                   rst_stream(3, code::no_error))},
      {"goaway_twice", story(17, 6,
                             start + goaway(0x7fffffff, code::no_error, "soon") +
                                 goaway(1, code::no_error) + headers(1, ok, flag::end_stream))},
      {"exceeded",
       story(0, 2, start + goaway(1, code::protocol_error, "exceeded_max_concurrent_streams"))},
      {"limit_lowered", story(15, 2,
                              start + settings({{setting::max_concurrent_streams, 1}}) +
                                  headers(1, ok, flag::end_stream) +
                                  settings({{setting::max_concurrent_streams, 0}}))},
      {"windows",
       story(13, 10,
             settings({{setting::initial_window_size, 0}}) + window_update(3, 10'000) +
                 window_update(0, 100'000) + settings({{setting::initial_window_size, 65'535}}))},
      {"pings", story(0, 10, start + ping("12345678") + ping("\0\0\0\0\0\0\0\0", flag::ack))},
      {"too_large", story(0, 2,
                          start + headers(1, {{":status", "200"}, {"a", std::string(2'100, 'x')}}) +
                              headers(3, ok) + data(3, std::string(5'100, 'x')))},
      {"garbage", story(5, 0, "HTTP/1.1 400 Bad Request\r\n\r\n")},
  };
}

/// A block of raw HPACK that is a whole answer, or its head.
std::string answer(std::uint32_t stream, const std::string& block, bool whole = true) {
  return write_frame({FrameType::headers,
                      static_cast<std::uint8_t>(flag::end_headers | (whole ? flag::end_stream : 0)),
                      stream, block});
}

/// Where an engine of our own may go wrong and nghttp2 would not, beside what a client may hear.
Seeds engine_seeds() {
  const std::string start = settings({{setting::max_concurrent_streams, 100}}) + settings_ack();
  const std::string ok_block = "\x88";                    // ":status: 200".
  const std::string with_a = "\x88\x40\x01\x61\x01\x31";  // And "a: 1", indexed.
  const std::string with_b = "\x88\x40\x01\x62\x01\x32";
  const std::string newest = "\x88\xbe";
  Seeds seeds = client_seeds();
  seeds.insert(
      seeds.end(),
      {{"repeated_blocks", story(3, 2,
                                 start + answer(1, with_a) + answer(3, newest) + answer(5, newest) +
                                     answer(7, with_b) + answer(9, newest) + answer(11, newest))},
       {"late_blocks", story(0, 3,
                             start + ping("12345678") + answer(3, with_a) + answer(1, newest) +
                                 answer(5, "\x20" + ok_block) + answer(7, newest))},
       {"tables", story(0, 0,
                        start + answer(1, ok_block) + settings({{setting::header_table_size, 0}}) +
                            answer(3, ok_block) +
                            settings({{setting::header_table_size, 200},
                                      {setting::header_table_size, 65'536}}) +
                            answer(5, ok_block) + answer(7, ok_block) + answer(9, ok_block))},
       {"negative_windows",
        story(9, 0,
              settings({{setting::initial_window_size, 1'000}}) + window_update(7, 5'000) +
                  settings({{setting::initial_window_size, 0}}) + window_update(7, 800) +
                  window_update(11, 20'000) + settings({{setting::initial_window_size, 17'000}}) +
                  answer(7, ok_block))},
       {"lengths",
        story(0, 2,
              start + answer(1, "\x88\x0f\x0d\x01\x33", false) + data(1, "abc", flag::end_stream) +
                  answer(3, "\x88\x0f\x0d\x01\x33", false) + data(3, "ab", flag::end_stream) +
                  answer(5, "\x89\x0f\x0d\x01\x30"))},
       {"dies_in_the_middle", story(5, 2, start + answer(1, ok_block) + answer(3, "\x88\xff"))}});
  return seeds;
}

Seeds server_seeds() {
  const std::string start = std::string(client_preface) + settings();
  const std::string two =
      headers(1, post) + data(1, "{}", flag::end_stream) + headers(3, post, flag::end_stream);
  return {
      {"answered", story(0, 8, start + settings_ack() + two)},
      {"reset", story(11, 9, start + two)},
      {"gone_away", story(0, 10, start + two + headers(5, post, flag::end_stream))},
      {"silent", story(0, 3, start + two + rst_stream(1, code::cancel))},
      {"in_pieces", story(3, 8,
                          start + headers_in_pieces(1, post, 20) + padded_data(1, "{}", 3) +
                              headers(1, {{"trailer", "x"}}, flag::end_stream))},
      {"limit_changed",
       story(40, 0x2c,
             start + settings_ack() + two + settings_ack() + headers(5, post, flag::end_stream))},
      {"too_many",
       story(0, 3,
             start + settings_ack() + two + headers(5, post, flag::end_stream) +
                 headers(7, post, flag::end_stream) + headers(9, post, flag::end_stream))},
      {"too_large", story(0, 8,
                          start + headers(1, post) + data(1, std::string(5'100, 'x')) +
                              data(1, "more", flag::end_stream) +
                              headers(3, {{":method", "GET"}, {"a", std::string(2'100, 'x')}},
                                      flag::end_stream))},
      {"small_window",
       story(0, 8,
             std::string(client_preface) + settings({{setting::initial_window_size, 1}}) + two +
                 window_update(1, 1))},
      {"malformed",
       story(0, 8,
             start + headers(1, {{":method", "GET"}, {":path", ""}}, flag::end_stream) +
                 headers(3, {{"Upper", "x"}}, flag::end_stream))},
      {"shut_down", story(0, 8, start + two + goaway(0, code::no_error) + ping("12345678"))},
      {"http1", story(0, 0, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")},
      {"http1_chunked", story(5, 2,
                              "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "3;x=y\r\nabc\r\n0\r\nt: u\r\n\r\n")},
      {"tunnel", story(9, 4,
                       "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
                       "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\nContent-Length: 9\r\n\r\n" +
                           start + two)},
      {"half_a_body", story(0, 0x0b, start + two + headers(5, post, flag::end_stream))},
      {"drained",
       story(0, 0x1b,
             start + two + ping("draining", flag::ack) + headers(5, post, flag::end_stream))},
      {"terminated", story(0, 0x2b, start + two)},
  };
}

void write(const std::filesystem::path& folder, const Seeds& seeds) {
  std::filesystem::create_directories(folder);
  for (const auto& [name, bytes] : seeds) {
    std::ofstream(folder / name, std::ios::binary) << bytes;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  const std::filesystem::path corpus = argv[1];
  write(corpus / "http2_client", client_seeds());
  write(corpus / "http2_engines", engine_seeds());
  write(corpus / "http2_server", server_seeds());
  return 0;
}
