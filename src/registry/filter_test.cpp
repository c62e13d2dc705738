#include "registry/filter.h"

#include <set>

#include <sqlite3.h>

#include "registry/testing/temp_store.h"

namespace fanfare::registry {
namespace {

std::string fault_of(std::string_view text) {
  const auto filter = Filter::parse(text, day0);
  if (filter) return "no fault";
  EXPECT_EQ(filter.error().kind, Error::Kind::usage);
  return filter.error().what;
}

TEST(FilterText, SaysTheColumnAndWhatWasExpected) {
  EXPECT_EQ(fault_of("platform:"),
            "can't read the filter at column 10: expected a value for platform, found the end");
  EXPECT_EQ(fault_of("all all"),
            "can't read the filter at column 5: expected 'and', 'or' or the end, found 'all'");
  EXPECT_EQ(fault_of("(all"), "can't read the filter at column 5: expected ')', found the end");
  EXPECT_NE(fault_of("colour:red").find("column 1: expected a field (state, "), std::string::npos);
  EXPECT_NE(fault_of("state:dead").find("column 7: expected active, suspect or retired"),
            std::string::npos);
  EXPECT_NE(fault_of("last_seen<soon").find("column 11: expected an age"), std::string::npos);
  EXPECT_NE(fault_of("user:\"x").find("column 6: this quotation mark is never closed"),
            std::string::npos);
}

TEST(FilterText, NamesTheTimeThatLacksItsSign) {
  EXPECT_NE(fault_of("created:30d").find("column 8: expected '<' or '>' after created"),
            std::string::npos);
  EXPECT_NE(fault_of("last_accepted<").find("column 15: expected a value for last_accepted"),
            std::string::npos);
  EXPECT_NE(fault_of("refreshed>soon").find("column 11: expected an age"), std::string::npos);
}

TEST(FilterText, CountsColumnsInCharacters) {
  EXPECT_NE(fault_of("user:\"ü\" and").find("column 13"), std::string::npos);
}

TEST(FilterText, RefusesWhatIsTooDeepOrTooLong) {
  const std::string deep = std::string(200, '(') + "all" + std::string(200, ')');
  EXPECT_NE(fault_of(deep).find("levels deep"), std::string::npos);
  EXPECT_NE(fault_of(std::string(5'000, ' ')).find("longer than"), std::string::npos);
}

TEST(FilterText, TakesAsManyTermsAsFit) {
  std::string wide = "user:a";
  while (wide.size() < max_filter_bytes - 12) wide += " or user:a";
  EXPECT_TRUE(Filter::parse(wide, day0));
}

TEST(FilterText, NormalFormTurnsAgesIntoDatesAndReadsBackTheSame) {
  const auto filter =
      Filter::parse("NOT (tag:a or tag:b and last_seen<1d) and user:\"x \\\"y\"", day0);
  ASSERT_TRUE(filter);
  const std::string text = filter->text();
  EXPECT_EQ(text,
            "not (tag:\"a\" or tag:\"b\" and last_seen>2027-01-14T08:00:00Z) and user:\"x \\\"y\"");
  EXPECT_EQ(Filter::parse(text, day0 + 24h)->text(), text);
}

TEST(FilterText, NormalFormKeepsTheNamesThatPeopleUse) {
  const std::string text =
      "device_id:\"i\" and timezone:\"Asia/\"* and last_accepted<2027-01-01T00:00:00Z and "
      "created>2026-01-01T00:00:00Z and not refreshed<2026-06-01T00:00:00Z";
  EXPECT_EQ(Filter::parse(text, day0)->text(), text);
}

TEST(FilterText, KnowsWhetherItSpeaksOfTheState) {
  EXPECT_TRUE(Filter::parse("user:a or not (state:retired)", day0)->names_state());
  EXPECT_FALSE(Filter::parse("user:state", day0)->names_state());
}

TEST(FilterText, NeverPutsAPersonsTextIntoSql) {
  const auto sql = Filter::parse("user:\"'; DROP TABLE dev; --\"", day0)->sql();
  EXPECT_EQ(sql.sql,
            "(id IN (SELECT dev FROM key_user WHERE hash = ? UNION ALL SELECT id FROM dev"
            " WHERE id > (SELECT up_to FROM keyed)) AND user = ?)");
}

// Four devices, and which of them each filter means.
class FilterMeaning : public TempStore {
 protected:
  void SetUp() override {
    TempStore::SetUp();
    registry_.emplace(open());
    Device a = a_token("a");
    a.platform = "ios";
    a.user = "u1";
    a.tags = {"news", "sport"};
    a.locale = "ko-KR";
    a.app_version = "1.2.9";
    a.last_seen = day0 - 10h;
    a.project = "p";
    Device b = a_token("b");
    b.platform = "android";
    b.tags = {"newsletter"};
    b.locale = "en";
    b.app_version = "1.20";
    b.last_seen = day0 - 24h * 40;
    Device c = a_token("c");
    c.registration.kind = TargetKind::fid;
    const Device d = a_token("d");
    for (const Device& device : {a, b, c, d}) put(*registry_, device);
    ASSERT_TRUE(registry_->retire(get(*registry_, "d").id, day0).value());
  }

  std::string matches(const std::string& filter) {
    std::string found;
    const auto done = registry_->each(
        filter, [&](const Device& device) { return found += device.registration.value, true; },
        day0);
    return done ? found : done.error().what;
  }

  std::optional<Registry> registry_;
};

TEST_F(FilterMeaning, ComparesEachField) {
  EXPECT_EQ(matches(""), "abcd");
  EXPECT_EQ(matches("all"), "abcd");
  EXPECT_EQ(matches("platform:iOS"), "a");
  EXPECT_EQ(matches("user:u1"), "a");
  EXPECT_EQ(matches("kind:fid"), "c");
  EXPECT_EQ(matches("project:p"), "a");
  EXPECT_EQ(matches("state:retired"), "d");
  EXPECT_EQ(matches("rule:token.unregistered"), "");
}

TEST_F(FilterMeaning, ComparesWholeTags) {
  EXPECT_EQ(matches("tag:news"), "a");
  EXPECT_EQ(matches("tag:sport"), "a");
  EXPECT_EQ(matches("tag:news*"), "ab");
  EXPECT_EQ(matches("tag:letter*"), "");
}

TEST_F(FilterMeaning, TakesBeginningsAndIgnoresCaseOfLocales) {
  EXPECT_EQ(matches("locale:KO*"), "a");
  EXPECT_EQ(matches("locale:EN"), "b");
  EXPECT_EQ(matches("app_version:1.2*"), "ab");
  EXPECT_EQ(matches("app_version:1.2.*"), "a");
  EXPECT_EQ(matches("app_version:\"1.2*\""), "");
}

TEST_F(FilterMeaning, TellsKnownFromUnknown) {
  EXPECT_EQ(matches("platform:*"), "ab");
  EXPECT_EQ(matches("platform:\"\""), "cd");
  EXPECT_EQ(matches("tag:\"\""), "cd");
  EXPECT_EQ(matches("user:\"\""), "bcd");
}

TEST_F(FilterMeaning, ReadsAgesAndDatesInTheirOwnDirections) {
  EXPECT_EQ(matches("last_seen<30d"), "a");
  EXPECT_EQ(matches("last_seen>30d"), "b");
  EXPECT_EQ(matches("last_seen<2027-01-01"), "b");
  EXPECT_EQ(matches("last_seen>2027-01-01T00:00:00Z"), "a");
  EXPECT_EQ(matches("not last_seen<30d"), "bcd");
}

TEST_F(FilterMeaning, BindsNotBeforeAndBeforeOr) {
  EXPECT_EQ(matches("platform:ios or platform:android and tag:news"), "a");
  EXPECT_EQ(matches("(platform:ios or platform:android) and not tag:news"), "b");
  EXPECT_EQ(matches("not platform:ios and not platform:android"), "cd");
}

TEST_F(FilterMeaning, ComparesTimeZonesAndInstallations) {
  Device e = a_token("e");
  e.time_zone = "Asia/Seoul";
  e.installation = "i-1";
  put(*registry_, e);
  EXPECT_EQ(matches("timezone:Asia/Seoul"), "e");
  EXPECT_EQ(matches("timezone:Asia/*"), "e");
  EXPECT_EQ(matches("timezone:\"\""), "abcd");
  EXPECT_EQ(matches("device_id:i-1"), "e");
  EXPECT_EQ(matches("device_id:i-2"), "");
  EXPECT_EQ(matches("device_id:*"), "e");
  EXPECT_EQ(matches("device_id:i*"), "e");
}

TEST_F(FilterMeaning, ComparesWhenADeviceCameAndWasRefreshed) {
  put(*registry_, a_token("e"), day0 + 48h);
  Device a = a_token("a");
  a.user = "u2";
  put(*registry_, a, day0 + 24h);
  EXPECT_EQ(matches("created>2027-01-16"), "e");
  EXPECT_EQ(matches("created<2027-01-16"), "abcd");
  EXPECT_EQ(matches("refreshed>2027-01-16"), "a") << "the others were only added";
  EXPECT_EQ(matches("not refreshed<2027-01-17"), "bcde");
}

TEST_F(FilterMeaning, ComparesWhenFcmLastAcceptedAMessage) {
  const Campaign campaign = a_campaign(*registry_);
  const auto accepted = [&](const char* value, SystemTime at) {
    ASSERT_TRUE(registry_->record(campaign, {.at = at, .accepted = {get(*registry_, value).id}}));
  };
  accepted("a", day0);
  accepted("b", day0 - 24h * 10);
  EXPECT_EQ(matches("last_accepted<7d"), "a");
  EXPECT_EQ(matches("last_accepted>7d"), "b");
  EXPECT_EQ(matches("last_accepted<2027-01-15T08:00:00Z"), "b");
  EXPECT_EQ(matches("last_accepted<2027-01-15T08:00:00.001Z"), "ab") << "whole seconds are kept";
  EXPECT_EQ(matches("last_accepted>2027-01-15T08:00:00Z"), "");
  EXPECT_EQ(matches("last_accepted>2027-01-15T07:59:59.999Z"), "a");
  EXPECT_EQ(matches("not last_accepted<2200-01-01"), "cd") << "never";
  EXPECT_EQ(matches("last_accepted>1960-01-01"), "ab");
  EXPECT_EQ(matches("last_accepted<1960-01-01 or last_accepted>2200-01-01"), "");
}

TEST_F(FilterMeaning, CountsByPlatformAndState) {
  const auto counts = registry_->count("not platform:android", day0).value();
  EXPECT_EQ(counts.total, 3U);
  EXPECT_EQ(counts.by_platform, (std::map<std::string, std::uint64_t>{{"", 2}, {"ios", 1}}));
  EXPECT_EQ(counts.by_state, (std::map<std::string, std::uint64_t>{{"active", 2}, {"retired", 1}}));
  EXPECT_EQ(registry_->count("platform:").error().kind, Error::Kind::usage);
}

TEST_F(FilterMeaning, SamplesOnlyThoseThatMatch) {
  const auto sampled = [&](const std::string& filter, std::size_t size, std::uint64_t seed) {
    std::string found;
    const auto devices = registry_->sample(filter, size, seed, day0).value();
    for (const Device& device : devices) found += device.registration.value;
    return found;
  };
  EXPECT_EQ(sampled("state:active", 9, 1), "abc");
  EXPECT_EQ(sampled("all", 2, 1).size(), 2U);
  EXPECT_EQ(sampled("all", 2, 1), sampled("all", 2, 1));
  std::set<std::string> different;
  for (std::uint64_t seed = 0; seed < 50; ++seed) different.insert(sampled("all", 1, seed));
  EXPECT_EQ(different.size(), 4U);
}

// How SQLite means to find the devices of a window, step by step.
class FilterPlan : public TempStore {
 protected:
  void SetUp() override {
    TempStore::SetUp();
    open();
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database_), SQLITE_OK);
  }
  void TearDown() override {
    sqlite3_close(database_);
    TempStore::TearDown();
  }
  std::string plan(const std::string& filter) {
    return plan_of("device WHERE id > 0 AND id <= 50000", filter);
  }
  std::string plan_of(const std::string& from, const std::string& filter) {
    const std::string sql = "EXPLAIN QUERY PLAN SELECT id FROM " + from +
                            (" AND (" + Filter::parse(filter, day0)->sql().sql + ")");
    std::string steps;
    sqlite3_exec(
        database_, sql.c_str(),
        [](void* out, int, char** columns, char**) {
          *static_cast<std::string*>(out) += std::string(columns[3]) + "\n";
          return 0;
        },
        &steps, nullptr);
    return steps;
  }
  sqlite3* database_ = nullptr;
};

TEST_F(FilterPlan, UsersAndInstallationsAreLookedUpNotLookedFor) {
  for (const std::string& filter :
       {std::string("user:u1"), std::string("device_id:i1"),
        std::string("user:u1 and platform:ios"), std::string("state:active and device_id:i1")}) {
    const std::string steps = plan(filter);
    EXPECT_NE(steps.find("SEARCH dev USING INTEGER PRIMARY KEY (rowid=?)"), std::string::npos)
        << filter << "\n"
        << steps;
    EXPECT_NE(steps.find("SEARCH key_"), std::string::npos) << steps;
    EXPECT_EQ(steps.find("SCAN dev"), std::string::npos) << steps;
    EXPECT_EQ(steps.find("rowid>? AND rowid<?"), std::string::npos) << steps;
  }
  EXPECT_NE(plan("platform:ios").find("rowid>? AND rowid<?"), std::string::npos)
      << "otherwise this test would prove nothing";
}

TEST_F(FilterPlan, AMemberIsLookedUpWithItsStandingNotLookedFor) {
  const std::string where = "list_member CROSS JOIN device WHERE device.id = list_member.dev";
  EXPECT_EQ(plan_of(where, "state:suspect").find("SCAN dev"), std::string::npos)
      << plan_of(where, "state:suspect");
}

std::string of_not_retired(const std::string& filter) {
  const auto rest = Filter::parse(filter, day0)->of_not_retired();
  return rest ? rest->text() : "nothing";
}

TEST(FilterOfNotRetired, IsWhatElseIsAsked) {
  EXPECT_EQ(of_not_retired("not state:retired"), "all");
  EXPECT_EQ(of_not_retired("not state:retired and (all)"), "all");
  EXPECT_EQ(of_not_retired("not state:retired and (kind:fid or tag:a)"),
            R"(kind:"fid" or tag:"a")");
  EXPECT_EQ(of_not_retired("kind:fid and tag:a and not state:retired"),
            R"(kind:"fid" and tag:"a")");
}

TEST(FilterOfNotRetired, IsNothingWhereMoreIsSaidOfTheStanding) {
  for (const char* filter :
       {"all", "state:active", "state:retired", "not state:suspect", "not kind:fid",
        "not state:retired or kind:fid", "not state:retired and state:suspect",
        "rule:prune and not state:retired", "not (not state:retired)",
        "not state:retired and (kind:fid or rule:x)"}) {
    EXPECT_EQ(of_not_retired(filter), "nothing") << filter;
  }
}

}  // namespace
}  // namespace fanfare::registry
