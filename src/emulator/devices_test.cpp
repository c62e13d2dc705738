#include "emulator/devices.h"

#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

const std::string token_of(char c) {
  return std::string(22, c) + ":APA91b" + std::string(134, c);
}

TEST(Registration, TakesTokensGroupKeysAndInstallationIds) {
  EXPECT_TRUE(looks_like_registration(token_of('c')));
  EXPECT_TRUE(looks_like_registration("bk3RNwTe3H0:" + std::string(140, 'x')));
  EXPECT_TRUE(looks_like_registration("APA91b" + std::string(100, 'x')));
  EXPECT_TRUE(looks_like_registration("cABCDEFGHIJKLMNOPQRST_"));
}

TEST(Registration, RefusesWhatNoDeviceEverSent) {
  for (const auto* text : {"", "null", "abc", "INVALID", ":", "a:b", "gABCDEFGHIJKLMNOPQRST_"}) {
    EXPECT_FALSE(looks_like_registration(text)) << text;
  }
  EXPECT_FALSE(looks_like_registration(token_of(' ')));
  EXPECT_FALSE(looks_like_registration(std::string(5'000, 'c')));
}

TEST(DeviceBook, ReadsCsvInAnyOrderOfColumns) {
  auto book = DeviceBook::parse(
      "health,user,token,platform\r\n"
      "unregistered,ann,tok-a,android\r\n"
      "living,\"bob, jr\",tok-b,ios\r\n");
  ASSERT_TRUE(book) << book.error().what;
  EXPECT_EQ(book->size(), 2U);
  EXPECT_EQ(book->find("tok-a")->health, Health::unregistered);
  EXPECT_EQ(book->find("tok-b")->platform, Platform::ios);
  EXPECT_FALSE(book->find("tok-c"));
}

TEST(DeviceBook, ReadsJsonLinesAndInstallationIds) {
  auto book =
      DeviceBook::parse(R"({"fid":"cABCDEFGHIJKLMNOPQRST_","health":"flaky_503","platform":"web"})"
                        "\n\n"
                        R"({"token":"t","user":"u"})");
  ASSERT_TRUE(book) << book.error().what;
  EXPECT_EQ(book->find("cABCDEFGHIJKLMNOPQRST_")->health, Health::flaky_503);
  EXPECT_EQ(book->find("t")->health, Health::living);
}

TEST(DeviceBook, NamesTheLineThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"name,health\nx,living\n", "line 1: no header"},
      {"token,health\na,living\nb,poorly\n", "line 3: no such health: poorly"},
      {"token,platform\na,symbian\n", "line 2: no such platform"},
      {"token\na\na\n", "line 3: this device was listed before"},
      {"token,health\n,living\n", "line 2: no token"},
      {"token\n\"a\n", "line 2: a quote"},
      {"token\na,b\n", "line 2: 2 fields"},
      {"token\n\xc3(\n", "line 2: not UTF-8"},
      {"{\"token\":\"a\"}\n{\"token\"\n", "line 2: not a JSON"},
  };
  for (const auto& [text, what] : cases) {
    const auto book = DeviceBook::parse(text);
    ASSERT_FALSE(book) << text;
    EXPECT_EQ(book.error().kind, Error::Kind::input);
    EXPECT_NE(book.error().what.find(what), std::string::npos) << book.error().what;
  }
}

TEST(DeviceBook, MeetsPlausibleDevicesWhenItHasNoList) {
  DeviceBook book;
  const auto first = book.find(token_of('c'));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->health, Health::living);
  EXPECT_EQ(book.find(token_of('c'))->index, first->index);
  EXPECT_NE(book.find(token_of('d'))->index, first->index);
  EXPECT_FALSE(book.find("nonsense"));
  EXPECT_EQ(book.size(), 2U);
}

TEST(DeviceBook, StopsRememberingThoseItMeetsAtItsBound) {
  DeviceBook book;
  for (std::size_t i = 0; i < DeviceBook::max_met; ++i) {
    (void)book.find("c:" + std::to_string(1'000'000 + i) + std::string(40, 'x'));
  }
  const auto late = book.find(token_of('c'));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->index, DeviceBook::uncounted);
  EXPECT_EQ(book.size(), DeviceBook::max_met);
}

TEST(DeviceBook, ResetsCountsButNotThePastOfTheFlaky) {
  DeviceBook book(GeneratorOptions{.count = 10'000, .seed = 1});
  book.counts(9'999) = {.requests = 3, .accepted = 2, .failed_once = 1};
  book.reset_counts();
  EXPECT_EQ(book.counts(9'999).requests, 0U);
  EXPECT_EQ(book.counts(9'999).accepted, 0U);
  EXPECT_EQ(book.counts(9'999).failed_once, 1U);
}

TEST(DeviceBook, CountsHealthsOfAListAndOfAGenerator) {
  const auto listed = DeviceBook::parse("token,health\na,living\nb,unregistered\nc,living\n");
  EXPECT_EQ(listed->healths()[0], 2U);
  EXPECT_EQ(listed->healths()[1], 1U);
  EXPECT_EQ(DeviceBook(GeneratorOptions{.count = 1'000, .seed = 1}).healths()[1], 30U);
}

}  // namespace
}  // namespace fanfare::emulator
