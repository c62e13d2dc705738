// The queue as maps: what random deeds must do to it, told without a file. Deeds are drawn by lot
// from what the model knows, so that the same lots give the same deeds in another process.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "queue/messages.h"

namespace fanfare::queue {

/// One call of a member of Messages, or time that passes.
struct Deed {
  enum class Kind : std::uint8_t {
    accept,
    lease,
    end,
    postpone,
    cancel,
    cancel_all,
    replay,
    keep_up,
    wait,
  };
  Kind kind = Kind::wait;
  SystemTime now{};
  Submission submission{.project = {}, .messages = {}};
  bool direct = false;  ///< Leased as it is accepted.
  std::string project = {};
  Priority priority = Priority::normal;
  std::size_t limit = 0;
  MessageId id = 0;
  State state = State::delivered;
  int attempts = 0;
  std::chrono::seconds span{};  ///< Until it is due; how long to wait.
};

inline constexpr Messages::Retention model_retention{.ended = std::chrono::seconds(600),
                                                     .idempotency_keys = std::chrono::seconds(120)};

/// Does the deed to the queue, inside a transaction; what it answered, in words.
[[nodiscard]] std::string perform(const Deed& deed, Messages& messages);
/// All that can be asked of a queue whose ids are not above `last`, in words.
[[nodiscard]] std::string picture_of(Messages& messages, MessageId last, SystemTime now);

class Model {
 public:
  [[nodiscard]] Deed draw(Random& random) const;
  /// What `perform` must answer.
  std::string apply(const Deed& deed);
  /// All leases are void.
  void reopen();
  [[nodiscard]] std::string picture() const;
  [[nodiscard]] MessageId last() const noexcept { return last_; }
  [[nodiscard]] SystemTime now() const noexcept { return now_; }

 private:
  struct Message {
    MessageStatus status;
    std::string order_key;
    SystemTime until{};  ///< Of the lease.
    bool dead = false;
  };
  using Place = std::map<MessageId, Message>::iterator;

  std::string accept(const Submission& submission, bool direct);
  std::string lease(const Deed& deed);
  std::string cancel(const Deed& deed);
  std::string replay(const Deed& deed);
  std::string keep_up();
  std::uint64_t forget();
  void end(Message& message, State state, int attempts, const std::string& rule);
  void move(Message& message, State to);
  [[nodiscard]] bool has_turn(const Message& message) const;
  [[nodiscard]] Message* open(MessageId id);

  struct Key {
    std::string fingerprint;
    MessageId first = 0;
    std::uint64_t count = 0;
    SystemTime at{};
  };
  SystemTime now_{std::chrono::seconds(1'800'000'000)};
  MessageId last_ = 0;
  std::map<MessageId, Message> messages_;
  std::map<std::pair<std::string, std::string>, Key> keys_;
  std::map<std::string, Books> books_;
};

}  // namespace fanfare::queue
