// The values of the queue: a submission, a message on its way, how it ended, and the books.
//
// The life of a message (P1, P9, P11):
//
//                  202 is answered when this is on the disk
//   submission --accept--> waiting --lease--> in flight --end--> delivered   FCM took it
//                            ^ |  \             |   |            rejected    a verdict that is
//                            final
//            send_at, retry, | |   \--cancel----|---|----------> cancelled
//            blocked, expiry +-|----postpone----+   +----------> unknown     perhaps sent, not
//            repeated of the lease      +----expire---------------------> expired     never sent
//            after expiry
//                                                   +----------> dropped     given up
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/priority.h"
#include "fanfare/target.h"

#include "base/time_text.h"

namespace fanfare::queue {

/// Rising in the order of acceptance; never given twice. The messages of one submission have
/// consecutive ones.
using MessageId = std::int64_t;

/// "m-42" and back; nullopt for anything else.
[[nodiscard]] std::string format_message_id(MessageId id);
[[nodiscard]] std::optional<MessageId> parse_message_id(std::string_view text) noexcept;

/// What to do when nobody knows whether FCM has the message (P3).
enum class OnUnknown : std::uint8_t {
  retry,                 ///< Send again: it may be shown twice.
  drop,                  ///< It ends as unknown.
  retry_if_collapsible,  ///< Send again when it has a collapse key, so that the second replaces the
                         ///< first; decided when it is accepted.
};

enum class State : std::uint8_t {
  waiting,
  in_flight,
  delivered,
  rejected,
  dropped,
  expired,
  cancelled,
  unknown,
};
inline constexpr std::size_t state_count = 8;
[[nodiscard]] std::string_view to_string(State state) noexcept;
[[nodiscard]] constexpr bool is_final(State state) noexcept {
  return state != State::waiting && state != State::in_flight;
}

/// One message to one target.
struct NewMessage {
  Target target;
  std::string platform = {};  ///< "android", "ios", "web"; empty: unknown. Scope of a hold.
  /// FCM Message JSON without a target; empty: the submission's. Both empty is the caller's
  /// mistake.
  std::string message = {};
};

/// What one request hands over; accepted as a whole or not at all.
struct Submission {
  std::string project;
  std::string message = {};  ///< For those that have none of their own.
  std::vector<NewMessage> messages;
  Priority priority = Priority::normal;
  std::optional<SystemTime> send_at = {};  ///< Not before.
  std::optional<SystemTime> expires_at = {};
  OnUnknown on_unknown = OnUnknown::retry;  ///< Never retry_if_collapsible.
  bool validate_only = false;
  /// One attempt: whoever asks repeats by himself (the endpoint in FCM's own form).
  bool once = false;
  /// Messages of a project with the same key are sent one after another, each when the one before
  /// has ended; empty: in any order.
  std::string order_key = {};
  std::string labels = {};  ///< The user's own, a JSON object; empty: none.
  std::string trace = {};   ///< traceparent of W3C Trace Context; empty: none.
  /// The same key of a project gives the same answer as long as it is kept (P4); empty: none.
  std::string idempotency_key = {};
  std::string fingerprint =
      {};  ///< Tells whether a repeat asks for the same: a hash of the request.
};

/// What became of a submission.
struct Receipt {
  enum class Kind : std::uint8_t {
    accepted,
    repeated,    ///< This key was used before for the same: the ids are those of that time.
    key_reused,  ///< This key was used before for something else; nothing was taken.
  };
  Kind kind = Kind::accepted;
  MessageId first = 0;
  std::uint64_t count = 0;
};

/// A message that is in a deliverer's hands.
struct Leased {
  MessageId id = 0;
  Target target;
  std::string platform;
  Priority priority = Priority::normal;
  /// FCM Message JSON without a target. Messages of one submission share one text.
  std::shared_ptr<const std::string> message;
  int attempts = 0;  ///< Made by earlier leases.
  SystemTime accepted_at{};
  std::optional<SystemTime> expires_at;
  OnUnknown on_unknown = OnUnknown::retry;
  bool validate_only = false;
  bool once = false;
  std::string trace;
};

/// How a leased message ended.
struct Ending {
  MessageId id = 0;
  State state = State::delivered;  ///< A final one.
  std::string rule = {};           ///< Of the last verdict, "token.unregistered"; empty: none.
  int status = 0;                  ///< HTTP status of the last answer; 0: none came.
  int attempts = 0;
  std::string name = {};      ///< FCM's name for it, when delivered.
  std::string evidence = {};  ///< JSON with the raw answer; kept for what was not delivered.
};

/// A leased message that must wait in the store.
struct Postponed {
  MessageId id = 0;
  SystemTime due{};
  int attempts = 0;
  std::string rule = {};  ///< Of the last verdict; empty: none was made.
};

/// What is known of one message.
struct MessageStatus {
  MessageId id = 0;
  std::string project = {};
  State state = State::waiting;
  Target target = {};  ///< Without a value once it has been delivered: the registry knows devices.
  Priority priority = Priority::normal;
  SystemTime accepted_at{};
  std::optional<SystemTime> due = {};  ///< While it waits.
  std::optional<SystemTime> expires_at = {};
  std::optional<SystemTime> ended_at = {};
  int attempts = 0;
  std::string rule = {};
  int status = 0;
  std::string name = {};
  std::string evidence = {};
  std::string labels = {};
  std::string trace = {};
};

/// The books of a project or of all (P11):
///   accepted == delivered + rejected + dropped + expired + cancelled + unknown + waiting + in
///   flight
struct Books {
  std::uint64_t accepted = 0;
  std::array<std::uint64_t, state_count> in{};  ///< How many are in each state, by State.
  [[nodiscard]] std::uint64_t of(State state) const noexcept {
    return in[static_cast<std::size_t>(state)];
  }
  [[nodiscard]] std::uint64_t sum() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : in) sum += count;
    return sum;
  }
  [[nodiscard]] bool balance() const noexcept { return sum() == accepted; }
  bool operator==(const Books&) const = default;
};

}  // namespace fanfare::queue
