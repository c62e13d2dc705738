// ApiCalls: calls of FCM's other APIs (topics), one for each target of a stream, with the tokens,
// retries and pace of a send.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/client.h"

#include "client/fcm_sender.h"

namespace fanfare::client {

class ApiCalls {
 public:
  /// `options.endpoint` is that of the API. Errors as of Client::open.
  [[nodiscard]] static Result<ApiCalls> open(const ClientOptions& options, OtherCall call);
  ApiCalls(ApiCalls&&) noexcept;
  ApiCalls& operator=(ApiCalls&&) noexcept;
  ~ApiCalls();

  /// One call for every target that `next` yields, in constant memory, as Client::send_each.
  void each(const std::function<std::optional<Target>()>& next,
            const std::function<void(const Outcome&)>& on_outcome);

  [[nodiscard]] const std::string& project() const noexcept;
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

 private:
  struct Impl;
  explicit ApiCalls(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::client
