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
  /// How long the sender's thread had better sleep before it looks for news again, so that they are
  /// worth the look; zero: not at all. Asked after each look.
  virtual std::chrono::nanoseconds rest() { return {}; }
  virtual ~Sender() = default;
};

}  // namespace fanfare::client
