#include "http2/answer_heads.h"

#include <gtest/gtest.h>

#include "http2/testing/frames.h"

namespace fanfare::http2 {
namespace {

using namespace std::string_literals;
using testing::Fields;
using testing::header_block;
using Block = AnswerRules::Block;

/// A literal that goes into the table.
std::string indexed(const std::string& name, const std::string& value) {
  auto block = header_block({{name, value}});
  block[0] = '\x40';
  return block;
}
const auto newest = "\xbe"s;  ///< The latest of the dynamic table, index 62.
const auto ok = "\x88"s;      ///< ":status: 200", index 8.

struct Heads {
  AnswerHeads heads{1'000};

  AnswerHead read(const std::string& block, Block kind = Block::head) {
    const auto* head = heads.read(block, kind);
    EXPECT_NE(head, nullptr);
    return head == nullptr ? AnswerHead{} : *head;
  }
  AnswerHead read(const Fields& fields, Block kind = Block::head) {
    return read(header_block(fields), kind);
  }
};

std::string value_of(const AnswerHead& head, std::string_view name) {
  return head.headers ? std::string(find_header(*head.headers, name)) : std::string();
}

// --- Blocks that come again ---

TEST(AnswerHeads, ReadsABlockThatComesAgainWithoutDecodingIt) {
  Heads heads;
  const Fields fields{{":status", "200"}, {"content-length", "7"}, {"server", "x"}};
  const auto first = heads.read(fields);
  const auto second = heads.read(fields);
  EXPECT_EQ(heads.heads.hits(), 1U);
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(second.length, 7U);
  EXPECT_EQ(second.bytes, first.bytes);
  EXPECT_EQ(second.headers, first.headers) << "shared, not copied";
  EXPECT_EQ(value_of(second, "server"), "x");
}

// The same bytes mean something else when the table has moved on.
TEST(AnswerHeads, ForgetsWhatItKnowsWhenTheTableChanges) {
  Heads heads;
  EXPECT_EQ(value_of(heads.read(ok + indexed("a", "1")), "a"), "1");
  EXPECT_EQ(value_of(heads.read(ok + newest), "a"), "1");
  EXPECT_EQ(value_of(heads.read(ok + newest), "a"), "1");
  EXPECT_EQ(heads.heads.hits(), 1U);
  EXPECT_EQ(value_of(heads.read(ok + indexed("b", "2")), "b"), "2");
  const auto head = heads.read(ok + newest);
  EXPECT_EQ(value_of(head, "a"), "");
  EXPECT_EQ(value_of(head, "b"), "2");
}

TEST(AnswerHeads, ForgetsWhatItKnowsWhenTheTableShrinks) {
  Heads heads;
  (void)heads.read(ok + indexed("a", "1"));
  (void)heads.read(ok + newest);
  (void)heads.read("\x20"s + ok);  // A table of 0 bytes.
  EXPECT_EQ(heads.heads.read(ok + newest, Block::head), nullptr) << "there is no such entry now";
}

TEST(AnswerHeads, DecodesABlockThatChangesTheTableEachTime) {
  Heads heads;
  (void)heads.read(ok + indexed("a", "1"));
  (void)heads.read(ok + indexed("a", "1"));
  EXPECT_EQ(heads.heads.hits(), 0U);
  EXPECT_EQ(value_of(heads.read(ok + "\xbf"s), "a"), "1") << "it is in the table twice";
}

TEST(AnswerHeads, KnowsSomeBlocksAtATime) {
  Heads heads;
  for (int round = 0; round < 3; ++round) {
    for (const auto* value : {"1", "2", "3", "4"}) {
      EXPECT_EQ(value_of(heads.read({{":status", "200"}, {"a", value}}), "a"), value);
    }
  }
  EXPECT_EQ(heads.heads.hits(), 8U);
}

TEST(AnswerHeads, DoesNotTakeTrailersForAHead) {
  Heads heads;
  (void)heads.read({{":status", "200"}});
  EXPECT_FALSE(heads.read({{":status", "200"}}, Block::trailers).fault.empty());
  EXPECT_EQ(heads.read({{"a", "b"}}, Block::trailers).fault, "");
  EXPECT_FALSE(heads.read({{"a", "b"}}).fault.empty());
}

TEST(AnswerHeads, TellWhatLeavesTheTableAlone) {
  EXPECT_TRUE(leaves_table_alone(""));
  EXPECT_TRUE(leaves_table_alone(ok + newest));
  EXPECT_TRUE(leaves_table_alone("\xff\x80\x01"s));              // Indexed, a long number.
  EXPECT_TRUE(leaves_table_alone(header_block({{"a", "b"}})));   // Never indexed.
  EXPECT_TRUE(leaves_table_alone("\x00\x01\x61\x01\x62"s));      // Not indexed.
  EXPECT_TRUE(leaves_table_alone("\x0f\x0d\x03\x34\x30\x30"s));  // The same, a name by index.
  EXPECT_FALSE(leaves_table_alone(indexed("a", "b")));
  EXPECT_FALSE(leaves_table_alone("\x58\x01\x62"s));  // Indexed, a name by index.
  EXPECT_FALSE(leaves_table_alone("\x20"s));          // A size.
  EXPECT_FALSE(leaves_table_alone("\x3f\xe1\x1f"s));
  EXPECT_FALSE(leaves_table_alone(ok + "\x00\x05\x61"s)) << "cut short";
  EXPECT_FALSE(leaves_table_alone("\xff\xff\xff\xff\xff\xff\x7f"s)) << "a number without end";
}

// --- Limits ---

TEST(AnswerHeads, CountsTheBytesOfNamesAndValues) {
  Heads heads;
  EXPECT_EQ(heads.read({{":status", "200"}, {"a", "bcd"}}).bytes, 14U);
}

// A byte of the block stands for 2,000 of the table.
TEST(AnswerHeads, KeepsNoMoreThanTheLimitOfABombAndStaysInStep) {
  Heads heads;
  std::string bomb = ok + indexed("a", std::string(2'000, 'x'));
  for (int i = 0; i < 10'000; ++i) bomb += newest;
  const auto head = heads.read(bomb + indexed("b", "2"));
  EXPECT_GT(head.bytes, 1'000U);
  EXPECT_LT(head.bytes, 5'000U);
  EXPECT_EQ(value_of(heads.read(ok + newest), "b"), "2");
}

TEST(AnswerHeads, GivesUpOnABrokenBlock) {
  for (const auto& block : {"\x80"s, newest, "\x00\x05\x61"s, "\x3f\xe1\x3f"s}) {
    AnswerHeads heads(1'000);
    EXPECT_EQ(heads.read(block, Block::head), nullptr);
  }
}

// --- What is malformed (RFC 9113, 8.2 and 8.3.2) ---

TEST(AnswerHeads, FindFaultWithMalformedHeads) {
  const std::vector<Fields> malformed{
      {},
      {{"a", "b"}},
      {{":status", "20"}},
      {{":status", "2000"}},
      {{":status", "+20"}},
      {{":status", ""}},
      {{":status", "101"}},
      {{":status", "200"}, {":status", "200"}},
      {{"a", "b"}, {":status", "200"}},
      {{":status", "200"}, {":path", "/"}},
      {{":status", "200"}, {"A", "b"}},
      {{":status", "200"}, {"with space", "x"}},
      {{":status", "200"}, {"a", "line\nfeed"}},
      {{":status", "200"}, {"a", " space"}},
      {{":status", "200"}, {"", "x"}},
      {{":status", "200"}, {"connection", "close"}},
      {{":status", "200"}, {"keep-alive", "1"}},
      {{":status", "200"}, {"transfer-encoding", "chunked"}},
      {{":status", "200"}, {"te", "gzip"}},
      {{":status", "200"}, {"content-length", "1"}, {"content-length", "1"}},
      {{":status", "200"}, {"content-length", "-1"}},
      {{":status", "200"}, {"content-length", ""}},
      {{":status", "200"}, {"content-length", "9223372036854775808"}},
      {{":status", "204"}, {"content-length", "1"}},
      {{":status", "103"}, {"content-length", "0"}},
  };
  for (const auto& fields : malformed) {
    Heads heads;
    EXPECT_NE(heads.read(fields).fault, "") << ::testing::PrintToString(fields);
  }
}

TEST(AnswerHeads, ForgiveWhatManyServersSend) {
  Heads heads;
  const auto head =
      heads.read({{":status", "204"}, {"content-length", "0"}, {"te", "Trailers"}, {"empty", ""}});
  EXPECT_EQ(head.fault, "");
  ASSERT_TRUE(head.headers);
  EXPECT_EQ(head.headers->size(), 2U) << "te and empty";
}

TEST(AnswerHeads, NameTheFieldThatIsMalformed) {
  Heads heads;
  EXPECT_EQ(heads.read({{":status", "200"}, {"Upper", "x"}}).fault, "the field \"Upper: x\"");
}

}  // namespace
}  // namespace fanfare::http2
