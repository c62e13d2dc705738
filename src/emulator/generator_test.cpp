#include "emulator/generator.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

#include "emulator/devices.h"

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

HealthCounts counted(const Generator& generator) {
  HealthCounts counts{};
  for (std::uint64_t i = 0; i < generator.count(); ++i) {
    ++counts[static_cast<std::size_t>(generator.health(i))];
  }
  return counts;
}

TEST(Generator, GivesEachHealthItsExactShare) {
  const auto counts = counted(Generator({.count = 20'000, .seed = 7}));
  const auto of = [&](Health health) { return counts[static_cast<std::size_t>(health)]; };
  EXPECT_EQ(of(Health::living), 18'400U);
  EXPECT_EQ(of(Health::unregistered), 600U);
  EXPECT_EQ(of(Health::malformed), 300U);
  EXPECT_EQ(of(Health::wrong_sender), 200U);
  EXPECT_EQ(of(Health::apns_disabled), 200U);
  EXPECT_EQ(of(Health::apns_disabled_404), 0U);
  EXPECT_EQ(of(Health::flaky_503), 140U);
  EXPECT_EQ(of(Health::flaky_429), 140U);
  EXPECT_EQ(of(Health::flaky_cut), 20U);
}

TEST(Generator, TellsTheSharesWithoutCounting) {
  const Generator generator({.count = 12'345, .seed = 3});
  const auto counts = counted(generator);
  for (std::size_t i = 0; i < health_count; ++i) {
    EXPECT_EQ(generator.count_of(static_cast<Health>(i)), counts[i]);
  }
}

TEST(Generator, HasOneOfEachFromAThousandOn) {
  const Generator generator({.count = 1'000, .seed = 1});
  for (const auto health : {Health::flaky_503, Health::flaky_429, Health::flaky_cut}) {
    EXPECT_GE(generator.count_of(health), 1U) << name_of(health);
  }
}

TEST(Generator, SpreadsTheSickOverTheList) {
  const Generator generator({.count = 10'000, .seed = 5});
  std::uint64_t sick_in_first_half = 0;
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    sick_in_first_half += generator.health(i) != Health::living ? 1U : 0U;
  }
  EXPECT_GT(sick_in_first_half, 300U);
  EXPECT_LT(sick_in_first_half, 500U);
}

TEST(Generator, KeepsToThePlatformShares) {
  const Generator generator({.count = 20'000, .seed = 2});
  std::array<int, 4> platforms{};
  for (std::uint64_t i = 0; i < generator.count(); ++i) {
    ++platforms[static_cast<std::size_t>(generator.platform(i))];
  }
  EXPECT_NEAR(platforms[static_cast<std::size_t>(Platform::android)], 14'000, 400);
  EXPECT_NEAR(platforms[static_cast<std::size_t>(Platform::ios)], 5'000, 400);
  EXPECT_NEAR(platforms[static_cast<std::size_t>(Platform::web)], 1'000, 200);
}

TEST(Generator, DisablesApnsOnIosOnly) {
  const Generator generator({.count = 5'000, .seed = 2});
  for (std::uint64_t i = 0; i < generator.count(); ++i) {
    if (generator.health(i) == Health::apns_disabled) {
      EXPECT_EQ(generator.platform(i), Platform::ios);
    }
  }
}

TEST(Generator, RepeatsTheListOfASeed) {
  const Generator first({.count = 2'000, .seed = 9});
  const Generator second({.count = 2'000, .seed = 9});
  const Generator other({.count = 2'000, .seed = 10});
  for (std::uint64_t i = 0; i < first.count(); ++i) {
    EXPECT_EQ(first.token(i), second.token(i));
    EXPECT_NE(first.token(i), other.token(i));
  }
}

// The list must not change between versions: people keep stores made from it.
TEST(Generator, KeepsItsListsAcrossVersions) {
  const Generator generator({.count = 1'000, .seed = 1});
  EXPECT_EQ(generator.token(0).substr(0, 30), "fofw9DyitFjd7wEAdRnz0x:APA91b9");
}

TEST(Generator, KnowsItsOwnTokensAgain) {
  for (const std::uint64_t count : {1U, 2U, 3U, 1'000U, 4'097U}) {
    const Generator generator({.count = count, .seed = 11});
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_EQ(generator.find(generator.token(i)), i) << "of " << count;
    }
  }
}

TEST(Generator, ReachesTenMillionWithoutAList) {
  const Generator generator({.count = 10'000'000, .seed = 1});
  std::set<std::string> tokens;
  for (std::uint64_t i = 0; i < 10'000'000; i += 99'991) {
    const auto token = generator.token(i);
    EXPECT_EQ(generator.find(token), i);
    EXPECT_TRUE(tokens.insert(token).second);
  }
}

TEST(Generator, RefusesATokenWithOneWrongCharacter) {
  const Generator generator({.count = 1'000, .seed = 4});
  const auto token = generator.token(17);
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto wrong = token;
    wrong[i] = wrong[i] == 'x' ? 'y' : 'x';
    EXPECT_FALSE(generator.find(wrong)) << i;
  }
}

TEST(Generator, RefusesTheTokensOfAnotherSeed) {
  const Generator generator({.count = 1'000, .seed = 4});
  EXPECT_FALSE(generator.find(Generator({.count = 1'000, .seed = 5}).token(17)));
}

TEST(Generator, ShapesTokensAsFcmDoesExceptTheMalformed) {
  const Generator generator({.count = 2'000, .seed = 6});
  for (std::uint64_t i = 0; i < generator.count(); ++i) {
    const auto token = generator.token(i);
    const bool malformed = generator.health(i) == Health::malformed;
    EXPECT_NE(looks_like_registration(token), malformed) << token;
    if (malformed) continue;
    EXPECT_EQ(token.size(), 163U);
    EXPECT_EQ(token.substr(22, 7), ":APA91b");
  }
}

TEST(Generator, WritesTheListForImport) {
  const auto path = std::filesystem::path(testing::TempDir()) / "emulator_generated.csv";
  const auto newest = *parse_rfc3339("2026-11-24T06:00:00Z");
  ASSERT_TRUE(write_device_list(path, {.count = 50, .seed = 3}, newest));

  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  EXPECT_EQ(line, "token,user,platform,last_seen");
  const Generator generator({.count = 50, .seed = 3});
  std::uint64_t count = 0;
  for (; std::getline(file, line); ++count) {
    EXPECT_TRUE(line.starts_with(generator.token(count) + ",user-")) << line;
    const auto seen = parse_rfc3339(line.substr(line.rfind(',') + 1));
    ASSERT_TRUE(seen) << line;
    EXPECT_LE(*seen, newest);
    EXPECT_GT(*seen, newest - 31 * 24h);
  }
  EXPECT_EQ(count, 50U);
  std::filesystem::remove(path);
}

TEST(Generator, NamesTheFileItCouldNotWrite) {
  const auto written = write_device_list("/nowhere/at/all.csv", {.count = 1}, {});
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, Error::Kind::storage);
  EXPECT_NE(written.error().what.find("/nowhere/at/all.csv"), std::string::npos);
}

}  // namespace
}  // namespace fanfare::emulator
