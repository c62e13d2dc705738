#include "http2/frame_reader.h"

#include <gtest/gtest.h>

#include "http2/testing/frames.h"

namespace fanfare::http2 {
namespace {

namespace f = testing;
using f::FrameType;
namespace flag = f::flag;

/// What the reader makes of bytes that arrive in pieces of a size.
struct Reading {
  std::vector<f::Frame> frames;
  std::uint32_t fault = 0;
};

Reading read(const std::string& bytes, std::size_t piece_bytes = std::string::npos) {
  FrameReader reader;
  Reading reading;
  for (std::size_t at = 0; at < bytes.size(); at += std::min(piece_bytes, bytes.size())) {
    const auto piece = bytes.substr(at, piece_bytes);
    reader.push({reinterpret_cast<const std::uint8_t*>(piece.data()), piece.size()});
    while (const Frame* frame = reader.next()) {
      reading.frames.push_back({static_cast<FrameType>(frame->type), frame->flags, frame->stream,
                                std::string(frame->payload)});
    }
  }
  if (reader.fault()) reading.fault = reader.fault()->code;
  return reading;
}

std::string payloads(const Reading& reading) {
  std::string all;
  for (const auto& frame : reading.frames) all += frame.payload + "|";
  return all;
}

std::string priority(const std::string& block) {
  return std::string("\0\0\0\0\x10", 5) + block;
}

TEST(FrameReader, ReadsTheSameInPiecesOfAnySize) {
  const std::string bytes = f::settings({{1, 2}}) + f::data(1, "one") + f::ping("12345678") +
                            f::data(3, "") + f::data(3, std::string(16'384, 'x'));
  const auto expected = payloads(read(bytes));
  EXPECT_EQ(read(bytes).frames.size(), 5U);
  for (const std::size_t piece_bytes : {1U, 2U, 8U, 9U, 10U, 13U, 100U, 16'000U}) {
    const auto reading = read(bytes, piece_bytes);
    EXPECT_EQ(payloads(reading), expected) << piece_bytes;
    EXPECT_EQ(reading.fault, 0U);
  }
}

TEST(FrameReader, JoinsAHeaderBlock) {
  const f::Fields fields{{"a", "b"}, {"c", "d"}};
  const auto reading =
      read(f::settings() + f::headers_in_pieces(1, fields, 5, flag::end_stream) + f::data(1, ""));
  ASSERT_EQ(reading.frames.size(), 3U);
  EXPECT_EQ(reading.frames[1].type, FrameType::headers);
  EXPECT_TRUE(reading.frames[1].has(flag::end_stream));
  EXPECT_EQ(reading.frames[1].payload, f::header_block(fields));
}

TEST(FrameReader, TakesPaddingAndPriorityOffHeaders) {
  const auto reading =
      read(f::settings() +
           f::write_frame(
               {FrameType::headers, flag::end_headers | flag::priority, 1, priority("block")}) +
           f::write_frame({FrameType::headers, flag::end_headers | flag::priority | flag::padded, 1,
                           "\x03" + priority("block") + "pad"}) +
           f::write_frame({FrameType::headers, flag::padded, 1,
                           "\x03"
                           "blopad"}) +
           f::write_frame({FrameType::continuation, flag::end_headers, 1, "ck"}));
  EXPECT_EQ(payloads(reading), "|block|block|block|");
}

TEST(FrameReader, RefusesPaddingLargerThanThePayload) {
  for (const auto* payload : {"", "\x04pad"}) {
    EXPECT_EQ(read(f::settings() + f::write_frame({FrameType::headers,
                                                   flag::end_headers | flag::padded, 1, payload}))
                  .fault,
              f::code::protocol_error);
  }
  // The priority must fit beside the padding.
  EXPECT_NE(read(f::settings() + f::write_frame({FrameType::headers,
                                                 flag::end_headers | flag::padded | flag::priority,
                                                 1, "\x02" + priority("") + "p"}))
                .fault,
            0U);
}

// RFC 9113, 4.3 and 6.10: nothing may come between the parts of a block.
TEST(FrameReader, RefusesAnotherFrameWithinABlock) {
  const std::string begun =
      f::settings() + f::write_frame({FrameType::headers, flag::none, 1, "block"});
  for (const auto& next : {f::ping("12345678"), f::headers(1, {}), f::data(1, "x"),
                           f::write_frame({FrameType::continuation, flag::none, 3, "x"}),
                           f::write_frame({static_cast<FrameType>(0x77), flag::none, 0, ""})}) {
    const auto reading = read(begun + next);
    EXPECT_EQ(reading.frames.size(), 1U);
    EXPECT_EQ(reading.fault, f::code::protocol_error);
  }
  EXPECT_EQ(
      read(f::settings() + f::write_frame({FrameType::continuation, flag::none, 1, ""})).fault,
      f::code::protocol_error);
}

// Even empty ones, which would otherwise go on for ever.
TEST(FrameReader, RefusesManyContinuations) {
  std::string bytes = f::settings() + f::write_frame({FrameType::headers, flag::none, 1, ""});
  for (int i = 0; i < 8; ++i) bytes += f::write_frame({FrameType::continuation, flag::none, 1, ""});
  EXPECT_EQ(read(bytes).fault, 0U);
  bytes += f::write_frame({FrameType::continuation, flag::end_headers, 1, ""});
  EXPECT_EQ(read(bytes).fault, f::code::enhance_your_calm);
}

TEST(FrameReader, RefusesALargeFrameAtItsHead) {
  const auto head = f::data(1, std::string(16'385, 'x')).substr(0, 9);
  EXPECT_EQ(read(f::settings() + head).fault, f::code::frame_size_error);
}

TEST(FrameReader, WantsSettingsFirst) {
  EXPECT_EQ(read("HTTP/1.1 ").fault, f::code::protocol_error);
  EXPECT_EQ(read(f::settings_ack()).fault, f::code::protocol_error);
  EXPECT_EQ(read(f::ping("12345678"), 9).fault, f::code::protocol_error);
  EXPECT_EQ(read("HTTP/1.1").fault, 0U) << "8 bytes may still become a frame";
}

TEST(FrameReader, SaysNothingAfterAFault) {
  const auto reading = read("HTTP/1.1 400 Bad Request\r\n\r\n" + f::settings(), 3);
  EXPECT_TRUE(reading.frames.empty());
}

}  // namespace
}  // namespace fanfare::http2
