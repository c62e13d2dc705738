#include "http2/client_streams.h"

#include <gtest/gtest.h>

namespace fanfare::http2 {
namespace {

std::vector<std::uint32_t> ids_of(const ClientStreams& streams) {
  std::vector<std::uint32_t> ids;
  for (const auto* stream : streams.all()) ids.push_back(stream->id);
  return ids;
}

TEST(ClientStreams, FindsWhatIsOpenAndNothingElse) {
  ClientStreams streams;
  streams.open(1, 10);
  streams.open(3, 30);
  streams.close(*streams.find(1));
  EXPECT_EQ(streams.find(1), nullptr);
  EXPECT_EQ(streams.find(5), nullptr);
  EXPECT_EQ(streams.find_request(10), nullptr);
  ASSERT_NE(streams.find(3), nullptr);
  EXPECT_EQ(streams.find_request(30), streams.find(3));
  EXPECT_EQ(streams.size(), 1U);
}

// One request hangs while a hundred thousand others come and go, and ids share their places.
TEST(ClientStreams, KeepsAStreamThatHangs) {
  ClientStreams streams;
  streams.open(1, 1);
  for (std::uint32_t id = 3; id < 200'000; id += 2) {
    streams.open(id, id);
    ASSERT_EQ(streams.find(1)->request, 1U);
    ASSERT_EQ(streams.find(id)->request, id);
    streams.close(*streams.find(id));
  }
  EXPECT_EQ(ids_of(streams), (std::vector<std::uint32_t>{1}));
}

TEST(ClientStreams, HoldsAnyNumberWithoutMovingThem) {
  ClientStreams streams;
  ClientStream* first = &streams.open(1, 1);
  for (std::uint32_t id = 3; id < 4'000; id += 2) streams.open(id, id);
  EXPECT_EQ(streams.find(1), first);
  EXPECT_EQ(streams.size(), 2'000U);
  for (std::uint32_t id = 1; id < 4'000; id += 2) ASSERT_EQ(streams.find(id)->request, id);
}

TEST(ClientStreams, GivesAFreshStreamWithTheMemoryOfAnOldOne) {
  ClientStreams streams;
  ClientStream& stream = streams.open(1, 1);
  stream.body = std::string(1'000, 'x');
  stream.status = 200;
  stream.length = 7;
  stream.whole = true;
  streams.close(stream);
  const ClientStream& next = streams.open(3, 3);
  EXPECT_EQ(next.body, "");
  EXPECT_GE(next.body.capacity(), 1'000U);
  EXPECT_EQ(next.status, 0);
  EXPECT_FALSE(next.length);
  EXPECT_FALSE(next.whole);
  EXPECT_EQ(next.answer, ClientStream::Answer::none);
}

}  // namespace
}  // namespace fanfare::http2
