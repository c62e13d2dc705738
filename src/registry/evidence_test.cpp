#include "registry/evidence.h"

#include <gtest/gtest.h>

namespace fanfare::registry {
namespace {

constexpr std::string_view usual =
    R"({"status":404,"body":"{\n  \"error\": {\n    \"code\": 404,\n    \"message\": )"
    R"(\"Requested entity was not found.\",\n    \"status\": \"NOT_FOUND\",\n    \"details\": )"
    R"([\n      {\n        \"@type\": \"type.googleapis.com/google.firebase.fcm.v1.FcmError\",)"
    R"(\n        \"errorCode\": \"UNREGISTERED\"\n      }\n    ]\n  }\n}\n","attempts":1,"campaign":7})";

std::string there_and_back(const std::string& text) {
  const PackedEvidence packed(text);
  const auto bytes = packed.bytes();
  return stored_evidence(std::string(packed.text()), bytes ? bytes->bytes : std::string_view());
}

TEST(Evidence, OfTheUsualAnswerTakesATenth) {
  const PackedEvidence packed(usual);
  ASSERT_TRUE(packed.bytes());
  EXPECT_LT(packed.bytes()->bytes.size() * 10, usual.size());
  EXPECT_EQ(packed.text(), "");
}

TEST(Evidence, ComesBackAsItWas) {
  std::string noise;
  for (unsigned i = 0; i < max_evidence_bytes; ++i) {
    noise += static_cast<char>((i * i * 2'654'435'761U) >> 13U);
  }
  for (const auto& text : {std::string(), std::string("{}"), std::string(usual), noise,
                           std::string(max_evidence_bytes, 'a')}) {
    EXPECT_EQ(there_and_back(text), text);
  }
}

TEST(Evidence, ThatIsDamagedSaysSo) {
  const PackedEvidence packed(usual);
  std::string bytes(packed.bytes()->bytes);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_NE(stored_evidence({}, std::string_view(bytes).substr(0, size)).find("damaged"),
              std::string::npos);
  }
  bytes[0] = '\x7f';  // A dictionary that this version does not have.
  EXPECT_NE(stored_evidence({}, bytes).find("damaged"), std::string::npos);
}

}  // namespace
}  // namespace fanfare::registry
