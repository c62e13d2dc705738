// What the emulator remembers to show: the last messages, what became of each at every device,
// and the last requests with their answers. Bounded in number and in bytes; whatever is added or
// changes gets the next number of one count, so that who watches can ask for what is new.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time_text.h"
#include "emulator/fault.h"
#include "emulator/health.h"
#include "emulator/ring.h"

namespace fanfare::emulator {

/// Whom a message to a topic, a condition or a group reached.
struct Reached {
  std::vector<std::string> names;  ///< The first thousand.
  std::uint64_t count = 0;
};

struct KeptMessage {
  std::string name;
  SystemTime at;
  std::string request;       ///< JSON, as it came.
  std::string target_field;  ///< "token", "fid", "topic", "condition" or "group".
  std::string target;
  std::optional<Reached> reached = {};  ///< Absent for a message to one device.
  std::string label = {};               ///< Android's analytics label; empty: none.

  [[nodiscard]] std::size_t bytes() const noexcept;
};

/// The same before it is kept.
struct NewMessage {
  std::string_view name;
  SystemTime at;
  std::string_view request;
  std::string_view target_field;
  std::string_view target;
  std::optional<Reached> reached = {};
  std::string_view label = {};
};

enum class Outcome : std::uint8_t {
  delivered,
  pending,                   ///< Waits for a device that is offline.
  delayed,                   ///< Waits its turn: too many collapsible messages.
  collapsed,                 ///< Another with the same key took its place.
  expired,                   ///< Its time to live has passed.
  dropped_too_many_pending,  ///< With all others that waited and had no collapse key.
  dropped_inactive,          ///< The device was away for more than a month.
  dropped_uninstalled,       ///< The app is gone and FCM did not know yet.
};
[[nodiscard]] std::string_view name_of(Outcome outcome) noexcept;
[[nodiscard]] constexpr bool is_waiting(Outcome outcome) noexcept {
  return outcome == Outcome::pending || outcome == Outcome::delayed;
}

/// A message at one device.
struct Delivery {
  std::uint64_t id = 0;
  std::uint64_t change = 0;   ///< When it was added or last changed, in the common count.
  std::uint64_t message = 0;  ///< The number of its message.
  std::string registration;   ///< Empty: its message's target.
  Platform platform = Platform::unknown;
  Outcome outcome = Outcome::delivered;
  SystemTime accepted;
  SystemTime settled;  ///< When it got its outcome.
};

/// A request and how it was answered.
struct RequestNote {
  std::uint64_t change = 0;
  SystemTime at;
  std::string method;
  std::string path;
  std::string_view plane;  ///< "send", "token", "neighbour", "other".
  std::string target_field;
  std::string target;
  std::string kind;   ///< As the books name it.
  std::string text;   ///< The answer's own words, where it is an error.
  std::string field;  ///< The field that the answer blames, or APNs's reason; empty: none.
  int status = 0;     ///< 0: there was no answer.
  bool dry_run = false;
  Fault fault = Fault::none;  ///< The one on purpose that made the answer what it is.
};

class Journal {
 public:
  explicit Journal(std::size_t max_messages);

  /// The number of the message; numbers only grow.
  std::uint64_t add(NewMessage message);
  /// The id of the delivery; its message is the last one added.
  std::uint64_t add(std::string_view registration, Platform platform, Outcome outcome,
                    SystemTime now);
  /// Null when it is no longer kept.
  [[nodiscard]] const Delivery* find(std::uint64_t delivery) const;
  /// No effect on one that is no longer kept.
  void settle(std::uint64_t delivery, Outcome outcome, SystemTime now);

  /// To be filled in; it may still hold an older one.
  [[nodiscard]] RequestNote& next_note();

  /// Oldest first.
  [[nodiscard]] const Ring<KeptMessage>& messages() const noexcept { return messages_; }
  [[nodiscard]] const Ring<Delivery>& deliveries() const noexcept { return deliveries_; }
  [[nodiscard]] const Ring<RequestNote>& notes() const noexcept { return notes_; }
  /// The message of this number, which is still kept: that of a delivery that is.
  [[nodiscard]] const KeptMessage& message(std::uint64_t number) const {
    return messages_[number - first_message_];
  }
  [[nodiscard]] const std::string& registration_of(const Delivery& delivery) const {
    return delivery.registration.empty() ? message(delivery.message).target : delivery.registration;
  }
  /// The id that the next delivery will have.
  [[nodiscard]] std::uint64_t next_delivery() const noexcept {
    return first_delivery_ + deliveries_.size();
  }
  /// Something else has changed; its number.
  std::uint64_t touch() { return ++changes_; }

  /// The number of the last change of all.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }
  /// Below this, something that changed is no longer kept.
  [[nodiscard]] std::uint64_t forgotten() const noexcept { return forgotten_; }

  /// Forgets everything but the count.
  void clear();

  static constexpr std::size_t max_bytes = 32U << 20;
  static constexpr std::size_t max_deliveries = 100'000;
  static constexpr std::size_t max_notes = 1'000;

 private:
  void drop_oldest_message();
  void drop_oldest_delivery();

  std::uint64_t changes_ = 0;
  std::uint64_t forgotten_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t first_message_ = 1;  // The number of the oldest message.
  Ring<KeptMessage> messages_;
  std::uint64_t first_delivery_ = 1;           // The id of the oldest delivery.
  Ring<Delivery> deliveries_{max_deliveries};  // In the order of their messages.
  Ring<RequestNote> notes_{max_notes};
};

}  // namespace fanfare::emulator
