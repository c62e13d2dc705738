// One installation has one living registration, whichever list it comes from.
#include "registry/succession.h"

#include "registry/testing/conformance.h"

namespace fanfare::registry {
namespace {

Device of_installation(const std::string& value, const std::string& installation) {
  Device device = a_token(value);
  device.installation = installation;
  return device;
}

TEST(SuccessionRule, NeedsTheSameInstallationAndProject) {
  Device a = of_installation("a", "i");
  Device b = of_installation("b", "i");
  EXPECT_EQ(succession(a, b), Succession::replaces);
  EXPECT_EQ(succession(a, a), Succession::none);
  b.installation = "j";
  EXPECT_EQ(succession(a, b), Succession::none);
  a.installation = b.installation = "";
  EXPECT_EQ(succession(a, b), Succession::none);
  a.installation = b.installation = "i";
  a.project = "p";
  EXPECT_EQ(succession(a, b), Succession::replaces) << "an empty project is any";
  b.project = "q";
  EXPECT_EQ(succession(a, b), Succession::none);
}

TEST(SuccessionRule, GivesNobodyTheTagsOfTheOwnerBefore) {
  Device old = of_installation("a", "i");
  old.user = "u1";
  old.locale = "ko-KR";
  old.tags = {"news"};
  Device fresh = of_installation("b", "i");
  fresh.user = "u2";
  inherit(fresh, old);
  EXPECT_TRUE(fresh.tags.empty());
  EXPECT_EQ(fresh.locale, "ko-KR");
  fresh = of_installation("b", "i");
  inherit(fresh, old);
  EXPECT_EQ(fresh.user, "u1");
  EXPECT_EQ(fresh.tags, old.tags);
}

TEST(SuccessionRule, TheOneThatWasSeenLaterIsAlive) {
  Device a = of_installation("a", "i");
  Device b = of_installation("b", "i");
  a.last_seen = day0;
  EXPECT_EQ(succession(a, b), Succession::replaces);
  b.last_seen = day0 + 1s;
  EXPECT_EQ(succession(a, b), Succession::replaced);
  b.last_seen = day0;
  EXPECT_EQ(succession(a, b), Succession::replaces);
}

class SuccessionInTheStore : public ConformanceTest {};

TEST_P(SuccessionInTheStore, ANewTokenTakesOverAndKeepsTheHistory) {
  auto registry = open();
  Device old = of_installation("old", "i");
  old.user = "u1";
  old.tags = {"news"};
  put(registry, old);
  ASSERT_TRUE(registry.retire(1, day0 + 1s));
  ASSERT_TRUE(registry.restore(1, day0 + 2s));

  Device fresh = of_installation("fresh", "i");
  fresh.platform = "ios";
  const auto counts = registry.upsert({&fresh, 1}, day0 + 3s).value();
  EXPECT_EQ(counts.added, 1U);
  EXPECT_EQ(counts.superseded, 1U);

  const Device now_old = get(registry, "old");
  EXPECT_EQ(now_old.state, State::retired);
  EXPECT_EQ(now_old.rule, superseded_rule);
  const Device now_fresh = get(registry, "fresh");
  EXPECT_EQ(now_fresh.state, State::active);
  EXPECT_EQ(now_fresh.user, "u1");
  EXPECT_EQ(now_fresh.tags, std::vector<std::string>{"news"});

  const auto history = registry.history(now_fresh.id).value();
  ASSERT_EQ(history.size(), 3U);
  EXPECT_EQ(history[0].predecessor, "old");
  EXPECT_EQ(history[2].cause, "replaced");
  EXPECT_EQ(history[2].evidence, R"({"by":"fresh"})");
}

TEST_P(SuccessionInTheStore, AFidTakesOverFromAToken) {
  auto registry = open();
  put(registry, of_installation("fid:APA91", "i"));
  Device fid = of_installation("fid", "i");
  fid.registration.kind = TargetKind::fid;
  put(registry, fid);
  EXPECT_EQ(get(registry, "fid:APA91").rule, superseded_rule);
  EXPECT_EQ(get(registry, "fid").state, State::active);
}

TEST_P(SuccessionInTheStore, AnOlderListBringsNobodyBack) {
  auto registry = open();
  Device fresh = of_installation("fresh", "i");
  fresh.last_seen = day0;
  put(registry, fresh);
  Device old = of_installation("old", "i");
  old.last_seen = day0 - 24h;
  put(registry, old);
  EXPECT_EQ(get(registry, "fresh").state, State::active);
  EXPECT_EQ(get(registry, "old").state, State::retired);
  put(registry, old, day0 + 1h);
  EXPECT_EQ(get(registry, "old").state, State::retired);
}

TEST_P(SuccessionInTheStore, TwoLinesOfOneFileAreOneDevice) {
  auto registry = open();
  const std::vector<Device> devices = {of_installation("a", "i"), of_installation("b", "i"),
                                       of_installation("c", "i")};
  EXPECT_EQ(registry.upsert(devices, day0)->superseded, 2U);
  ASSERT_TRUE(registry.write_keys());
  EXPECT_EQ(get(registry, "a").state, State::retired);
  EXPECT_EQ(get(registry, "b").state, State::retired);
  EXPECT_EQ(get(registry, "c").state, State::active);
}

TEST_P(SuccessionInTheStore, TheThirdTokenTakesOverFromTheSecond) {
  auto registry = open();
  Device first = of_installation("first", "i");
  first.user = "u1";
  put(registry, first);
  Device second = of_installation("second", "i");
  second.user = "u2";
  put(registry, second);
  EXPECT_EQ(put(registry, of_installation("third", "i")).user, "u2");
}

// Where keys wait, its key then both waits and is written.
TEST_P(SuccessionInTheStore, ADeviceThatCameBackToItsInstallationIsReplacedOnce) {
  auto registry = open();
  for (const char* installation : {"i", "j", "i"})
    put(registry, of_installation("a", installation));
  const Device b = of_installation("b", "i");
  EXPECT_EQ(registry.upsert({&b, 1}, day0)->superseded, 1U);
  EXPECT_EQ(registry.history(1)->size(), 1U);
}

// A hint, for which it is enough to look at the keys that are written.
TEST_P(SuccessionInTheStore, AFidThatLooksLikeATokensOnlyRaisesASuspicion) {
  auto registry = open();
  Device token = a_token("cX0dW3:APA91");
  token.user = "u1";
  put(registry, token);
  Device stranger = a_token("cX0dW3:other");
  stranger.user = "u2";
  put(registry, stranger);
  ASSERT_TRUE(registry.write_keys());
  Device fid = a_token("cX0dW3");
  fid.registration.kind = TargetKind::fid;
  fid.user = "u1";
  put(registry, fid);
  EXPECT_EQ(get(registry, "cX0dW3:APA91").state, State::suspect);
  EXPECT_EQ(get(registry, "cX0dW3:APA91").rule, maybe_superseded_rule);
  EXPECT_EQ(get(registry, "cX0dW3:other").state, State::active);
}

TEST_P(SuccessionInTheStore, AnotherOwnerIsWrittenDownAndTheFormerOneHasItNoMore) {
  auto registry = open();
  Device device = a_token("t");
  device.user = "u1";
  put(registry, device);
  device.user = "u2";
  put(registry, device, day0 + 1s);
  EXPECT_EQ(registry.make_audience("user:u1", 0, "", day0)->count, 0U);
  EXPECT_EQ(registry.make_audience("user:u2", 0, "", day0)->count, 1U);
  const auto history = registry.history(1).value();
  ASSERT_EQ(history.size(), 1U);
  EXPECT_EQ(history[0].cause, "owner");
  EXPECT_EQ(history[0].evidence, R"({"from":"u1"})");
}

FANFARE_FOR_EACH_STORE(SuccessionInTheStore);

}  // namespace
}  // namespace fanfare::registry
