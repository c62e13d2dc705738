#include "http2/testing/frames.h"

#include <gtest/gtest.h>

namespace fanfare::http2::testing {
namespace {

using namespace std::string_literals;

// Bytes as RFC 9113, 4.1 and 6.7 draw them.
TEST(Frames, WriteTheLayoutOfTheRfc) {
  EXPECT_EQ(ping("12345678", flag::ack),
            "\0\0\x08\x06\x01\0\0\0\0"
            "12345678"s);
  EXPECT_EQ(rst_stream(5, code::refused_stream), "\0\0\x04\x03\0\0\0\0\x05\0\0\0\x07"s);
}

// RFC 7541, C.2.3, with the length of a long value in a second byte.
TEST(Frames, EncodeHeadersAsNeverIndexedLiterals) {
  EXPECT_EQ(header_block({{"password", "secret"}}), "\x10\x08password\x06secret");
  EXPECT_EQ(header_block({{"a", std::string(200, 'x')}}),
            "\x10\x01\x61\x7f\x49" + std::string(200, 'x'));
}

TEST(Frames, ReadBackWhatWasWritten) {
  const auto frames =
      parse_frames(std::string(client_preface) + goaway(7, code::enhance_your_calm, "calm") +
                   headers_in_pieces(1, {{"a", "b"}, {"c", "d"}}, 6, flag::end_stream) + "half");
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_EQ(frames[0].number(), 7U);
  EXPECT_EQ(frames[0].number(4), code::enhance_your_calm);
  EXPECT_EQ(frames[0].payload.substr(8), "calm");
  EXPECT_EQ(frames[1].type, FrameType::headers);
  EXPECT_FALSE(frames[1].has(flag::end_headers));
  EXPECT_TRUE(frames[1].has(flag::end_stream));
  EXPECT_EQ(frames[2].type, FrameType::continuation);
  EXPECT_TRUE(frames[2].has(flag::end_headers));
  EXPECT_EQ(frames[1].payload + frames[2].payload, header_block({{"a", "b"}, {"c", "d"}}));
}

}  // namespace
}  // namespace fanfare::http2::testing
