#include "emulator/journal.h"

#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

const SystemTime now = *parse_rfc3339("2026-11-24T06:00:00Z");

NewMessage message(std::string_view request = "{}") {
  return {"name", now, request, "token", "t"};
}

TEST(Journal, ForgetsTheOldestMessageWithItsDeliveries) {
  Journal journal(2);
  for (int i = 0; i < 3; ++i) {
    journal.add(message());
    journal.add("a", Platform::ios, Outcome::delivered, now);
    journal.add("b", Platform::web, Outcome::pending, now);
  }
  EXPECT_EQ(journal.messages().size(), 2U);
  ASSERT_EQ(journal.deliveries().size(), 4U);
  EXPECT_EQ(journal.deliveries().front().id, 3U);
  EXPECT_EQ(journal.message(journal.deliveries().front().message).name, "name");
  EXPECT_EQ(journal.forgotten(), 2U);
}

TEST(Journal, KeepsTheNewestHoweverLarge) {
  Journal journal(10);
  journal.add(message());
  const std::string large(Journal::max_bytes + 1, 'x');
  journal.add(message(large));
  EXPECT_EQ(journal.messages().size(), 1U);
  journal.add(message());
  EXPECT_EQ(journal.messages().size(), 1U);
  EXPECT_EQ(journal.messages().front().request, "{}");
}

TEST(Journal, AChangedDeliveryIsNewAgain) {
  Journal journal(10);
  journal.add(message());
  const auto id = journal.add("a", Platform::ios, Outcome::pending, now);
  const auto before = journal.changes();
  journal.settle(id, Outcome::delivered, now);
  EXPECT_GT(journal.deliveries().front().change, before);
  EXPECT_EQ(journal.deliveries().front().outcome, Outcome::delivered);
  journal.settle(id + 1, Outcome::expired, now);  // Not kept: no effect.
  EXPECT_EQ(journal.deliveries().size(), 1U);
}

TEST(Journal, KnowsWhoseADeliveryIs) {
  Journal journal(2);
  journal.add(message());
  journal.add("t", Platform::ios, Outcome::delivered, now);
  journal.add("member", Platform::ios, Outcome::delivered, now);
  EXPECT_EQ(journal.registration_of(journal.deliveries()[0]), "t");
  EXPECT_EQ(journal.registration_of(journal.deliveries()[1]), "member");
  EXPECT_TRUE(journal.deliveries()[0].registration.empty()) << "it is not kept twice";
}

TEST(Journal, NotesAreARing) {
  Journal journal(10);
  for (std::size_t i = 0; i < Journal::max_notes + 5; ++i)
    journal.next_note().status = static_cast<int>(i);
  ASSERT_EQ(journal.notes().size(), Journal::max_notes);
  EXPECT_EQ(journal.notes().front().status, 5);
  EXPECT_EQ(journal.notes().back().status, static_cast<int>(Journal::max_notes) + 4);
  EXPECT_EQ(journal.forgotten(), 5U);
}

TEST(Journal, CountsOnThroughAClear) {
  Journal journal(10);
  journal.add(message());
  const auto id = journal.add("a", Platform::ios, Outcome::delivered, now);
  const auto changes = journal.changes();
  journal.clear();
  EXPECT_GT(journal.changes(), changes);
  EXPECT_EQ(journal.forgotten(), journal.changes());
  journal.add(message());
  EXPECT_GT(journal.add("a", Platform::ios, Outcome::delivered, now), id);
}

}  // namespace
}  // namespace fanfare::emulator
