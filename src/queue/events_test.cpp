#include "queue/events.h"

#include "queue/testing/world.h"

namespace fanfare::queue {
namespace {

using namespace std::chrono_literals;

class EventsTest : public World {
 protected:
  void happen(const std::string& type) {
    write([&] { events_.add({.at = now_, .type = type, .project = "demo"}); });
  }
  std::vector<std::string> types(EventId after, const EventChoice& choice, EventId* looked_at) {
    std::vector<std::string> found;
    for (const Event& event : events_.behind(after, choice, 2, looked_at)) {
      found.push_back(event.type);
    }
    return found;
  }

  Events events_{*store_};
};

TEST_F(EventsTest, ACursorPassesOverWhatIsNotWanted) {
  for (const char* type : {"a.one", "b", "a.two", "a.three", "b"}) happen(type);
  const EventChoice choice{.types = {"a.*"}, .project = "demo"};
  EventId cursor = 0;
  EXPECT_EQ(types(cursor, choice, &cursor), (std::vector<std::string>{"a.one", "a.two"}));
  EXPECT_EQ(types(cursor, choice, &cursor), std::vector<std::string>{"a.three"});
  EXPECT_EQ(cursor, 5);
  EXPECT_TRUE(types(cursor, choice, &cursor).empty());
  EXPECT_EQ(cursor, 5);
}

TEST_F(EventsTest, IdsAreNeverGivenTwice) {
  happen("a");
  write([&] { events_.purge(now_ + 1s, 10); });
  happen("b");
  EXPECT_EQ(events_.last(), 2);
}

TEST_F(EventsTest, ADeadWebhookKeepsNothingForLongerThanTheRetention) {
  write([&] {
    events_.put_webhook({.id = "wh-1",
                         .url = "http://127.0.0.1:1/",
                         .secret = "s",
                         .choice = {},
                         .created = now_,
                         .retry_at = {},
                         .last_error = {}});
  });
  happen("old");
  now_ += 1h;
  happen("young");
  write([&] { events_.purge(now_, 10); });
  EventId looked_at = 0;
  EXPECT_EQ(types(0, {}, &looked_at), std::vector<std::string>{"young"});
}

}  // namespace
}  // namespace fanfare::queue
