// Sender: makes one attempt to send one message to FCM. Everything above this file sees FCM only
// as a Sender; repeating is decided in retry_loop.h.
#pragma once

#include <chrono>

#include "client/delivery.h"

namespace fanfare::client {

class Sender {
 public:
  /// Makes one attempt to send delivery->message. Its sink gets the delivery back exactly once, on
  /// the sender's own thread, never from within send. A refused access token (credential_stale)
  /// is refreshed once, by one refresh for all, and the request repeated; when that is refused too,
  /// or no token can be had, the verdict is project_blocked with a rule "oauth.…" that names the
  /// cause.
  virtual void send(DeliveryPtr delivery) = 0;
  virtual ~Sender() = default;
};

/// Delays attempts to keep to a rate. Called on the sender's thread before each attempt.
class Pacer {
 public:
  /// How long the next attempt must wait; zero: it may go now and is counted.
  [[nodiscard]] virtual std::chrono::nanoseconds reserve(
      std::chrono::steady_clock::time_point now) = 0;
  /// FCM said that the project is over its quota.
  virtual void on_throttled(std::chrono::steady_clock::time_point now) { static_cast<void>(now); }
  virtual ~Pacer() = default;
};

}  // namespace fanfare::client
