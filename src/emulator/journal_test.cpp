#include "emulator/journal.h"

#include <gtest/gtest.h>

namespace fanfare::emulator {
namespace {

const SystemTime now = *parse_rfc3339("2026-11-24T06:00:00Z");

KeptMessage message(std::string request = "{}") {
  return {"name", now, std::move(request), "token", "t"};
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
  journal.add(message(std::string(Journal::max_bytes + 1, 'x')));
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

TEST(Journal, NotesAreARing) {
  Journal journal(10);
  for (std::size_t i = 0; i < Journal::max_notes + 5; ++i)
    journal.next_note().status = static_cast<int>(i);
  std::size_t count = 0;
  int last = 4;
  journal.for_each_note([&](const RequestNote& note) {
    EXPECT_EQ(note.status, ++last);
    ++count;
  });
  EXPECT_EQ(count, Journal::max_notes);
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
