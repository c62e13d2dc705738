// What a sender learns when it asks after a device: `validate_only` with an empty message, after
// a 400 that names nobody.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "emulator/testing/scene.h"

namespace fanfare::emulator {
namespace {

using testing::kind_of;
using testing::Scene;

constexpr const char* devices =
    "token,health,platform\nalive,living,android\nu,unregistered,android\nm,malformed,web\n"
    "w,wrong_sender,android\nd,apns_disabled,ios\nd4,apns_disabled_404,ios\n"
    "s,suspect_dead,android\np,payload_refused,android\nf,flaky_503,android\n";

std::string probe(std::string_view token) {
  return fmt::format(R"({{"validate_only":true,"message":{{"token":"{}"}}}})", token);
}
std::string empty(std::string_view token) {
  return fmt::format(R"({{"message":{{"token":"{}"}}}})", token);
}
std::string full(std::string_view token, bool dry_run = false) {
  return fmt::format(
      R"({{"validate_only":{},"message":{{"token":"{}","notification":{{"title":"x"}}}}}})",
      dry_run, token);
}

TEST(Probe, TellsWhetherFcmKnowsTheDevice) {
  Scene scene(Scene::listing(devices));
  for (const auto& [token, kind] :
       {std::pair{"alive", "200"}, std::pair{"u", "404 UNREGISTERED"},
        std::pair{"m", "400 INVALID_ARGUMENT"}, std::pair{"w", "403 SENDER_ID_MISMATCH"},
        std::pair{"d", "200"}, std::pair{"d4", "200"}, std::pair{"s", "400"}, std::pair{"p", "200"},
        std::pair{"nonsense", "400 INVALID_ARGUMENT"}, std::pair{"f", "503 UNAVAILABLE"},
        std::pair{"f", "200"}}) {
    EXPECT_EQ(kind_of(scene.send(probe(token))), kind) << token;
  }
  EXPECT_EQ(scene.world.books().accepted, 0U);
  EXPECT_EQ(scene.world.books().dry_runs, 5U);
}

TEST(Probe, IsValidatedAsAMessageIs) {
  Scene scene(Scene::listing(devices));
  EXPECT_EQ(kind_of(scene.send(R"({"validate_only":true,"message":{}})")), "400 INVALID_ARGUMENT");
  EXPECT_EQ(kind_of(scene.send(R"({"validate_only":true,"message":{"tokn":"a"}})")), "400");
  EXPECT_EQ(kind_of(scene.send(R"({"validateOnly":true,"message":{"token":"alive","data":null}})")),
            "200");
}

TEST(Probe, FindsASuspectInEveryForm) {
  Scene scene(Scene::listing(devices));
  for (const auto& body : {probe("s"), empty("s"), full("s"), full("s", true)}) {
    const auto answer = scene.send(body);
    EXPECT_EQ(kind_of(answer), "400") << body;
    EXPECT_FALSE(testing::body_of(answer).at("error").as_object().contains("details"));
  }
}

TEST(Probe, ClearsADeviceWhosePayloadWasRefused) {
  Scene scene(Scene::listing(devices));
  for (const auto& body : {empty("p"), full("p"), full("p", true)}) {
    EXPECT_EQ(kind_of(scene.send(body)), "400") << body;
  }
  EXPECT_EQ(kind_of(scene.send(probe("p"))), "200");
}

TEST(Probe, MeetsBareFaultsOfTheWholeProject) {
  Scene scene(Scene::listing(devices));
  scene.set(R"({"fault":"bare_invalid_argument"})");
  for (const auto& body : {probe("alive"), empty("alive"), full("alive"), full("alive", true)}) {
    EXPECT_EQ(kind_of(scene.send(body)), "400") << body;
  }
  scene.set(R"({"fault":"bare_payload_invalid"})");
  EXPECT_EQ(kind_of(scene.send(full("alive"))), "400");
  EXPECT_EQ(kind_of(scene.send(full("alive", true))), "400");
  EXPECT_EQ(kind_of(scene.send(probe("alive"))), "200");
  EXPECT_EQ(kind_of(scene.send(probe("u"))), "404 UNREGISTERED");
}

}  // namespace
}  // namespace fanfare::emulator
