// What every engine of the client must do with tables, windows, header blocks and late frames: the
// parts of HTTP/2 that nghttp2 keeps to itself and that an engine of our own decides.
#include <gtest/gtest.h>

#include "http2/client_session.h"
#include "http2/testing/client_script.h"
#include "http2/testing/header_decoder.h"

namespace fanfare::http2 {
namespace {

using namespace std::string_literals;
namespace f = testing;
using f::Client;
using f::Frame;
using f::FrameType;
using How = Ended::How;
namespace flag = f::flag;
namespace code = f::code;
namespace setting = f::setting;

const f::Fields ok{{":status", "200"}};
using Heads = std::vector<f::Fields>;

SharedHead a_head(std::string token = "t") {
  return std::make_shared<const RequestHead>(
      RequestHead{.method = "POST",
                  .authority = "fcm.test",
                  .path = "/v1/send",
                  .headers = {{"authorization", "Bearer " + std::move(token)}}});
}

f::Fields fields_of(const RequestHead& head, std::size_t body_bytes) {
  f::Fields fields{{":method", head.method},
                   {":scheme", head.scheme},
                   {":authority", head.authority},
                   {":path", head.path}};
  for (const auto& header : head.headers) fields.emplace_back(header.name, header.value);
  fields.emplace_back("content-length", std::to_string(body_bytes));
  return fields;
}

/// HEADERS with a block of raw HPACK.
std::string raw_headers(std::uint32_t stream, const std::string& block,
                        std::uint8_t flags = flag::none) {
  return f::write_frame(
      {FrameType::headers, static_cast<std::uint8_t>(flags | flag::end_headers), stream, block});
}
/// A literal that goes into the table, and ":status: 200".
std::string indexed(const std::string& name, const std::string& value) {
  auto block = f::header_block({{name, value}});
  block[0] = '\x40';
  return "\x88" + block;
}

std::string body_of(const std::vector<Frame>& frames, std::uint32_t stream) {
  std::string body;
  for (const auto& frame : f::of_type(frames, FrameType::data)) {
    if (frame.stream == stream) body += frame.payload;
  }
  return body;
}

class ClientFramesTest : public f::EngineTest {
 protected:
  /// The header blocks of some frames, decoded in order.
  Heads heads_of(const std::vector<Frame>& frames) {
    Heads heads;
    std::string block;
    for (const auto& frame : frames) {
      if (frame.type != FrameType::headers && frame.type != FrameType::continuation) continue;
      block += frame.payload;
      if (!frame.has(flag::end_headers)) continue;
      heads.push_back(decoder.decode(block).value_or(f::Fields{{"broken", ""}}));
      block.clear();
    }
    return heads;
  }
  f::HeaderDecoder decoder;
};
INSTANTIATE_TEST_SUITE_P(Engines, ClientFramesTest, f::every_engine(), f::engine_name);

// --- Heads and the table ---

TEST_P(ClientFramesTest, WritesHeadsInTurnSoThatEachIsReadAsItWasSaid) {
  const auto client = settled();
  const std::vector heads{a_head("one"), a_head(std::string(1'024, '2')), a_head("three")};
  RequestId id = 0;
  for (const auto& head : {heads[0], heads[0], heads[1], heads[0], heads[2], heads[1], heads[1]}) {
    client->session.submit(++id, head, {.pieces = {"{", "\"a\":1", "}"}});
    if (id % 2 == 0) continue;  // Sometimes two at once.
    for (const auto& fields : heads_of(client->says())) {
      EXPECT_EQ(fields.back(), (std::pair{"content-length"s, "7"s}));
      const auto token = fields.at(4).second;
      EXPECT_TRUE(std::ranges::any_of(
          heads, [&](const auto& each) { return each->headers[0].value == token; }));
    }
  }
  client->session.submit(99, heads[2], {});
  EXPECT_EQ(heads_of(client->says()), (Heads{fields_of(*heads[2], 0)}));
}

TEST_P(ClientFramesTest, LeavesAContentLengthOfTheHeadAsItIs) {
  const auto client = settled();
  const auto head = std::make_shared<const RequestHead>(RequestHead{
      .method = "POST", .authority = "a", .headers = {{"content-length", "2"}, {"x", "y"}}});
  const f::Fields expected{{":method", "POST"}, {":scheme", "https"},    {":authority", "a"},
                           {":path", "/"},      {"content-length", "2"}, {"x", "y"}};
  for (RequestId id = 1; id <= 3; ++id) {
    client->session.submit(id, head, {.pieces = {"{}"}});
    EXPECT_EQ(heads_of(client->says()), (Heads{expected}));
  }
}

TEST_P(ClientFramesTest, SplitsALargeHeadIntoContinuations) {
  const auto client = settled();
  const auto head = a_head(std::string(40'000, 'x'));
  for (RequestId id = 1; id <= 3; ++id) {
    client->session.submit(id, head, {.pieces = {"{}"}});
    const auto frames = client->says();
    EXPECT_EQ(f::of_type(frames, FrameType::continuation).size(), 2U);
    EXPECT_EQ(heads_of(frames), (Heads{fields_of(*head, 2)}));
    EXPECT_TRUE(frames.back().has(flag::end_stream));
  }
}

TEST_P(ClientFramesTest, ObeysATableThatTheServerForbids) {
  const auto client = settled();
  const auto head = a_head();
  client->session.submit(1, head, {.pieces = {"{}"}});
  EXPECT_EQ(heads_of(client->says()), (Heads{fields_of(*head, 2)}));
  client->hears(f::settings({{setting::header_table_size, 0}}));
  decoder.set_table_bytes(0);
  for (RequestId id = 2; id <= 4; ++id) {
    client->session.submit(id, head, {.pieces = {"{}"}});
    EXPECT_EQ(heads_of(client->says()), (Heads{fields_of(*head, 2)}));
  }
  EXPECT_EQ(decoder.table_bytes(), 0U);
}

// RFC 7541, 4.2: the smallest size counts, too, as the server has evicted down to it.
TEST_P(ClientFramesTest, AnnouncesATableThatWasSmallInBetween) {
  const auto client = settled();
  const auto head = a_head(std::string(200, 'x'));
  client->session.submit(1, head, {.pieces = {"{}"}});
  (void)heads_of(client->says());
  client->hears(f::settings({{setting::header_table_size, 100}}) +
                f::settings({{setting::header_table_size, 4'096}}));
  decoder.set_table_bytes(100);
  decoder.set_table_bytes(4'096);
  client->session.submit(2, head, {.pieces = {"{}"}});
  EXPECT_EQ(heads_of(client->says()), (Heads{fields_of(*head, 2)}));
}

TEST_P(ClientFramesTest, AnnouncesATableThatWasSmallWithinOneFrame) {
  const auto client = settled();
  const auto head = a_head(std::string(200, 'x'));
  client->session.submit(1, head, {.pieces = {"{}"}});
  (void)heads_of(client->says());
  client->hears(f::settings({{setting::header_table_size, 4'096},
                             {setting::header_table_size, 0},
                             {setting::header_table_size, 4'096}}));
  decoder.set_table_bytes(0);
  decoder.set_table_bytes(4'096);
  client->session.submit(2, head, {.pieces = {"{}"}});
  EXPECT_EQ(heads_of(client->says()), (Heads{fields_of(*head, 2)}));
}

TEST_P(ClientFramesTest, MayUseALargerTable) {
  Client client(GetParam());
  client.hears(f::settings({{setting::header_table_size, 1U << 20}}));
  decoder.set_table_bytes(1U << 20);
  const auto head = a_head(std::string(8'000, 'x'));
  for (RequestId id = 1; id <= 3; ++id) {
    client.session.submit(id, head, {.pieces = {"{}"}});
    EXPECT_EQ(heads_of(client.says()), (Heads{fields_of(*head, 2)}));
  }
}

// The acknowledgement leaves first; what was submitted before it must obey it.
TEST_P(ClientFramesTest, WritesWhatWaitsByTheRulesThatCameMeanwhile) {
  const auto client = settled();
  const auto head = a_head();
  for (RequestId id = 1; id <= 2; ++id) client->session.submit(id, head, {.pieces = {"{}"}});
  (void)heads_of(client->says());
  for (RequestId id = 3; id <= 4; ++id) client->session.submit(id, head, {.pieces = {"0123456"}});
  client->hears(f::settings({{setting::header_table_size, 0}, {setting::initial_window_size, 4}}));
  decoder.set_table_bytes(0);
  const auto frames = client->says();
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames[0].type, FrameType::settings);
  EXPECT_TRUE(frames[0].has(flag::ack));
  EXPECT_EQ(heads_of(frames), (Heads{fields_of(*head, 7), fields_of(*head, 7)}));
  EXPECT_EQ(body_of(frames, 5), "0123");
  EXPECT_EQ(body_of(frames, 7), "0123");
}

TEST_P(ClientFramesTest, WritesTheOthersOfAFewWhenOneIsCancelledUnwritten) {
  const auto client = settled();
  const auto head = a_head();
  for (RequestId id = 1; id <= 2; ++id) client->session.submit(id, head, {.pieces = {"{}"}});
  (void)heads_of(client->says());
  for (RequestId id = 3; id <= 5; ++id) {
    client->session.submit(id, head, {.pieces = {"body ", std::to_string(id)}});
  }
  client->session.cancel(4, "deadline");
  EXPECT_EQ(client->end().how, How::unsent);
  client->session.submit(6, head, {.pieces = {"body ", "6"}});
  const auto frames = client->says();
  EXPECT_EQ(heads_of(frames).size(), 3U);
  EXPECT_EQ(body_of(frames, 5), "body 3");
  EXPECT_EQ(body_of(frames, 7), "");
  EXPECT_EQ(body_of(frames, 9), "body 5");
  EXPECT_EQ(body_of(frames, 11), "body 6");
}

// --- Windows of the server ---

TEST_P(ClientFramesTest, WaitsOutANegativeWindow) {
  Client client(GetParam());
  client.hears(f::settings({{setting::initial_window_size, 10}}));
  client.session.submit(1, a_head(), {.pieces = {"0123456789abcdefghij"}});
  EXPECT_EQ(body_of(client.says(), 1), "0123456789");
  client.hears(f::settings({{setting::initial_window_size, 0}}));
  client.hears(f::window_update(1, 10));
  EXPECT_EQ(body_of(client.says(), 1), "") << "10 less and 10 more are nothing";
  client.hears(f::window_update(1, 3));
  EXPECT_EQ(body_of(client.says(), 1), "abc");
  client.hears(f::settings({{setting::initial_window_size, 100}}));
  EXPECT_EQ(body_of(client.says(), 1), "defghij");
}

TEST_P(ClientFramesTest, WritesOneStreamWhileAnotherWaitsForItsWindow) {
  Client client(GetParam());
  client.hears(f::settings({{setting::initial_window_size, 10}}));
  const auto head = a_head();
  client.session.submit(1, head, {.pieces = {std::string_view("longer than ten bytes")}});
  for (RequestId id = 2; id <= 4; ++id) client.session.submit(id, head, {.pieces = {"short"}});
  const auto frames = client.says();
  EXPECT_EQ(body_of(frames, 1), "longer tha");
  EXPECT_EQ(body_of(frames, 7), "short");
  client.session.submit(5, head, {.pieces = {"short"}});
  EXPECT_EQ(body_of(client.says(), 9), "short");
}

TEST_P(ClientFramesTest, KeepsWithinTheWindowOfTheConnection) {
  Client client(GetParam());
  client.hears(f::settings({{setting::initial_window_size, 1U << 20}}));
  const std::string body(20'000, 'x');
  const auto head = a_head();
  for (RequestId id = 0; id < 5; ++id) client.session.submit(id, head, {.pieces = {body}});
  std::size_t sent = 0;
  for (const auto& frame : f::of_type(client.says(), FrameType::data)) {
    EXPECT_LE(frame.payload.size(), 16'384U);
    sent += frame.payload.size();
  }
  EXPECT_EQ(sent, 65'535U);
  client.hears(f::window_update(0, 50'000));
  for (const auto& frame : f::of_type(client.says(), FrameType::data)) sent += frame.payload.size();
  EXPECT_EQ(sent, 100'000U);
}

TEST_P(ClientFramesTest, GivesTheWindowOfAWithdrawnRequestToOthers) {
  const auto client = settled();
  const auto head = a_head();
  const std::string body(16'000, 'x');
  for (RequestId id = 1; id <= 2; ++id) client->session.submit(id, head, {.pieces = {"{}"}});
  (void)client->says();
  for (RequestId id = 3; id <= 6; ++id) client->session.submit(id, head, {.pieces = {body}});
  client->session.cancel(4, "deadline");
  client->session.submit(7, head, {.pieces = {body}});
  std::size_t sent = 0;
  for (const auto& frame : f::of_type(client->says(), FrameType::data)) {
    sent += frame.payload.size();
  }
  EXPECT_EQ(sent, 4 * body.size());
}

TEST_P(ClientFramesTest, RefusesAStreamWhoseWindowOverflows) {
  const auto client = settled();
  client->session.submit(1, a_head(), {});
  client->session.submit(2, a_head(), {});
  (void)client->says();
  client->hears(f::window_update(1, 0x7fffffff));
  const auto end = client->end();
  EXPECT_EQ(end.id, 1U);
  EXPECT_EQ(end.how, How::unknown);
  EXPECT_TRUE(end.reason.starts_with("malformed answer: FLOW_CONTROL_ERROR"));
  EXPECT_FALSE(client->session.dead());
}

// --- Our windows ---

/// Answers of 16 KiB a frame.
std::string large_data(std::uint32_t stream, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) bytes += f::data(stream, std::string(16'384, 'x'));
  return bytes;
}

// Our larger window binds a server that has acknowledged it; until then it is 65,535 bytes.
TEST_P(ClientFramesTest, RefusesDataOverTheWindowOfAStream) {
  const auto client = settled();
  client->session.submit(1, a_head(), {});
  (void)client->says();
  client->hears(f::headers(1, ok) + large_data(1, 7));
  const auto end = client->end();
  EXPECT_EQ(end.how, How::unknown);
  EXPECT_NE(end.reason.find("FLOW_CONTROL_ERROR"), std::string::npos);
  EXPECT_FALSE(client->session.dead());
}

TEST_P(ClientFramesTest, GivesTheLargerWindowWithItsAcknowledgement) {
  const auto client = settled();
  client->session.submit(1, a_head(), {});
  (void)client->says();
  client->hears(f::settings_ack() + f::headers(1, ok) + large_data(1, 60) +
                f::data(1, "", flag::end_stream));
  EXPECT_EQ(client->end().response.body.size(), 60U * 16'384);
}

TEST_P(ClientFramesTest, CountsPaddingAndLateDataAgainstTheWindow) {
  const auto client = settled({.body_bytes = 64U << 20});
  client->session.submit(1, a_head(), {});
  client->session.submit(2, a_head(), {});
  (void)client->says();
  client->session.cancel(1, "deadline");
  (void)client->says();
  std::uint32_t credit = 0;
  client->hears(f::headers(3, ok));
  for (int i = 0; i < 520; ++i) {  // Together they are over half of 16 MiB.
    client->hears(large_data(1, 1) + f::padded_data(3, "", 255));
    for (const auto& frame : f::of_type(client->says(), FrameType::window_update)) {
      if (frame.stream == 0) credit += frame.number();
    }
  }
  EXPECT_GE(credit, 8U << 20);
}

// --- Header blocks of answers ---

TEST_P(ClientFramesTest, KeepsTheTableThroughBlocksThatNobodyWaitsFor) {
  const auto client = settled();
  for (RequestId id = 1; id <= 3; ++id) client->session.submit(id, a_head(), {});
  (void)client->says();
  client->session.cancel(1, "deadline");
  (void)client->ends();
  client->hears(raw_headers(1, indexed("late", "1"), flag::end_stream) +
                raw_headers(3, "\x88\xbe", flag::end_stream));
  EXPECT_EQ(find_header(client->end().response, "late"), "1");
}

TEST_P(ClientFramesTest, KeepsTheTableThroughMalformedAndLargeHeads) {
  const auto client = settled({.header_bytes = 200});
  for (RequestId id = 1; id <= 3; ++id) client->session.submit(id, a_head(), {});
  (void)client->says();
  const auto large = f::header_block({{"large", std::string(300, 'x')}});
  client->hears(raw_headers(1, indexed("a", "1") + f::header_block({{"Upper", "x"}}) +
                                   indexed("b", "2").substr(1)) +
                raw_headers(3, "\x88" + large + indexed("c", "3").substr(1)) +
                raw_headers(5, "\x88\xbe\xbf\xc0", flag::end_stream));
  const auto ended = client->ends();
  ASSERT_EQ(ended.size(), 3U);
  EXPECT_EQ(f::all_headers(std::ranges::find(ended, 3U, &Ended::id)->response).size(), 3U);
}

TEST_P(ClientFramesTest, ReadsARepeatedBlockByTheTableOfItsTime) {
  const auto client = settled();
  for (RequestId id = 1; id <= 6; ++id) client->session.submit(id, a_head(), {});
  (void)client->says();
  client->hears(
      raw_headers(1, indexed("a", "1"), flag::end_stream) +
      raw_headers(3, "\x88\xbe", flag::end_stream) + raw_headers(5, "\x88\xbe", flag::end_stream) +
      raw_headers(7, indexed("b", "2"), flag::end_stream) +
      raw_headers(9, "\x88\xbe", flag::end_stream) + raw_headers(11, "\x88\xbe", flag::end_stream));
  const auto ended = client->ends();
  ASSERT_EQ(ended.size(), 6U);
  for (const std::size_t i : {0U, 1U, 2U}) EXPECT_EQ(find_header(ended[i].response, "a"), "1");
  for (const std::size_t i : {3U, 4U, 5U}) {
    EXPECT_EQ(find_header(ended[i].response, "b"), "2");
    EXPECT_EQ(find_header(ended[i].response, "a"), "");
  }
}

TEST_P(ClientFramesTest, HoldsEachAnswerToItsOwnContentLength) {
  const auto client = settled();
  for (RequestId id = 1; id <= 3; ++id) client->session.submit(id, a_head(), {});
  (void)client->says();
  const f::Fields five{{":status", "200"}, {"content-length", "5"}};
  client->hears(f::headers(1, five) + f::data(1, "12345", flag::end_stream) + f::headers(3, five) +
                f::data(3, "1234", flag::end_stream) + f::headers(5, five) +
                f::data(5, "123456", flag::end_stream));
  const auto ended = client->ends();
  ASSERT_EQ(ended.size(), 3U);
  EXPECT_EQ(ended[0].how, How::answered);
  EXPECT_EQ(ended[1].how, How::unknown);
  EXPECT_EQ(ended[2].how, How::unknown);
}

TEST_P(ClientFramesTest, TakesNoBodyWhereThereIsNone) {
  const auto client = settled();
  client->session.submit(1, a_head(), {});
  client->session.submit(2, a_head(), {});
  client->session.submit(3, {"HEAD", "https", "a", "/", {}, {}});
  (void)client->says();
  client->hears(f::headers(1, {{":status", "204"}}) + f::data(1, "x", flag::end_stream) +
                f::headers(3, {{":status", "304"}, {"content-length", "7"}}, flag::end_stream) +
                f::headers(5, {{":status", "200"}, {"content-length", "7"}}, flag::end_stream));
  std::map<RequestId, How> ends;
  for (const auto& end : client->ends()) ends[end.id] = end.how;
  EXPECT_EQ(ends,
            (std::map<RequestId, How>{{1, How::unknown}, {2, How::answered}, {3, How::answered}}));
}

TEST_P(ClientFramesTest, BoundsTrailersByTheHeaderLimit) {
  const auto client = settled({.header_bytes = 100});
  client->session.submit(1, a_head(), {});
  (void)client->says();
  client->hears(f::headers(1, ok) + f::data(1, "x") +
                f::headers(1, {{"a", std::string(100, 'x')}}, flag::end_stream));
  EXPECT_EQ(client->end().how, How::unknown);
}

TEST_P(ClientFramesTest, ReadsPaddedHeadersWithPriority) {
  const auto client = settled();
  client->session.submit(1, a_head(), {});
  (void)client->says();
  client->hears(f::write_frame(
      {FrameType::headers, flag::end_headers | flag::end_stream | flag::padded | flag::priority, 1,
       "\x02" + std::string(5, '\0') + f::header_block({{":status", "200"}, {"a", "b"}}) +
           "\0\0"s}));
  EXPECT_EQ(find_header(client->end().response, "a"), "b");
}

// --- Late frames ---

TEST_P(ClientFramesTest, IgnoresFramesOnStreamsThatHaveEnded) {
  const auto client = settled();
  for (RequestId id = 1; id <= 3; ++id) client->session.submit(id, a_head(), {});
  (void)client->says();
  client->hears(f::headers(1, ok, flag::end_stream) + f::rst_stream(3, code::cancel));
  (void)client->ends();
  for (const std::uint32_t stream : {1U, 3U}) {
    client->hears(f::window_update(stream, 10) + f::rst_stream(stream, code::no_error) +
                  f::data(stream, "late") + f::headers(stream, ok, flag::end_stream) +
                  f::write_frame({FrameType::priority, flag::none, stream, "\0\0\0\0\x10"s}));
  }
  EXPECT_FALSE(client->session.dead());
  EXPECT_TRUE(client->ends().empty());
  client->hears(f::headers(5, ok, flag::end_stream));
  EXPECT_EQ(client->end().how, How::answered);
}

TEST_P(ClientFramesTest, IgnoresFramesOnStreamsAboveAGoaway) {
  const auto client = settled();
  for (RequestId id = 1; id <= 2; ++id) client->session.submit(id, a_head(), {});
  (void)client->says();
  client->hears(f::goaway(1, code::no_error) + f::headers(3, ok) + f::data(3, "late"));
  EXPECT_EQ(client->end().id, 2U);
  EXPECT_FALSE(client->session.dead());
}

// --- Floods ---

TEST_P(ClientFramesTest, OutlivesManyFramesThatCostNothing) {
  const auto client = settled();
  client->session.submit(1, a_head(), {});
  client->session.submit(2, a_head(), {});
  (void)client->says();
  std::string flood = f::headers(1, ok);
  for (int i = 0; i < 20'000; ++i) {
    flood += f::data(1, "");
    flood += f::rst_stream(3, code::cancel);
    flood += f::ping("unasked!", flag::ack);
    flood += f::write_frame({static_cast<FrameType>(0x77), flag::none, 0, "unknown"});
  }
  client->hears(flood);
  EXPECT_FALSE(client->session.dead());
  EXPECT_EQ(client->end().id, 2U);
  EXPECT_TRUE(client->says().empty());
  EXPECT_EQ(client->session.take_pongs(), 0U);
}

TEST_P(ClientFramesTest, AnswersPingsForEverWhenItsOutputIsTaken) {
  const auto client = settled();
  for (int i = 0; i < 5'000; ++i) {
    client->hears(f::ping("12345678"));
    ASSERT_EQ(client->says().size(), 1U);
  }
}

// --- The engine of our own ---

TEST(FrameClientSession, WritesAKnownHeadInAFewBytes) {
  const auto client = Client::settled(Http2Engine::frames);
  const auto head = a_head(std::string(1'024, 't'));
  for (RequestId id = 1; id <= 3; ++id) client->session.submit(id, head, {.pieces = {"{}"}});
  const auto frames = f::of_type(client->says(), FrameType::headers);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_GT(frames[0].payload.size(), 1'024U);
  EXPECT_LE(frames[1].payload.size(), 10U);
  EXPECT_EQ(frames[2].payload, frames[1].payload);
  client->session.submit(4, head, {.pieces = {"{}"}});
  EXPECT_EQ(f::of_type(client->says(), FrameType::headers)[0].payload, frames[1].payload);
}

TEST(FrameClientSession, SharesTheHeadersOfAnswersThatRepeat) {
  const auto client = Client::settled(Http2Engine::frames);
  for (RequestId id = 1; id <= 2; ++id) client->session.submit(id, a_head(), {});
  (void)client->says();
  const f::Fields fields{{":status", "200"}, {"server", "x"}};
  client->hears(f::headers(1, fields, flag::end_stream) + f::headers(3, fields, flag::end_stream));
  const auto ended = client->ends();
  ASSERT_EQ(ended.size(), 2U);
  EXPECT_NE(ended[0].response.common, nullptr);
  EXPECT_EQ(ended[0].response.common, ended[1].response.common);
}

// What was never handed over can't have been processed, whatever the server says meanwhile.
TEST(FrameClientSession, EndsAsUnsentWhatWasReadyWhenTheConnectionDies) {
  const auto client = Client::settled(Http2Engine::frames);
  const auto head = a_head();
  for (RequestId id = 1; id <= 2; ++id) client->session.submit(id, head, {});
  (void)client->says();
  client->session.submit(3, head, {});
  client->hears(f::ping("12345678"));
  client->session.connection_lost("gone");
  std::map<RequestId, How> ends;
  for (const auto& end : client->ends()) ends[end.id] = end.how;
  EXPECT_EQ(ends,
            (std::map<RequestId, How>{{1, How::unknown}, {2, How::unknown}, {3, How::unsent}}));
}

// RFC 9113, 6.9.2. nghttp2 resets the stream alone.
TEST(FrameClientSession, DiesOfSettingsThatOverflowAWindow) {
  const auto client = Client::settled(Http2Engine::frames);
  client->session.submit(1, a_head(), {});
  (void)client->says();
  client->hears(f::window_update(1, 0x7fffffff - 65'535) +
                f::settings({{setting::initial_window_size, 65'536}}));
  EXPECT_TRUE(client->session.dead());
  EXPECT_EQ(client->says().back().number(4), code::flow_control_error);
}

}  // namespace
}  // namespace fanfare::http2
