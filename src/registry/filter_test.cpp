#include "registry/filter.h"

#include <set>

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

}  // namespace
}  // namespace fanfare::registry
