// Messages: the durable queue. What has been accepted lies here until it ends; what has ended is
// remembered for a time, and what failed with all that is needed to send it again.
//
// A view of one Store (store.h): the members under "Inside a transaction" write and throw
// sqlite::Failure; the others only read. Not thread-safe.
//
// A lease is a promise of this process alone, since one process owns the file: a leased message has
// no due time in the file, and whoever opens the file takes all leases to be void. So a crash sends
// again only what was in flight (P2), and what is sent `once` not even that: it ends as unknown.
// Leases also expire in a running process, so that a stuck deliverer holds nothing for ever.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "queue/message.h"
#include "queue/store.h"

namespace fanfare::queue {

class Messages {
 public:
  /// Throws sqlite::Failure. The owner makes it inside transact(): the leases of a process that is
  /// gone become due again.
  explicit Messages(Store& store);
  ~Messages();

  // Inside a transaction ------------------------------------------------------------------------

  /// Takes a submission. With `leased`, its messages are leased at once and appended to it, unless
  /// one must wait: for send_at, for its turn by order_key.
  [[nodiscard]] Receipt accept(const Submission& submission, SystemTime now,
                               std::vector<Leased>* leased = nullptr);

  /// A request for something else than messages, by its idempotency key (empty: none).
  struct KeyedRequest {
    std::string project;
    std::string key;
    std::string fingerprint;
  };
  /// The promise of the same answer for a campaign: `make` makes one and gives its id, unless the
  /// key was used before. `first` of the receipt is the campaign's id.
  [[nodiscard]] Receipt accept_campaign(const KeyedRequest& request, SystemTime now,
                                        const std::function<std::int64_t()>& make);

  /// Appends at most `limit` messages of this project and priority that are due, in order of due
  /// time, then of acceptance, and leases them until `now` + `lease_for`. Those whose expiry has
  /// come end as expired instead.
  void lease(const std::string& project, Priority priority, SystemTime now, std::size_t limit,
             std::vector<Leased>& out);

  /// Ends leased messages. One whose lease has expired and that ended or was leased again meanwhile
  /// is left alone: its first end counts. Lets the next of its order_key go.
  void end(std::span<const Ending> endings, SystemTime now);

  /// Gives leases back: due later, or now.
  void postpone(std::span<const Postponed> postponed, SystemTime now);

  enum class Cancelled : std::uint8_t { cancelled, in_flight, ended, unknown_id };
  [[nodiscard]] Cancelled cancel(const std::string& project, MessageId id, SystemTime now);

  /// Cancels what waits of a project, at most `limit`; how many. For a project that is removed.
  std::uint64_t cancel_all(const std::string& project, SystemTime now, std::size_t limit);

  /// Accepts a failed message anew (its own target and text, no expiry, attempts from zero) and
  /// takes it out of the dead letters. nullopt: there is no such dead letter.
  [[nodiscard]] std::optional<MessageId> replay(const std::string& project, MessageId id,
                                                SystemTime now);

  /// Whether a message waited behind another of its order_key and its turn has come since the last
  /// call: then somebody should look what is due.
  [[nodiscard]] bool take_turns() noexcept;

  struct Upkeep {
    std::uint64_t leases = 0;   ///< Expired ones that are due again.
    std::uint64_t expired = 0;  ///< Messages that ended so.
    std::uint64_t purged = 0;   ///< Ended messages and idempotency keys that were forgotten.
  };
  struct Retention {
    std::chrono::seconds ended{std::chrono::hours(24 * 7)};  ///< Dead letters as well.
    std::chrono::seconds idempotency_keys{std::chrono::hours(24)};
  };
  /// A bounded step of housekeeping (some 2,000 rows of each table, so that nobody waits long for
  /// the writer); to be called several times a second.
  Upkeep keep_up(const Retention& retention, SystemTime now);

  // Reading -------------------------------------------------------------------------------------

  [[nodiscard]] std::optional<MessageStatus> find(const std::string& project, MessageId id);
  /// Dead letters (rejected, dropped, expired, unknown) in order of acceptance behind `after`.
  [[nodiscard]] std::vector<MessageStatus> dead_letters(const std::string& project, MessageId after,
                                                        std::size_t limit);
  /// When the next message of the project that waits is due, of this priority; nullopt: none waits.
  [[nodiscard]] std::optional<SystemTime> next_due(const std::string& project, Priority priority);
  /// When the one that has been due for longest was due; nullopt: nothing is due.
  [[nodiscard]] std::optional<SystemTime> oldest_due(SystemTime now);
  [[nodiscard]] std::vector<std::string> projects();

  /// Kept up by every change, without asking the file. For the owner only.
  [[nodiscard]] const std::map<std::string, Books>& books() const noexcept;
  [[nodiscard]] Books total() const noexcept;
  /// The books as the file has them: for a reader. Counts rows, so it takes a while with millions.
  [[nodiscard]] std::map<std::string, Books> stored_books();
  /// Counts the file's rows and compares them with the books: what does not agree, in words; empty:
  /// all does. Takes a while with millions of rows.
  [[nodiscard]] std::vector<std::string> check_books();

  static constexpr std::chrono::minutes lease_for{5};

  struct Impl;  ///< Opaque; named here for the files that implement it.

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::queue
