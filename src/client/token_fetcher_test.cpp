#include "client/token_fetcher.h"

#include <gtest/gtest.h>

namespace fanfare::client {
namespace {

TEST(TokenUrl, IsSplitIntoOriginAndPath) {
  const auto url = parse_url("https://oauth2.example.com:8443/token?x=/y");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->origin.tls);
  EXPECT_EQ(url->origin.authority(), "oauth2.example.com:8443");
  EXPECT_EQ(url->path, "/token?x=/y");
}

TEST(TokenUrl, HasAPathEvenWhenNoneIsWritten) {
  EXPECT_EQ(parse_url("https://example.com")->path, "/");
  EXPECT_EQ(parse_url("http://[::1]:8080?a=b")->path, "/?a=b");
}

TEST(TokenUrl, MustBeAnAddressOnTheWeb) {
  for (const char* bad : {"", "/token", "ftp://example.com/token", "https:///token"}) {
    EXPECT_FALSE(parse_url(bad)) << bad;
  }
}

}  // namespace
}  // namespace fanfare::client
