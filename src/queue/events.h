// Events: what happened, for those who want to hear of it, in the order in which it became true.
// Read behind a cursor by anyone (the events API), and delivered to webhooks, each of which has a
// cursor of its own: at least once, in order, and one that can't be delivered is put aside as a
// dead letter so that those behind it go on.
//
// A view of one Store: writing members only inside Store::transact(), so that an event is there
// exactly when what it tells is.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time_text.h"
#include "queue/store.h"

namespace fanfare::queue {

/// Rising; never given twice. A cursor is the id of the last event that was read.
using EventId = std::int64_t;

struct Event {
  EventId id = 0;
  SystemTime at{};
  /// "device.retired", "device.replaced", "device.suspect", "brake.pulled", "breaker.opened",
  /// "breaker.closed", "campaign.finished", "message.failed", "books.mismatch".
  std::string type;
  std::string project = {};  ///< Empty: of no single one.
  std::string data = {};     ///< A JSON object.
};

/// Which events somebody wants.
struct EventChoice {
  std::vector<std::string> types;  ///< Empty: all. "device.*" is all that begin so.
  std::string project;             ///< Empty: all.
  [[nodiscard]] bool wants(const Event& event) const noexcept;
};

struct Webhook {
  std::string id;  ///< "wh-…", chosen at random.
  std::string url;
  std::string secret;  ///< Signs each delivery (HMAC-SHA256); must be known to both, so it is kept.
  EventChoice choice;
  bool enabled = true;
  SystemTime created{};
  EventId cursor = 0;  ///< All up to here were delivered, put aside, or not wanted.
  int failures = 0;    ///< In a row, of the event behind the cursor.
  std::optional<SystemTime> retry_at;
  std::string last_error;
};

/// An event that a webhook did not take.
struct WebhookDeadLetter {
  std::int64_t id = 0;
  std::string webhook;
  Event event;
  SystemTime at{};
  int attempts = 0;
  std::string error;
};

class Events {
 public:
  explicit Events(Store& store) : store_(store) {}

  // Inside a transaction ------------------------------------------------------------------------
  EventId add(const Event& event);
  /// Forgets events from before `before`, and dead letters of that age; at most `limit` of each. A
  /// webhook that has not taken them by then never will: one that is dead must not fill the disk.
  std::uint64_t purge(SystemTime before, std::size_t limit);
  void put_webhook(const Webhook& webhook);  ///< New or changed, cursor and all.
  bool remove_webhook(const std::string& id);
  void add_dead_letter(const WebhookDeadLetter& letter);
  bool remove_dead_letter(const std::string& webhook, std::int64_t id);

  // Reading -------------------------------------------------------------------------------------
  /// In order, behind `after`; at most `limit`. `looked_at` (may be null) is set to the id of the
  /// last event that was looked at, wanted or not: the next cursor.
  [[nodiscard]] std::vector<Event> behind(EventId after, const EventChoice& choice,
                                          std::size_t limit, EventId* looked_at = nullptr);
  [[nodiscard]] EventId last();  ///< 0: none yet.
  [[nodiscard]] std::vector<Webhook> webhooks();
  [[nodiscard]] std::optional<Webhook> webhook(const std::string& id);
  [[nodiscard]] std::vector<WebhookDeadLetter> dead_letters(const std::string& webhook,
                                                            std::int64_t after, std::size_t limit);
  /// By webhook; those that have none are not there.
  [[nodiscard]] std::map<std::string, std::uint64_t> dead_letter_counts();

 private:
  Store& store_;
};

}  // namespace fanfare::queue
