#include <gtest/gtest.h>

#include "http2/pool.h"

namespace fanfare::http2 {
namespace {

TEST(Origin, DefaultsItsPortByTheScheme) {
  const auto secure = parse_origin("https://fcm.googleapis.com").value();
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.host, "fcm.googleapis.com");
  EXPECT_EQ(secure.port, 443);
  const auto plain = parse_origin("HTTP://localhost").value();
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.port, 80);
}

TEST(Origin, NamesItsPortOnlyOffTheDefault) {
  EXPECT_EQ(parse_origin("https://a.example:443").value().authority(), "a.example");
  EXPECT_EQ(parse_origin("http://a.example:443").value().authority(), "a.example:443");
  EXPECT_EQ(parse_origin("https://[::1]:8443/").value().authority(), "[::1]:8443");
}

TEST(Origin, KeepsAnIpv6AddressWithoutBrackets) {
  EXPECT_EQ(parse_origin("http://[::1]:8080").value().host, "::1");
}

TEST(Origin, RefusesWhatIsMoreOrLessThanAnOrigin) {
  for (const char* url :
       {"", "localhost", "ftp://a", "https://", "https://a/b", "https://a?b", "https://a#b",
        "https://u@a", "https://a:", "https://a:0", "https://a:65536", "https://a:8o",
        "https://a b", "https://[::1", "https://[::1]x", "https://:80", "https://a\\b"}) {
    const auto origin = parse_origin(url);
    ASSERT_FALSE(origin.has_value()) << url;
    EXPECT_EQ(origin.error().kind, Error::Kind::usage);
  }
}

}  // namespace
}  // namespace fanfare::http2
