#include <string>

#include <gtest/gtest.h>

#include "gateway/api.h"

namespace fanfare::gateway {
namespace {

class OperationsTest : public testing::Test {
 protected:
  OperationsTest() {
    add("listDevices", "GET", "/v1/projects/{project}/devices");
    add("countDevices", "GET", "/v1/projects/{project}/devices:count");
    add("getDevice", "GET", "/v1/projects/{project}/devices/{device}");
    add("putDevice", "PUT", "/v1/projects/{project}/devices/{device}");
    add("retireDevice", "POST", "/v1/projects/{project}/devices/{device}:retire");
    add("deviceHistory", "GET", "/v1/projects/{project}/devices/{device}/history");
  }

  void add(std::string_view id, std::string_view method, std::string_view pattern) {
    operations_.add({id, method, pattern, std::nullopt, [](const Call&, Respond) {}});
  }

  // The operation's id, or the code of the refusal.
  [[nodiscard]] std::string find(std::string_view method, std::string_view target) const {
    const auto found = operations_.find(method, target);
    return found.operation != nullptr ? std::string(found.operation->id)
                                      : std::to_string(found.refusal.code);
  }
  [[nodiscard]] std::string device(std::string_view method, std::string_view rest) const {
    const auto found = operations_.find(method, "/v1/projects/p/devices/" + std::string(rest));
    return found.operation != nullptr ? found.path.at("device") : "";
  }

  Operations operations_;
};

TEST_F(OperationsTest, FindsByMethodAndPath) {
  EXPECT_EQ(find("GET", "/v1/projects/p/devices"), "listDevices");
  EXPECT_EQ(find("PUT", "/v1/projects/p/devices/t"), "putDevice");
  EXPECT_EQ(find("GET", "/v1/projects/p/devices/t/history"), "deviceHistory");
  EXPECT_EQ(find("GET", "/v1/projects/p/devices:count?filter=all"), "countDevices");
}

TEST_F(OperationsTest, AVerbIsNoPartOfTheValue) {
  EXPECT_EQ(find("POST", "/v1/projects/p/devices/a:b:retire"), "retireDevice");
  EXPECT_EQ(device("POST", "a:b:retire"), "a:b");
}

// Tokens hold colons, and one may end like a verb: encoded it is only a value.
TEST_F(OperationsTest, AnEncodedColonIsNoVerb) {
  EXPECT_EQ(device("GET", "a%3Aretire"), "a:retire");
  EXPECT_EQ(device("POST", "a%3Aretire:retire"), "a:retire");
  EXPECT_EQ(find("POST", "/v1/projects/p/devices/a%3Aretire"), "405");
}

TEST_F(OperationsTest, AMoreNamedPatternWinsWhateverTheOrder) {
  add("anyPost", "POST", "/v1/projects/{project}/devices/{device}");
  EXPECT_EQ(find("POST", "/v1/projects/p/devices/t:retire"), "retireDevice");
  EXPECT_EQ(find("POST", "/v1/projects/p/devices/t:else"), "anyPost");
}

TEST_F(OperationsTest, AnEncodedSlashStaysInsideItsSegment) {
  EXPECT_EQ(device("GET", "a%2Fhistory"), "a/history");
  EXPECT_EQ(device("GET", "a%2fb"), "a/b");
}

TEST_F(OperationsTest, PlusIsABlankInTheQueryOnly) {
  const auto found = operations_.find("GET", "/v1/projects/p/devices/a+b?filter=tag%3Ax+or+all&e");
  EXPECT_EQ(found.path.at("device"), "a+b");
  EXPECT_EQ(found.query.at("filter"), "tag:x or all");
  EXPECT_EQ(found.query.at("e"), "");
}

TEST_F(OperationsTest, ThereIsNothingBehindEmptySegments) {
  EXPECT_EQ(find("GET", "/v1/projects//devices"), "404");
  EXPECT_EQ(find("GET", "//v1/projects/p/devices"), "404");
  EXPECT_EQ(find("GET", "/v1/projects/p/devices/"), "404");
  EXPECT_EQ(find("GET", "/"), "404");
}

// A proxy in front of us may have looked at another path than we do.
TEST_F(OperationsTest, RefusesSegmentsOfDots) {
  EXPECT_EQ(find("GET", "/v1/projects/../devices"), "400");
  EXPECT_EQ(find("GET", "/v1/projects/p/devices/%2e%2E"), "400");
  EXPECT_EQ(find("GET", "/v1/projects/./devices"), "400");
  EXPECT_EQ(find("GET", "/v1/projects/p/devices/..."), "getDevice");
}

TEST_F(OperationsTest, RefusesWhatCannotBeDecoded) {
  for (const auto* bad : {"%", "%4", "%zz", "%00", "%0a", "%7f", "%ff", "%C0%80", "a\nb"}) {
    EXPECT_EQ(find("GET", "/v1/projects/p/devices/" + std::string(bad)), "400") << bad;
    EXPECT_EQ(find("GET", "/v1/projects/p/devices?filter=" + std::string(bad)), "400") << bad;
  }
}

TEST_F(OperationsTest, RefusesAParameterThatIsGivenTwice) {
  EXPECT_EQ(find("GET", "/v1/projects/p/devices?limit=1&limit=2"), "400");
}

TEST_F(OperationsTest, RefusesWhatIsNoPathOrVeryLong) {
  EXPECT_EQ(find("GET", ""), "400");
  EXPECT_EQ(find("OPTIONS", "*"), "400");
  EXPECT_EQ(find("GET", "http://host/v1/projects/p/devices"), "400");
  EXPECT_EQ(find("GET", "/v1/projects/p/devices/" + std::string(17U << 10, 'a')), "400");
  EXPECT_EQ(find("GET", "/v1/projects/p/devices/" + std::string(4096, 'a')), "getDevice");
}

TEST_F(OperationsTest, HeadIsGet) {
  EXPECT_EQ(find("HEAD", "/v1/projects/p/devices"), "listDevices");
}

TEST_F(OperationsTest, SaysOnceWhatIsAllowed) {
  const auto found = operations_.find("OPTIONS", "/v1/projects/p/devices/t:retire");
  EXPECT_EQ(found.operation, nullptr);
  EXPECT_EQ(found.refusal.code, 405);
  EXPECT_EQ(found.allow, "GET, HEAD, PUT, POST");
  EXPECT_EQ(operations_.find("GET", "/nowhere").allow, "");
}

TEST(DecodePercent, TakesUtf8AndNothingElse) {
  EXPECT_EQ(decode_percent("%C3%A9", false), "é");
  EXPECT_EQ(decode_percent("é", false), "é");
  EXPECT_EQ(decode_percent("\xff", false), std::nullopt);
  EXPECT_EQ(decode_percent("a+b", true), "a b");
  EXPECT_EQ(decode_percent("%2B", true), "+");
  EXPECT_EQ(decode_percent("", false), "");
}

}  // namespace
}  // namespace fanfare::gateway
