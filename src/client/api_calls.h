// ApiCalls: calls of FCM's other APIs, one for each target of a stream, with the tokens, retries
// and pace of a send.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/client.h"

#include "client/api.h"
#include "client/fcm_sender.h"
#include "client/retry_loop.h"

namespace fanfare::client {

/// For the APIs of the Instance ID service and of device groups: without it they take the token
/// for a key of the legacy kind.
void add_access_token_auth(http2::Request& request);

class ApiCalls {
 public:
  /// Errors as of Client::open.
  [[nodiscard]] static Result<ApiCalls> open(const ClientOptions& options, const Api& api);
  ApiCalls(ApiCalls&&) noexcept;
  ApiCalls& operator=(ApiCalls&&) noexcept;
  ~ApiCalls();

  /// One call for every target that `next` yields, in constant memory, as Client::send_each. Not
  /// from two threads at once, nor from within its callbacks.
  void each(OtherCall call, const std::function<std::optional<Target>()>& next,
            const std::function<void(const Outcome&)>& on_outcome);

  /// One call.
  [[nodiscard]] Outcome one(OtherCall call, Target target = {});

  /// Blocks the calling thread, which waits for outcomes anyway.
  void pause(std::chrono::milliseconds span);

  [[nodiscard]] const std::string& project() const noexcept;
  /// What tokens are asked for with, for people; empty: none are.
  [[nodiscard]] const std::string& credentials() const noexcept;
  [[nodiscard]] const RetryOptions& retry() const noexcept;
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

 private:
  struct Impl;
  explicit ApiCalls(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::client
