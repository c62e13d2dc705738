// The server's end against what RFC 9113 and 7541 forbid a client, section by section: the checks
// of h2spec, which is written in Go and is no package of Debian's, as scripts of frames.
#include <gtest/gtest.h>

#include "http2/server_session.h"
#include "http2/testing/frames.h"

namespace fanfare::http2 {
namespace {

namespace f = testing;
using f::Frame;
using f::FrameType;
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

const f::Fields fields{
    {":method", "POST"}, {":scheme", "https"}, {":authority", "a"}, {":path", "/"}};

f::Fields with(const f::Fields& more) {
  auto all = fields;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
f::Fields without(std::string_view name) {
  auto all = fields;
  std::erase_if(all, [&](const auto& field) { return field.first == name; });
  return all;
}

std::string whole(std::uint32_t stream) {
  return f::headers(stream, fields, flag::end_stream);
}
std::string begun(std::uint32_t stream) {
  return f::headers(stream, fields);
}
/// HEADERS whose block does not end here.
std::string open_block(std::uint32_t stream) {
  return frame(FrameType::headers, flag::end_stream, stream, f::header_block(fields));
}
std::string one_setting(std::uint16_t id, std::uint32_t value) {
  return f::settings({{id, value}});
}
std::string block(const std::string& hpack) {
  return frame(FrameType::headers, flag::end_stream | flag::end_headers, 1,
               f::header_block(fields) + hpack);
}

/// What a client does. Between its steps, requests that arrived are answered.
struct Crime {
  const char* section;
  std::vector<std::string> steps;
  Codes codes;  ///< The error may be any of these.
};

/// A server that answers every request with 200.
class Server {
 public:
  Server() { hears(std::string(f::client_preface) + f::settings()); }

  void hears(const std::string& script) {
    session.receive({reinterpret_cast<const std::uint8_t*>(script.data()), script.size()});
    std::vector<Incoming> requests;
    session.take_requests(requests);
    answered += requests.size();
    for (const auto& request : requests) session.respond(request.stream, {200, {}, ""});
    std::string out;
    session.take_output(out);
    std::ranges::copy(f::parse_frames(out), std::back_inserter(said));
  }
  void commits(const Crime& crime) {
    for (const auto& step : crime.steps) hears(step);
  }
  /// The error codes of all frames of this type.
  [[nodiscard]] Codes errors(FrameType type) const {
    Codes all;
    for (const auto& frame : said) {
      if (frame.type == type) all.push_back(frame.number(type == FrameType::goaway ? 4 : 0));
    }
    return all;
  }
  [[nodiscard]] bool serves(std::uint32_t stream) {
    const auto before = answered;
    hears(whole(stream));
    return answered == before + 1;
  }

  ServerSession session;
  std::vector<Frame> said;
  std::size_t answered = 0;
};

bool is_one_of(const Codes& came, const Codes& allowed) {
  return came.size() == 1 && std::ranges::find(allowed, came[0]) != allowed.end();
}

void expect_connection_error(const Crime& crime) {
  SCOPED_TRACE(crime.section);
  Server server;
  server.commits(crime);
  EXPECT_TRUE(server.session.dead());
  EXPECT_TRUE(is_one_of(server.errors(FrameType::goaway), crime.codes))
      << ::testing::PrintToString(server.errors(FrameType::goaway));
}

void expect_stream_error(const Crime& crime) {
  SCOPED_TRACE(crime.section);
  Server server;
  server.commits(crime);
  EXPECT_TRUE(is_one_of(server.errors(FrameType::rst_stream), crime.codes))
      << ::testing::PrintToString(server.errors(FrameType::rst_stream));
  EXPECT_EQ(server.errors(FrameType::goaway), Codes());
  EXPECT_TRUE(server.serves(101));
}

void expect_nothing(const Crime& crime) {
  SCOPED_TRACE(crime.section);
  Server server;
  server.commits(crime);
  EXPECT_EQ(server.errors(FrameType::rst_stream), Codes());
  EXPECT_EQ(server.errors(FrameType::goaway), Codes());
  EXPECT_TRUE(server.serves(101));
}

TEST(Conformance, FramesAreOfTheirSize) {
  const Codes size{code::frame_size_error};
  for (const Crime& crime : {
           Crime{"4.2 too large", {begun(1) + f::data(1, std::string(16'385, 'x'))}, size},
           Crime{"4.2 HEADERS too large",
                 {frame(FrameType::headers, flag::end_headers, 1, std::string(16'385, 'x'))},
                 size},
           Crime{"6.3 PRIORITY", {frame(FrameType::priority, 0, 1, "1234")}, size},
           Crime{"6.4 RST_STREAM", {begun(1) + frame(FrameType::rst_stream, 0, 1, "123")}, size},
           Crime{"6.5 SETTINGS", {frame(FrameType::settings, 0, 0, "123")}, size},
           Crime{"6.5 acknowledgement with a payload",
                 {frame(FrameType::settings, flag::ack, 0, bytes("\0\x03\0\0\0\1"))},
                 size},
           Crime{"6.7 PING", {frame(FrameType::ping, 0, 0, "123456")}, size},
           Crime{"6.9 WINDOW_UPDATE", {frame(FrameType::window_update, 0, 0, "123")}, size},
       }) {
    expect_connection_error(crime);
  }
}

TEST(Conformance, FramesBelongToTheRightStream) {
  const Codes protocol{code::protocol_error};
  for (const Crime& crime : {
           Crime{"6.1 DATA on 0", {f::data(0, "x")}, protocol},
           Crime{"6.2 HEADERS on 0", {whole(0)}, protocol},
           Crime{"6.3 PRIORITY on 0", {frame(FrameType::priority, 0, 0, "\1\1\1\1\1")}, protocol},
           Crime{"6.4 RST_STREAM on 0", {f::rst_stream(0, code::cancel)}, protocol},
           Crime{"6.5 SETTINGS on 1", {frame(FrameType::settings, 0, 1, "")}, protocol},
           Crime{"6.7 PING on 1", {frame(FrameType::ping, 0, 1, "12345678")}, protocol},
           Crime{"6.8 GOAWAY on 1", {frame(FrameType::goaway, 0, 1, "12345678")}, protocol},
           Crime{"6.10 CONTINUATION on 0",
                 {open_block(1) + frame(FrameType::continuation, flag::end_headers, 0, "")},
                 protocol},
           Crime{"5.1.1 even stream", {whole(2)}, protocol},
       }) {
    expect_connection_error(crime);
  }
}

TEST(Conformance, IdleStreamsTakeHeadersAndPriorityOnly) {
  const Codes protocol{code::protocol_error};
  for (const Crime& crime : {
           Crime{"5.1 DATA", {f::data(1, "x")}, protocol},
           Crime{"5.1 RST_STREAM", {f::rst_stream(1, code::cancel)}, protocol},
           Crime{"5.1 WINDOW_UPDATE", {f::window_update(1, 1)}, protocol},
           Crime{"5.1 CONTINUATION",
                 {frame(FrameType::continuation, flag::end_headers, 1, "")},
                 protocol},
       }) {
    expect_connection_error(crime);
  }
  expect_nothing({"5.1 PRIORITY", {frame(FrameType::priority, 0, 1, bytes("\0\0\0\0\1"))}, {}});
}

TEST(Conformance, EndedStreamsTakeNoMore) {
  const Codes closed{code::stream_closed};
  const std::string continuation = frame(FrameType::continuation, flag::end_headers, 1, "");
  for (const Crime& crime : {
           Crime{"5.1 DATA on half-closed", {whole(1) + f::data(1, "x")}, closed},
           Crime{"5.1 HEADERS on half-closed", {whole(1) + whole(1)}, closed},
           Crime{"5.1 DATA on closed", {whole(1), f::data(1, "x")}, closed},
           Crime{"5.1 HEADERS on closed", {whole(1), whole(1)}, closed},
           Crime{"5.1 CONTINUATION on half-closed",
                 {whole(1) + continuation},
                 {code::stream_closed, code::protocol_error}},
           Crime{"5.1 CONTINUATION on closed",
                 {whole(1), continuation},
                 {code::stream_closed, code::protocol_error}},
       }) {
    expect_connection_error(crime);
  }
}

// Frames that were under way when the other end closed the stream (RFC 9113, 5.1, "closed"). A
// stream that was left out is taken for one of these: nghttp2 does not remember which is which.
TEST(Conformance, LateFramesOnAClosedStreamAreForgiven) {
  for (const Crime& crime : {
           Crime{"WINDOW_UPDATE", {whole(1), f::window_update(1, 1)}, {}},
           Crime{"HEADERS", {whole(5), whole(3)}, {}},
           Crime{"RST_STREAM", {whole(1), f::rst_stream(1, code::cancel)}, {}},
           Crime{"PRIORITY", {whole(1), frame(FrameType::priority, 0, 1, bytes("\0\0\0\0\1"))}, {}},
       }) {
    expect_nothing(crime);
  }
}

TEST(Conformance, ABlockOfHeadersIsOneUnit) {
  const Codes protocol{code::protocol_error};
  const std::string continuation = frame(FrameType::continuation, flag::end_headers, 1, "");
  for (const Crime& crime : {
           Crime{"6.2 PRIORITY within",
                 {open_block(1) + frame(FrameType::priority, 0, 1, bytes("\0\0\0\0\1"))},
                 protocol},
           Crime{"6.2 HEADERS within", {open_block(1) + whole(3)}, protocol},
           Crime{"6.10 DATA within", {open_block(1) + f::data(1, "x")}, protocol},
           Crime{"5.5 unknown frame within",
                 {open_block(1) + frame(static_cast<FrameType>(0x42), 0, 0, "x")},
                 protocol},
           Crime{"6.10 CONTINUATION after the end", {whole(1) + continuation}, protocol},
           Crime{"6.10 CONTINUATION after DATA",
                 {begun(1) + f::data(1, "x") + continuation},
                 protocol},
           Crime{"6.10 CONTINUATION after a CONTINUATION that ends",
                 {open_block(1) + continuation + continuation},
                 protocol},
       }) {
    expect_connection_error(crime);
  }
  expect_nothing({"6.10 CONTINUATION", {open_block(1) + continuation}, {}});
}

TEST(Conformance, PaddingFitsInItsFrame) {
  const Codes protocol{code::protocol_error};
  expect_connection_error({"6.1 DATA",
                           {begun(1) + frame(FrameType::data, flag::padded, 1,
                                             "\x05"
                                             "1234")},
                           protocol});
  expect_connection_error({"6.2 HEADERS",
                           {frame(FrameType::headers, flag::padded | flag::end_headers, 1,
                                  "\x7f"
                                  "1234")},
                           protocol});
}

TEST(Conformance, SettingsAreInRange) {
  const Codes protocol{code::protocol_error};
  for (const Crime& crime : {
           Crime{"6.5.2 ENABLE_PUSH", {one_setting(setting::enable_push, 2)}, protocol},
           Crime{"6.5.2 INITIAL_WINDOW_SIZE",
                 {one_setting(setting::initial_window_size, 0x80000000)},
                 {code::flow_control_error}},
           Crime{"6.5.2 MAX_FRAME_SIZE low",
                 {one_setting(setting::max_frame_size, 16'383)},
                 protocol},
           Crime{"6.5.2 MAX_FRAME_SIZE high",
                 {one_setting(setting::max_frame_size, 1U << 24)},
                 protocol},
       }) {
    expect_connection_error(crime);
  }
  expect_nothing({"6.5.2 unknown", {one_setting(0x42, 1)}, {}});
  expect_nothing({"6.5.2 small table", {one_setting(setting::header_table_size, 0)}, {}});
}

// nghttp2 is stricter than section 6.9 with nothing for a stream, and milder than 6.9.2.
TEST(Conformance, WindowsStayWindows) {
  const Codes protocol{code::protocol_error};
  const Codes flow_control{code::flow_control_error};
  expect_connection_error({"6.9 nothing", {f::window_update(0, 0)}, protocol});
  expect_connection_error(
      {"6.9 nothing, on a stream", {begun(1) + f::window_update(1, 0)}, protocol});
  expect_connection_error({"6.9.1 overflow", {f::window_update(0, 0x7fffffff)}, flow_control});
  expect_stream_error(
      {"6.9.1 overflow, on a stream", {begun(1) + f::window_update(1, 0x7fffffff)}, flow_control});
  expect_stream_error({"6.9.2 overflow by SETTINGS",
                       {begun(1) + f::window_update(1, 0x70000000) +
                        one_setting(setting::initial_window_size, 0x7fffffff)},
                       flow_control});
}

TEST(Conformance, HeadersAreCompressedAsSaid) {
  const Codes compression{code::compression_error};
  for (const Crime& crime : {
           Crime{"7541, 2.3.3 index that is not there", {block("\xff\x80\x01")}, compression},
           Crime{"7541, 6.1 index 0", {block("\x80")}, compression},
           Crime{"7541, 4.2 table larger than allowed",
                 {frame(FrameType::headers, flag::end_headers | flag::end_stream, 1,
                        "\x3f\xe2\x1f" + f::header_block(fields))},
                 compression},
           Crime{"7541, 4.2 table size at the end", {block("\x20")}, compression},
           Crime{"7541, 5.2 Huffman padding of zeros",
                 {block(bytes("\x10\1x\x81\x18"))},
                 compression},
           Crime{
               "7541, 5.2 Huffman padding of a byte", {block("\x10\1x\x82\x1f\xff")}, compression},
           Crime{"7541, 5.1 number without end",
                 {block("\xff\xff\xff\xff\xff\xff\xff")},
                 compression},
           Crime{"4.3 block cut short",
                 {block("\x10\x05"
                        "ab")},
                 compression},
       }) {
    expect_connection_error(crime);
  }
}

TEST(Conformance, RequestsAreWellFormed) {
  const auto bad = [](const f::Fields& request) {
    return std::vector{f::headers(1, request, flag::end_stream)};
  };
  const auto said = [](std::string_view length) {
    return f::headers(1, with({{"content-length", std::string(length)}}));
  };
  auto late = fields;
  late.insert(late.begin() + 3, {"x", "y"});
  auto empty_path = without(":path");
  empty_path.emplace_back(":path", "");
  const Codes protocol{code::protocol_error};
  for (const Crime& crime : {
           Crime{"8.2 upper case", bad(with({{"X-Test", "y"}})), protocol},
           Crime{"8.2.1 space in a name", bad(with({{"x y", "z"}})), protocol},
           Crime{"8.2.1 zero in a value", bad(with({{"x", bytes("a\0b")}})), protocol},
           Crime{"8.2.1 new line in a value", bad(with({{"x", "a\nb"}})), protocol},
           Crime{"8.2.2 connection", bad(with({{"connection", "keep-alive"}})), protocol},
           Crime{"8.2.2 proxy-connection", bad(with({{"proxy-connection", "x"}})), protocol},
           Crime{"8.2.2 keep-alive", bad(with({{"keep-alive", "x"}})), protocol},
           Crime{"8.2.2 upgrade", bad(with({{"upgrade", "h2c"}})), protocol},
           Crime{"8.2.2 transfer-encoding", bad(with({{"transfer-encoding", "chunked"}})),
                 protocol},
           Crime{"8.2.2 TE", bad(with({{"te", "trailers, deflate"}})), protocol},
           Crime{"8.3 unknown pseudo-header", bad(with({{":test", "x"}})), protocol},
           Crime{"8.3 of an answer", bad(with({{":status", "200"}})), protocol},
           Crime{"8.3 after a regular one", bad(late), protocol},
           Crime{"8.3 in trailers",
                 {begun(1) + f::headers(1, {{":method", "GET"}}, flag::end_stream)},
                 protocol},
           Crime{"8.3.1 empty path", bad(empty_path), protocol},
           Crime{"8.3.1 no path", bad(without(":path")), protocol},
           Crime{"8.3.1 no method", bad(without(":method")), protocol},
           Crime{"8.3.1 no scheme", bad(without(":scheme")), protocol},
           Crime{"8.3.1 two paths", bad(with({{":path", "/"}})), protocol},
           Crime{"8.3.1 two methods", bad(with({{":method", "GET"}})), protocol},
           Crime{"8.3.1 two schemes", bad(with({{":scheme", "http"}})), protocol},
           Crime{"8.1.1 body shorter than said",
                 {said("3") + f::data(1, "12", flag::end_stream)},
                 protocol},
           Crime{"8.1.1 body longer than said",
                 {said("3") + f::data(1, "12") + f::data(1, "34", flag::end_stream)},
                 protocol},
           Crime{"8.1.1 no body where one is said",
                 {f::headers(1, with({{"content-length", "1"}}), flag::end_stream)},
                 protocol},
           Crime{"8.1 second headers without an end",
                 {begun(1) + f::headers(1, {{"x", "y"}})},
                 protocol},
       }) {
    expect_stream_error(crime);
  }
  expect_nothing({"8.2.2 TE: trailers", bad(with({{"te", "trailers"}})), {}});
}

TEST(Conformance, ClientsPromiseNothing) {
  expect_connection_error({"8.4",
                           {begun(1) + frame(FrameType::push_promise, flag::end_headers, 1,
                                             bytes("\0\0\0\2") + f::header_block(fields))},
                           {code::protocol_error}});
}

TEST(Conformance, WhatIsUnknownIsIgnored) {
  const auto reserved = frame(FrameType::ping, 0xfe, 0, "12345678");
  for (const Crime& crime : {
           Crime{"4.1 unknown type", {frame(static_cast<FrameType>(0x42), 0xff, 1, "xyz")}, {}},
           Crime{"4.1 unknown flags", {reserved}, {}},
           Crime{"4.1 reserved bit", {f::headers(1U << 31 | 1, fields, flag::end_stream)}, {}},
           Crime{"7 unknown error code", {begun(1) + f::rst_stream(1, 0xff)}, {}},
           Crime{"6.7 PING acknowledged unasked", {f::ping("12345678", flag::ack)}, {}},
       }) {
    expect_nothing(crime);
  }
}

TEST(Conformance, PriorityOnHeadersIsSkipped) {
  const auto block = bytes("\0\0\0\0\xff") + f::header_block(fields);
  const std::uint8_t flags = flag::priority | flag::end_headers | flag::end_stream;
  expect_nothing({"6.2", {frame(FrameType::headers, flags, 1, block)}, {}});
}

// RFC 9113, 3.4.
TEST(Conformance, TheFirstFrameIsSettings) {
  ServerSession session;
  const std::string script = std::string(f::client_preface) + f::ping("12345678");
  session.receive({reinterpret_cast<const std::uint8_t*>(script.data()), script.size()});
  EXPECT_TRUE(session.dead());
}

TEST(Conformance, PingsAreAnsweredInKind) {
  Server server;
  server.hears(f::ping("12345678"));
  EXPECT_EQ(server.said.back().type, FrameType::ping);
  EXPECT_TRUE(server.said.back().has(flag::ack));
  EXPECT_EQ(server.said.back().payload, "12345678");
}

}  // namespace
}  // namespace fanfare::http2
