#include "http2/hpack_encoder.h"

#include <random>

#include <gtest/gtest.h>

#include "http2/testing/header_decoder.h"

namespace fanfare::http2 {
namespace {

using namespace std::string_literals;
using testing::Fields;
using testing::HeaderDecoder;

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<std::uint8_t>(c));
  return out;
}

std::string block_of(HpackEncoder& encoder, const Fields& fields) {
  std::string block;
  encoder.begin_block(block);
  for (const auto& [name, value] : fields) encoder.add_indexed(block, name, value);
  return block;
}

const Fields head{{":method", "POST"},
                  {":scheme", "https"},
                  {":authority", "fcm.test"},
                  {":path", "/v1/send"},
                  {"authorization", std::string(1'000, 'a')}};

// RFC 7541, C.1.
TEST(HpackEncoder, WritesNumbersAsTheRfcDoes) {
  const auto number = [](int prefix_bits, std::size_t value) {
    std::string out;
    append_hpack_number(out, 0, prefix_bits, value);
    return hex(out);
  };
  EXPECT_EQ(number(5, 10), "0a");
  EXPECT_EQ(number(5, 1'337), "1f9a0a");
  EXPECT_EQ(number(8, 42), "2a");
  EXPECT_EQ(number(5, 31), "1f00");
}

// RFC 7541, C.3.1 to C.3.3.
TEST(HpackEncoder, WritesTheRequestsOfTheRfc) {
  HpackEncoder encoder;
  EXPECT_EQ(hex(block_of(encoder, {{":method", "GET"},
                                   {":scheme", "http"},
                                   {":path", "/"},
                                   {":authority", "www.example.com"}})),
            "828684410f7777772e6578616d706c652e636f6d");
  EXPECT_EQ(encoder.table_bytes(), 57U);
  EXPECT_EQ(hex(block_of(encoder, {{":method", "GET"},
                                   {":scheme", "http"},
                                   {":path", "/"},
                                   {":authority", "www.example.com"},
                                   {"cache-control", "no-cache"}})),
            "828684be58086e6f2d6361636865");
  EXPECT_EQ(encoder.table_bytes(), 110U);
  EXPECT_EQ(hex(block_of(encoder, {{":method", "GET"},
                                   {":scheme", "https"},
                                   {":path", "/index.html"},
                                   {":authority", "www.example.com"},
                                   {"custom-key", "custom-value"}})),
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565");
  EXPECT_EQ(encoder.table_bytes(), 164U);
}

// RFC 7541, C.5.1 and C.5.2, behind the announcement of 256 bytes: the second block evicts.
TEST(HpackEncoder, EvictsAsTheRfcDoes) {
  HpackEncoder encoder;
  encoder.set_table_limit(256);
  const Fields rest{{"cache-control", "private"},
                    {"date", "Mon, 21 Oct 2013 20:13:21 GMT"},
                    {"location", "https://www.example.com"}};
  Fields first{{":status", "302"}};
  first.insert(first.end(), rest.begin(), rest.end());
  EXPECT_EQ(
      hex(block_of(encoder, first)),
      "3fe101"
      "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d"
      "546e1768747470733a2f2f7777772e6578616d706c652e636f6d");
  EXPECT_EQ(encoder.table_bytes(), 222U);
  Fields second{{":status", "307"}};
  second.insert(second.end(), rest.begin(), rest.end());
  EXPECT_EQ(hex(block_of(encoder, second)), "4803333037c1c0bf");
  EXPECT_EQ(encoder.table_bytes(), 222U);
}

TEST(HpackEncoder, WritesAHeadThatItKnowsInAByteForEachField) {
  HpackEncoder encoder;
  EXPECT_GT(block_of(encoder, head).size(), 1'000U);
  const auto version = encoder.version();
  EXPECT_EQ(block_of(encoder, head).size(), head.size());
  EXPECT_EQ(encoder.version(), version) << "such a block may be written any number of times";
}

TEST(HpackEncoder, LeavesTheTableAloneForUnindexedFields) {
  HpackEncoder encoder;
  const auto version = encoder.version();
  std::string block;
  encoder.begin_block(block);
  encoder.add_unindexed(block, "content-length", "400");
  EXPECT_EQ(hex(block), "0f0d03343030");
  EXPECT_EQ(encoder.version(), version);
  EXPECT_EQ(encoder.table_bytes(), 0U);
}

// RFC 7541, 4.2.
TEST(HpackEncoder, AnnouncesTheSmallestAndTheLastLimit) {
  HpackEncoder encoder;
  (void)block_of(encoder, head);
  encoder.set_table_limit(100);
  encoder.set_table_limit(200);
  EXPECT_LE(encoder.table_bytes(), 100U);
  EXPECT_EQ(hex(block_of(encoder, {})), "3f453fa901");
  EXPECT_EQ(hex(block_of(encoder, {})), "");
}

TEST(HpackEncoder, WritesAHeadLargerThanTheTableTheSameEachTime) {
  HpackEncoder encoder;
  encoder.set_table_limit(300);
  (void)block_of(encoder, head);
  (void)block_of(encoder, head);
  const auto version = encoder.version();
  const auto block = block_of(encoder, head);
  EXPECT_EQ(block_of(encoder, head), block);
  EXPECT_EQ(encoder.version(), version) << "it must not evict itself again and again";
}

TEST(HpackEncoder, UsesNoTableThatIsForbidden) {
  HpackEncoder encoder;
  encoder.set_table_limit(0);
  HeaderDecoder decoder;
  decoder.set_table_bytes(0);
  EXPECT_EQ(decoder.decode(block_of(encoder, head)), head);
  EXPECT_EQ(decoder.decode(block_of(encoder, head)), head);
  EXPECT_EQ(encoder.table_bytes(), 0U);
}

TEST(HpackEncoder, BoundsTheTableWhateverIsAllowed) {
  HpackEncoder encoder;
  encoder.set_table_limit(0xffff'ffff);
  for (int i = 0; i < 10'000; ++i) (void)block_of(encoder, {{"x", std::to_string(i)}});
  EXPECT_LE(encoder.table_bytes(), HpackEncoder::most_table_bytes);
}

// Any heads, and limits that change at any time: what nghttp2 decodes is what was said, and its
// table is as large as ours.
TEST(HpackEncoder, AgreesWithNghttp2OverAnyHistory) {
  std::mt19937 random(20'260'101);
  const auto any = [&](std::size_t count) { return random() % count; };
  for (int story = 0; story < 200; ++story) {
    HpackEncoder encoder;
    HeaderDecoder decoder;
    for (int step = 0; step < 50; ++step) {
      while (any(8) == 0) {
        const auto limit = static_cast<std::uint32_t>(any(2) == 0 ? any(600) : any(20'000));
        encoder.set_table_limit(limit);
        decoder.set_table_bytes(limit);
      }
      Fields fields;
      std::string block;
      encoder.begin_block(block);
      for (std::size_t i = any(8); i > 0; --i) {
        fields.emplace_back(any(4) == 0 ? ":path" : fmt::format("x-{}", any(6)),
                            std::string(any(3) == 0 ? any(400) : any(3), 'v'));
        if (any(5) == 0) {
          encoder.add_unindexed(block, fields.back().first, fields.back().second);
        } else {
          encoder.add_indexed(block, fields.back().first, fields.back().second);
        }
      }
      ASSERT_EQ(decoder.decode(block), fields) << "story " << story << ", step " << step;
      ASSERT_EQ(decoder.table_bytes(), encoder.table_bytes());
    }
  }
}

}  // namespace
}  // namespace fanfare::http2
