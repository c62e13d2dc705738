#include "http2/request_rules.h"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace fanfare::http2 {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields get{
    {":method", "GET"}, {":scheme", "https"}, {":authority", "fcm.test"}, {":path", "/x?y=z"}};

bool takes(const Fields& fields, std::size_t body_bytes = 0) {
  RequestRules rules;
  for (const auto& [name, value] : fields) {
    if (!rules.on_field(name, value)) return false;
  }
  return rules.on_headers_end() && rules.on_end(body_bytes);
}

/// `get` with the value of one field changed, or without it when there is no value.
Fields changed(const std::string& name, std::optional<std::string> value) {
  Fields fields;
  for (const auto& field : get) {
    if (field.first != name) fields.push_back(field);
  }
  if (value) fields.insert(fields.begin(), {name, *std::move(value)});
  return fields;
}

Fields with(const std::string& name, const std::string& value) {
  auto fields = get;
  fields.emplace_back(name, value);
  return fields;
}

TEST(RequestRules, TakeARequest) {
  EXPECT_TRUE(takes(get));
  EXPECT_TRUE(takes(with("x-any", "thing \xc3\xa9")));
  EXPECT_TRUE(takes(with("te", "trailers")));
  EXPECT_TRUE(takes(changed(":path", "*")));
}

// As firebase-admin for Node writes it, and Google's servers take it.
TEST(RequestRules, ForgiveAColonBehindTheScheme) {
  EXPECT_TRUE(takes(changed(":scheme", "https:")));
  EXPECT_EQ(scheme_name("https:"), "https");
  EXPECT_EQ(scheme_name("http"), "http");
}

TEST(RequestRules, TakeNoOtherScheme) {
  for (const char* bad : {"", ":", "https::", "ht tp", "https://"}) {
    EXPECT_FALSE(takes(changed(":scheme", bad))) << bad;
  }
}

TEST(RequestRules, WantEachPseudoHeaderOnce) {
  for (const char* name : {":method", ":scheme", ":path", ":authority"}) {
    EXPECT_FALSE(takes(changed(name, std::nullopt))) << name;
    EXPECT_FALSE(takes(with(name, "/"))) << name;
  }
  EXPECT_FALSE(takes(with(":protocol", "websocket")));
  EXPECT_FALSE(takes(with(":status", "200")));
}

TEST(RequestRules, TakeAHostForTheAuthority) {
  auto fields = changed(":authority", std::nullopt);
  fields.emplace_back("host", "fcm.test");
  EXPECT_TRUE(takes(fields));
  fields.emplace_back("host", "other.test");
  EXPECT_FALSE(takes(fields));
}

TEST(RequestRules, WantPseudoHeadersFirst) {
  Fields fields{{"accept", "*/*"}};
  fields.insert(fields.end(), get.begin(), get.end());
  EXPECT_FALSE(takes(fields));
}

TEST(RequestRules, WantAMethodAndAPathThatAreSome) {
  EXPECT_FALSE(takes(changed(":method", "")));
  EXPECT_FALSE(takes(changed(":method", "GET /")));
  for (const char* bad : {"", "x", "/a b", "/a\r\nb"}) {
    EXPECT_FALSE(takes(changed(":path", bad))) << bad;
  }
}

TEST(RequestRules, WantLowerCaseNamesAndOneLineOfValue) {
  for (const char* bad : {"", "Upper", "a b", "a:b", "\xc3\xa9"}) {
    EXPECT_FALSE(takes(with(bad, "x"))) << bad;
  }
  EXPECT_FALSE(takes(with("x", "a\nb")));
  EXPECT_FALSE(takes(with("x", "a\rb")));
  EXPECT_FALSE(takes(with("x", std::string("a\0b", 3))));
}

TEST(RequestRules, TakeNothingThatSpeaksOfTheConnection) {
  for (const char* name :
       {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "te"}) {
    EXPECT_FALSE(takes(with(name, "x"))) << name;
    EXPECT_FALSE(RequestRules().on_trailer(name, "x")) << name;
  }
}

TEST(RequestRules, WantABodyOfTheLengthThatIsSaid) {
  EXPECT_TRUE(takes(with("content-length", "5"), 5));
  EXPECT_FALSE(takes(with("content-length", "5"), 4));
  EXPECT_FALSE(takes(with("content-length", "five"), 5));
  EXPECT_FALSE(takes(with("content-length", ""), 0));
  auto twice = with("content-length", "5");
  twice.emplace_back("content-length", "5");
  EXPECT_FALSE(takes(twice, 5));
}

TEST(RequestRules, WantTrailersWithoutPseudoHeaders) {
  EXPECT_TRUE(RequestRules().on_trailer("grpc-status", "0"));
  EXPECT_FALSE(RequestRules().on_trailer(":path", "/"));
}

}  // namespace
}  // namespace fanfare::http2
