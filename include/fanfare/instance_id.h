// fanfare::InstanceId: what Google's Instance ID API knows of a registration token, and FCM tokens
// for tokens of Apple's. Google calls the API deprecated; it has no successor for these two.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/api_data.h"
#include "fanfare/client.h"
#include "fanfare/result.h"

namespace fanfare {

/// Not from two threads at once.
class InstanceId {
 public:
  /// `options.endpoint` is that of the Instance ID API. Errors as of Client::open.
  [[nodiscard]] static Result<InstanceId> open(const ClientOptions& options);
  InstanceId(InstanceId&&) noexcept;             ///< What was moved from may only be destroyed.
  InstanceId& operator=(InstanceId&&) noexcept;  ///< The same.
  ~InstanceId();

  /// The app, its version and platform, the project and the topics of a registration token. No
  /// answer retires a device: the API's texts are not documented (rule instance.unknown).
  [[nodiscard]] Reply<InstanceInfo> describe(const std::string& token);

  /// The same for every token of a stream, many requests at once; both are called on this thread.
  /// What is not accepted comes with an empty InstanceInfo.
  void describe_each(const std::function<std::optional<std::string>()>& next,
                     const std::function<void(const Outcome&, const InstanceInfo&)>& on_described);

  /// To which app the tokens belong.
  struct ApnsApp {
    std::string bundle_id;  ///< "com.example.app".
    bool sandbox = false;   ///< Tokens of Apple's sandbox, as development builds have them.
  };
  /// Registers every APNs device token (hexadecimal) of a stream with FCM, 100 a request. The
  /// outcome is accepted when the request was; the token's own end is beside it, and its
  /// `registration` is empty when it has none.
  void import_apns_each(
      const ApnsApp& app, const std::function<std::optional<std::string>()>& next,
      const std::function<void(const Outcome&, const ImportedToken&)>& on_imported);

  /// About the credentials, for people.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

 private:
  struct Impl;
  explicit InstanceId(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare
