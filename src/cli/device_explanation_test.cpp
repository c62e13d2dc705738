#include "cli/device_explanation.h"

#include <gtest/gtest.h>

#include "registry/succession.h"

namespace fanfare::cli {
namespace {

using registry::Event;
using registry::State;
using namespace std::chrono_literals;

const SystemTime day0{std::chrono::seconds(1'800'000'000)};  // 2027-01-15T08:00:00Z

DeviceStory a_story(State state, const std::string& rule, std::vector<Event> events) {
  DeviceStory story;
  story.device.registration = {TargetKind::token, "t"};
  story.device.state = state;
  story.device.rule = rule;
  story.device.created = day0 - 24h;
  if (!events.empty()) story.device.changed = events.back().at;
  story.events = std::move(events);
  return story;
}

std::string text_of(const DeviceStory& story) {
  std::string text;
  for (const auto& sentence : explain(story).sentences) text += sentence + "\n";
  return text;
}

void expect_says(const DeviceStory& story, const std::string& part) {
  const std::string text = text_of(story);
  EXPECT_NE(text.find(part), std::string::npos) << "not there: " << part << "\n" << text;
}

constexpr const char* dead_answer =
    R"({"status":404,"body":"{\"error\":{\"message\":\"Requested entity was not found.\",)"
    R"(\"details\":[{\"@type\":\"type.googleapis.com/google.firebase.fcm.v1.FcmError\",)"
    R"(\"errorCode\":\"UNREGISTERED\"}]}}","attempts":1,"campaign":7})";

const Event died{day0, State::active, State::retired, "verdict", "token.unregistered", dead_answer};

TEST(DeviceExplanation, AnUntouchedDeviceIsActiveSinceItWasAdded) {
  const auto story = a_story(State::active, "", {});
  EXPECT_EQ(text_of(story),
            "It is active since 2027-01-14T08:00:00Z, when it was added; nothing has changed "
            "that.\n");
  EXPECT_EQ(explain(story).comes_back, "");
}

TEST(DeviceExplanation, AVerdictIsToldWithRuleMeaningAndAnswer) {
  const auto story = a_story(State::retired, "token.unregistered", {died});
  const auto explanation = explain(story);
  EXPECT_EQ(explanation.since, day0);
  EXPECT_EQ(explanation.cause, "verdict");
  EXPECT_EQ(explanation.meaning, "the registration is dead: FCM says UNREGISTERED");
  EXPECT_EQ(explanation.answer, dead_answer);
  EXPECT_EQ(text_of(story),
            "It is retired since 2027-01-15T08:00:00Z: by FCM's answer to a message, rule "
            "token.unregistered.\n"
            "Rule token.unregistered: the registration is dead: FCM says UNREGISTERED.\n"
            "FCM answered with HTTP 404 and UNREGISTERED: \"Requested entity was not found.\". "
            "That was in campaign 7.\n" +
                explanation.comes_back + "\n");
  EXPECT_NE(explanation.comes_back.find("seen after 2027-01-15T08:00:00Z"), std::string::npos);
}

TEST(DeviceExplanation, ASupersededOneNamesItsSuccessor) {
  const std::string rule(registry::superseded_rule);
  const auto story = a_story(
      State::retired, rule,
      {{day0, State::active, State::retired, "replaced", rule, R"({"by":"the-new-token"})"}});
  expect_says(story, "replaced by the-new-token.");
  expect_says(story, "Rule registry.superseded: the same installation of the app has another");
}

TEST(DeviceExplanation, ASuspicionOfSuccessionIsToldAsOne) {
  const std::string rule(registry::maybe_superseded_rule);
  const auto story =
      a_story(State::suspect, rule,
              {{day0, State::active, State::suspect, "replaced", rule, R"({"maybe_by":"a-fid"})"}});
  expect_says(story, "it may have been replaced by a-fid");
  expect_says(story, "Import a device_id with each registration");
  expect_says(story, "It still gets messages");
}

TEST(DeviceExplanation, APrunedOneNamesWhenItWasSeen) {
  const auto story = a_story(State::retired, "",
                             {{day0, State::active, State::retired, "prune", "",
                               R"({"last_seen":"2026-04-01T00:00:00Z"})"}});
  expect_says(story, "the app was not seen since 2026-04-01T00:00:00Z");
  EXPECT_EQ(explain(story).answer, R"({"last_seen":"2026-04-01T00:00:00Z"})");
}

TEST(DeviceExplanation, APersonsWordIsAPersonsWord) {
  expect_says(
      a_story(State::retired, "", {{day0, State::active, State::retired, "retire", "", ""}}),
      "a person retired it");
  expect_says(a_story(State::active, "",
                      {died, {day0 + 1h, State::retired, State::active, "restore", "", ""}}),
              "It is active since 2027-01-15T09:00:00Z: a person restored it.");
}

TEST(DeviceExplanation, ABrakeThatIsOnHoldsItAndTheAnswerIsThatBeforeIt) {
  auto story = a_story(
      State::suspect, "token.unregistered",
      {died, {day0 + 1h, State::retired, State::suspect, "brake", "token.unregistered", ""}});
  EXPECT_FALSE(explain(story).brake);
  registry::BrakeState brake;
  brake.project = "p";
  brake.rule = "token.unregistered";
  brake.since = day0 + 1h;
  brake.suspects = 1'200;
  story.brakes = {brake};
  EXPECT_TRUE(explain(story).brake);
  EXPECT_EQ(explain(story).answer, dead_answer);
  expect_says(story, "so many devices at once that a brake was pulled");
  expect_says(story, "makes its 1,200 suspects active");
  story.device.project = "another";
  EXPECT_FALSE(explain(story).brake) << "a brake of another project";
}

TEST(DeviceExplanation, AConfirmedBrakeIsAPersonsWordOnTheVerdict) {
  const auto story =
      a_story(State::retired, "token.unregistered",
              {died,
               {day0 + 1h, State::retired, State::suspect, "brake", "token.unregistered", ""},
               {day0 + 2h, State::suspect, State::retired, "brake", "token.unregistered",
                R"({"word":"confirm"})"}});
  expect_says(story, "and then the brake was confirmed");
  EXPECT_EQ(explain(story).answer, dead_answer);
}

TEST(DeviceExplanation, APredecessorsDeathIsNotItsOwn) {
  Event earlier = died;
  earlier.predecessor = "older-token";
  auto story = a_story(State::active, "", {earlier});
  story.device.changed.reset();
  expect_says(story, "nothing has changed that");
}

TEST(DeviceExplanation, TellsOfProbeAndCanary) {
  auto story = a_story(State::active, "", {});
  story.probe = registry::Probe{1, day0, "send.accepted"};
  story.canary = true;
  expect_says(story, "asked about with an empty message at 2027-01-15T08:00:00Z: send.accepted.");
  expect_says(story, "It is a canary");
}

TEST(DeviceExplanation, EvidenceThatIsNoJsonSpoilsNothing) {
  Event odd = died;
  odd.evidence = "{\"cut\":\"";
  expect_says(a_story(State::retired, "token.unregistered", {odd}), "by FCM's answer");
}

}  // namespace
}  // namespace fanfare::cli
