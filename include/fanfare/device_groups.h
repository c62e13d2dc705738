// fanfare::DeviceGroups: one key for all devices of a user.
//
//   auto groups = fanfare::DeviceGroups::open({.credentials_file = "key.json"}, "123456789012");
//   auto key = groups->create("user-42", {token_of_phone, token_of_tablet});
//   if (key) client->send(message, {TargetKind::token, *key});
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fanfare/client.h"
#include "fanfare/result.h"

namespace fanfare {

/// A group has 1 to 20 registration tokens; it ends with the last one. Not from two threads at
/// once.
class DeviceGroups {
 public:
  /// `sender_id` is the project's number (Firebase console: Project settings, Cloud Messaging).
  /// Error::Kind::usage when it is no number, others as of Client::open.
  [[nodiscard]] static Result<DeviceGroups> open(const ClientOptions& options,
                                                 const std::string& sender_id);
  DeviceGroups(DeviceGroups&&) noexcept;             ///< What was moved from may only be destroyed.
  DeviceGroups& operator=(DeviceGroups&&) noexcept;  ///< The same.
  ~DeviceGroups();

  /// The new group's notification key. Dead and foreign tokens are left out by FCM without a word.
  [[nodiscard]] Reply<std::string> create(const std::string& name,
                                          const std::vector<std::string>& tokens);
  /// The group's notification key, which may be another than the one given. The name may be
  /// empty; given, it guards against a wrong key.
  [[nodiscard]] Reply<std::string> add(const std::string& name, const std::string& key,
                                       const std::vector<std::string>& tokens);
  /// The same. Removing the last device ends the group.
  [[nodiscard]] Reply<std::string> remove(const std::string& name, const std::string& key,
                                          const std::vector<std::string>& tokens);
  /// The key of the group of that name. It may be another each time; all of them work.
  [[nodiscard]] Reply<std::string> find(const std::string& name);

  /// About the credentials, for people.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

 private:
  struct Impl;
  explicit DeviceGroups(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare
