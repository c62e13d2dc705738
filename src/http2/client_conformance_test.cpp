// The client's end, by every engine, against what RFC 9113 and 7541 forbid a server, section by
// section, as scripts of frames: what h2spec asks of a server, turned round.
#include <gtest/gtest.h>

#include "http2/client_session.h"
#include "http2/testing/client_script.h"

namespace fanfare::http2 {
namespace {

namespace f = testing;
using f::Client;
using f::Frame;
using f::FrameType;
using How = Ended::How;
namespace flag = f::flag;
namespace code = f::code;
namespace setting = f::setting;

using Codes = std::vector<std::uint32_t>;

std::string frame(FrameType type, std::uint8_t flags, std::uint32_t stream, std::string payload) {
  return f::write_frame({type, flags, stream, std::move(payload)});
}

/// A text with zeros in it.
template <std::size_t size>
std::string bytes(const char (&text)[size]) {
  return {text, size - 1};
}

const f::Fields ok{{":status", "200"}};
const f::Fields with_length{{":status", "200"}, {"content-length", "3"}};

std::string one_setting(std::uint16_t id, std::uint32_t value) {
  return f::settings({{id, value}});
}
std::string head_and(const f::Fields& more) {
  auto fields = ok;
  fields.insert(fields.end(), more.begin(), more.end());
  return f::headers(1, fields, flag::end_stream);
}
std::string hpack(const std::string& block) {
  return frame(FrameType::headers, flag::end_headers, 1, block);
}
/// HEADERS whose block does not end here.
std::string open_block() {
  return frame(FrameType::headers, flag::none, 1, f::header_block(ok));
}

/// What a server says to a client that has written requests on streams 1 and 3.
struct Crime {
  const char* section;
  std::string script;
  Codes codes;  ///< The error may be any of these.
};

std::unique_ptr<Client> asking(Http2Engine engine) {
  auto client = Client::settled(engine);
  client->hears(f::settings_ack());
  for (RequestId id = 1; id <= 2; ++id) {
    client->session.submit(id, {"POST", "https", "fcm.test", "/v1/send", {}, "{}"});
  }
  (void)client->says();
  return client;
}

/// The error code of the only RST_STREAM or GOAWAY.
std::uint32_t code_of(const std::vector<Frame>& frames, FrameType type) {
  const auto errors = f::of_type(frames, type);
  EXPECT_EQ(errors.size(), 1U);
  return errors.empty() ? code::no_error : errors[0].number(type == FrameType::goaway ? 4 : 0);
}

using ClientConformanceTest = f::EngineTest;
INSTANTIATE_TEST_SUITE_P(Engines, ClientConformanceTest, f::every_engine(), f::engine_name);

TEST_P(ClientConformanceTest, EndsTheConnectionOverItsErrors) {
  const Codes protocol{code::protocol_error};
  const Codes size{code::frame_size_error};
  const std::vector<Crime> crimes{
      {"4.2 larger than SETTINGS_MAX_FRAME_SIZE", f::data(1, std::string(16'385, 'x')), size},
      {"4.3 another frame within a header block", open_block() + f::ping("12345678"), protocol},
      {"4.3 another stream's block within one", open_block() + f::headers(3, ok), protocol},
      {"5.1 DATA on an idle stream", f::data(5, "x"), protocol},
      {"5.1 HEADERS on an idle stream", f::headers(5, ok), protocol},
      {"5.1 RST_STREAM on an idle stream", f::rst_stream(5, code::cancel), protocol},
      {"5.1 WINDOW_UPDATE on an idle stream", f::window_update(5, 1), protocol},
      {"5.1.1 HEADERS on a stream of the server's", f::headers(2, ok), protocol},
      {"6.1 DATA of stream 0", f::data(0, "x"), protocol},
      {"6.1 padding over the payload",
       f::headers(1, ok) + frame(FrameType::data, flag::padded, 1,
                                 "\x05"
                                 "abcd"),
       protocol},
      {"6.1 no room for the padding's length",
       f::headers(1, ok) + frame(FrameType::data, flag::padded, 1, ""), protocol},
      {"6.2 HEADERS of stream 0", f::headers(0, ok), protocol},
      {"6.2 padding over the payload",
       frame(FrameType::headers, flag::padded | flag::end_headers, 1,
             "\x7f"
             "abcd"),
       protocol},
      {"6.2 too short for a priority",
       frame(FrameType::headers, flag::priority | flag::end_headers, 1, "abc"), size},
      {"6.3 PRIORITY of stream 0", frame(FrameType::priority, 0, 0, bytes("\0\0\0\1\1")), protocol},
      {"6.3 PRIORITY of 4 bytes", frame(FrameType::priority, 0, 1, bytes("\0\0\0\3")), size},
      {"6.4 RST_STREAM of stream 0", f::rst_stream(0, code::cancel), protocol},
      {"6.4 RST_STREAM of 3 bytes", frame(FrameType::rst_stream, 0, 1, bytes("\0\0\0")), size},
      {"6.5 ACK with entries", frame(FrameType::settings, flag::ack, 0, bytes("\0\1\0\0\0\0")),
       size},
      {"6.5 SETTINGS of a stream", frame(FrameType::settings, 0, 1, {}), protocol},
      {"6.5 half an entry", frame(FrameType::settings, 0, 0, bytes("\0\1\0")), size},
      {"6.5 an ACK too many", f::settings_ack(), protocol},
      {"6.5.2 ENABLE_PUSH of a server", one_setting(setting::enable_push, 1), protocol},
      {"6.5.2 ENABLE_PUSH of 2", one_setting(setting::enable_push, 2), protocol},
      {"6.5.2 a window over 2^31-1",
       one_setting(setting::initial_window_size, 1U << 31),
       {code::flow_control_error}},
      {"6.5.2 frames under 2^14", one_setting(setting::max_frame_size, 16'383), protocol},
      {"6.5.2 frames over 2^24-1", one_setting(setting::max_frame_size, 1U << 24), protocol},
      {"RFC 8441, 3 CONNECT taken back", one_setting(8, 1) + one_setting(8, 0), protocol},
      {"RFC 8441, 3 neither 0 nor 1", one_setting(8, 2), protocol},
      {"RFC 9218, 2.1 neither 0 nor 1", one_setting(9, 2), protocol},
      {"RFC 9218, 2.1 changed", one_setting(9, 1) + one_setting(9, 0), protocol},
      {"6.5.3 too many entries",
       f::settings(std::vector(33, std::pair<std::uint16_t, std::uint32_t>{0x77, 0})),
       {code::enhance_your_calm}},
      {"6.6 PUSH_PROMISE though disabled",
       frame(FrameType::push_promise, flag::end_headers, 1,
             bytes("\0\0\0\2") + f::header_block({{":path", "/"}})),
       protocol},
      {"6.7 PING of a stream", frame(FrameType::ping, 0, 1, "12345678"), protocol},
      {"6.7 PING of 6 bytes", frame(FrameType::ping, 0, 0, "123456"), size},
      {"6.8 GOAWAY of a stream", frame(FrameType::goaway, 0, 1, bytes("\0\0\0\0\0\0\0\0")),
       protocol},
      {"6.8 GOAWAY of 7 bytes", frame(FrameType::goaway, 0, 0, bytes("\0\0\0\0\0\0\0")), size},
      {"6.8 a last stream that rises", f::goaway(1, 0) + f::goaway(3, 0), protocol},
      {"6.8 a last stream that is not ours", f::goaway(2, 0), protocol},
      {"6.9 WINDOW_UPDATE by 0", f::window_update(0, 0), protocol},
      {"6.9 WINDOW_UPDATE of 3 bytes", frame(FrameType::window_update, 0, 0, bytes("\0\0\1")),
       size},
      {"6.9.1 the connection's window over 2^31-1",
       f::window_update(0, 0x7fffffff),
       {code::flow_control_error}},
      {"6.10 CONTINUATION without HEADERS",
       frame(FrameType::continuation, flag::end_headers, 1, ""), protocol},
      {"6.10 CONTINUATION of another stream",
       open_block() + frame(FrameType::continuation, flag::end_headers, 3, ""), protocol},
      {"8.1 DATA before HEADERS", f::data(1, "x"), protocol},
      {"RFC 7541, 2.3.3 index 0", hpack("\x80"), {code::compression_error}},
      {"RFC 7541, 2.3.3 an index over the table", hpack("\xbe"), {code::compression_error}},
      {"RFC 7541, 4.2 a size after a field", hpack("\x88\x20"), {code::compression_error}},
      {"RFC 7541, 5.1 a number without end",
       hpack(std::string(20, '\xff')),
       {code::compression_error}},
      {"RFC 7541, 5.2 padding of Huffman code",
       hpack(bytes("\x88\x00\x01\x61\x82\x1f\xff\xff")),
       {code::compression_error}},
      {"RFC 7541, 6.3 a size over the limit", hpack("\x3f\xe1\x3f"), {code::compression_error}},
      {"RFC 7541 a block cut short", hpack(bytes("\x00\x05\x61")), {code::compression_error}},
  };
  for (const auto& crime : crimes) {
    SCOPED_TRACE(crime.section);
    const auto client = asking(GetParam());
    client->hears(crime.script);
    EXPECT_TRUE(client->session.dead());
    EXPECT_EQ(client->session.open_streams(), 0U);
    EXPECT_EQ(std::ranges::count(crime.codes, code_of(client->says(), FrameType::goaway)), 1);
  }
}

TEST_P(ClientConformanceTest, EndsAStreamOverItsErrors) {
  const Codes protocol{code::protocol_error};
  const std::vector<Crime> crimes{
      {"6.9.1 a stream's window over 2^31-1",
       f::window_update(1, 0x7fffffff),
       {code::flow_control_error}},
      {"8.1 DATA after an interim answer",
       f::headers(1, {{":status", "100"}}) + f::data(1, "x", flag::end_stream), protocol},
      {"8.1 END_STREAM on an interim answer", f::headers(1, {{":status", "100"}}, flag::end_stream),
       protocol},
      {"8.1 empty DATA with END_STREAM after an interim answer",
       f::headers(1, {{":status", "100"}}) + f::data(1, "", flag::end_stream), protocol},
      {"8.1 trailers without END_STREAM",
       f::headers(1, ok) + f::data(1, "x") + f::headers(1, {{"a", "b"}}), protocol},
      {"8.1 a pseudo-header in trailers", f::headers(1, ok) + f::headers(1, ok, flag::end_stream),
       protocol},
      {"8.1.1 more DATA than content-length", f::headers(1, with_length) + f::data(1, "1234"),
       protocol},
      {"8.1.1 less DATA than content-length",
       f::headers(1, with_length) + f::data(1, "12", flag::end_stream), protocol},
      {"8.1.1 a content-length and no DATA", f::headers(1, with_length, flag::end_stream),
       protocol},
      {"8.1.1 trailers that end it too early",
       f::headers(1, with_length) + f::data(1, "12") +
           f::headers(1, {{"a", "b"}}, flag::end_stream),
       protocol},
      {"8.1.1 another content-length in trailers",
       f::headers(1, with_length) + f::data(1, "123") +
           f::headers(1, {{"content-length", "3"}}, flag::end_stream),
       protocol},
      {"8.1.1 a wrong content-length in trailers",
       f::headers(1, ok) + f::data(1, "123") +
           f::headers(1, {{"content-length", "4"}}, flag::end_stream),
       protocol},
      {"8.1.1 a body of a 304",
       f::headers(1, {{":status", "304"}}) + f::data(1, "x", flag::end_stream), protocol},
      {"8.2.1 an upper-case name", head_and({{"A", "b"}}), protocol},
      {"8.2.2 connection", head_and({{"connection", "close"}}), protocol},
      {"8.2.2 te", head_and({{"te", "gzip"}}), protocol},
      {"8.3 an unknown pseudo-header", head_and({{":x", "y"}}), protocol},
      {"8.3 a pseudo-header of requests", head_and({{":path", "/"}}), protocol},
      {"8.3 a pseudo-header after others",
       f::headers(1, {{"a", "b"}, {":status", "200"}}, flag::end_stream), protocol},
      {"8.3 :status twice", head_and({{":status", "200"}}), protocol},
      {"8.3.2 no :status", f::headers(1, {{"a", "b"}}, flag::end_stream), protocol},
      {"8.6 status 101", f::headers(1, {{":status", "101"}}), protocol},
  };
  for (const auto& crime : crimes) {
    SCOPED_TRACE(crime.section);
    const auto client = asking(GetParam());
    client->hears(crime.script);
    EXPECT_FALSE(client->session.dead());
    const auto end = client->end();
    EXPECT_EQ(end.id, 1U);
    EXPECT_EQ(end.how, How::unknown);
    EXPECT_TRUE(end.reason.starts_with("malformed answer: ")) << end.reason;
    EXPECT_EQ(std::ranges::count(crime.codes, code_of(client->says(), FrameType::rst_stream)), 1);
    client->hears(f::headers(3, ok, flag::end_stream));
    EXPECT_EQ(client->end().how, How::answered);
  }
}

TEST_P(ClientConformanceTest, TakesWhatLooksOddAndIsAllowed) {
  const std::string end = f::data(1, "x", flag::end_stream);
  const std::vector<Crime> oddities{
      {"4.1 an unknown type", frame(static_cast<FrameType>(0x16), 0xff, 1, "?"), {}},
      {"4.1 unknown flags", frame(FrameType::ping, 0xfe, 0, "12345678"), {}},
      {"4.1 the reserved bit",
       frame(FrameType::window_update, 0, 1U << 31 | 1, bytes("\0\0\0\1")),
       {}},
      {"6.2 an empty HEADERS before its CONTINUATION",
       frame(FrameType::headers, 0, 3, "") +
           frame(FrameType::continuation, flag::end_headers, 3, f::header_block(ok)),
       {}},
      {"6.3 PRIORITY of an idle stream", frame(FrameType::priority, 0, 7, bytes("\0\0\0\1\1")), {}},
      {"6.5.2 an unknown setting", one_setting(0xff, 1), {}},
      {"6.5.2 MAX_HEADER_LIST_SIZE", one_setting(setting::max_header_list_size, 1), {}},
      {"6.5.2 larger frames", one_setting(setting::max_frame_size, (1U << 24) - 1), {}},
      {"6.9 WINDOW_UPDATE with the reserved bit", f::window_update(0, 1U << 31 | 1), {}},
      {"RFC 7541, 4.2 two sizes before the fields",
       frame(FrameType::headers, flag::end_headers, 3, "\x20\x3f\xe1\x1f\x88"),
       {}},
  };
  for (const auto& oddity : oddities) {
    SCOPED_TRACE(oddity.section);
    const auto client = asking(GetParam());
    client->hears(oddity.script + f::headers(1, ok) + end);
    EXPECT_FALSE(client->session.dead());
    EXPECT_EQ(client->end().how, How::answered);
  }
}

}  // namespace
}  // namespace fanfare::http2
