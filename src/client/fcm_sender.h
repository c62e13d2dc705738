// FcmSender: a Sender over the network. Puts a message into a request, the access token on it,
// waits for its turn, and turns what came back into an Attempt.
//
//   send --> queue --token there, budget lets it--> pool --> judged --> sink
//              ^                                              |
//              +------- once, with a fresh token <--- 401 ----+
//
// Messages wait in the queue, not behind it, so that none is counted by the budget before it can
// go: sent in a bunch when the token came, they would exceed the rate.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "fanfare/result.h"

#include "base/time_text.h"
#include "client/send_budget.h"
#include "client/sender.h"
#include "http2/pool.h"
#include "http2/tls.h"
#include "oauth/credential.h"

namespace boost::asio {
class io_context;
}

namespace fanfare::client {

/// Another API of FCM's in place of messages:send, with the same tokens, retries and pace.
struct OtherCall {
  /// Completes a request to one target: method, path, body, and headers at the front.
  std::function<void(const std::string& project, const Target&, http2::Request&)> fill;
  std::function<Verdict(const Answer&, TargetKind)> judge;
};

struct FcmSenderOptions {
  std::string project;
  http2::Origin origin;
  /// For FCM and for the token endpoints; null only when none is https.
  std::shared_ptr<http2::TlsContext> tls;
  http2::PoolOptions pool;
  std::shared_ptr<oauth::Credential> credential;  ///< Null: requests carry no token.
  std::string scope{oauth::messaging_scope};      ///< What its tokens must be good for.
  std::string quota_project;                ///< Who pays (x-goog-user-project); empty: unsaid.
  std::optional<OtherCall> call = {};       ///< Given: messages are ignored and may be null.
  std::shared_ptr<SendBudget> budget = {};  ///< The project's, all lanes'; null: no pacing.
  std::chrono::seconds quota_wait{60};      ///< The budget's pause after a 429 without a time.
  std::function<void(const std::string&)> on_warning = {};  ///< As in ClientOptions.
  std::function<SystemTime()> wall_clock = std::chrono::system_clock::now;
};

/// Lives on the io_context's thread. Not to be destroyed by a handler, nor called by one while it
/// is being destroyed.
class FcmSender final : public Sender {
 public:
  /// Connects on first use. Error::Kind::usage when TLS is needed and not given.
  [[nodiscard]] static Result<std::unique_ptr<FcmSender>> open(boost::asio::io_context& io,
                                                               FcmSenderOptions options);
  /// Every pending attempt ends first: as unsent, or as unknown when its request had left.
  ~FcmSender() override;

  /// Verdicts of its own: project_blocked by oauth.refused (a fresh token was refused too),
  /// oauth.clock_skew, oauth.revoked_key, oauth.wrong_account, oauth.configuration (no token can
  /// be had) and network.untrusted (the server's certificate is not accepted);
  /// service_unavailable by oauth.unavailable (the token endpoint is down).
  void send(DeliveryPtr delivery) override;

  /// A paced campaign has hundreds of requests under way whose answers come one by one, and each
  /// would cost a wake-up, a read and a hand-over of its own, ten times what the message itself
  /// does. So a tenth of their latency, 8 ms at most, when many are awaited and few have come.
  std::chrono::nanoseconds rest() override;

 private:
  struct Impl;
  explicit FcmSender(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace fanfare::client
