// Device groups: up to twenty registrations behind one notification key, which a message then
// names as its token.
//
//   POST /fcm/notification   {"operation":"create"|"add"|"remove","notification_key_name":"…",
//                             "notification_key":"…","registration_ids":[…]}
//   GET  /fcm/notification?notification_key_name=…
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "emulator/answers.h"
#include "emulator/devices.h"
#include "http2/exchange.h"

namespace fanfare::emulator {

class DeviceGroups {
 public:
  using Id = std::uint64_t;
  using Members = std::set<std::string>;

  /// Nothing when the name is taken or no more groups are remembered.
  std::optional<Id> create(const std::string& name, Members members);
  /// Takes members away or adds them. The last one gone, the group is too.
  void set_members(Id group, Members members);

  [[nodiscard]] std::optional<Id> find_name(std::string_view name) const;
  /// By any of its keys; one of a group that is gone is still known for a key.
  [[nodiscard]] std::optional<Id> find_key(std::string_view key) const;
  /// Empty for a group that is gone.
  [[nodiscard]] const Members& members_of(Id group) const { return groups_[group].members; }
  [[nodiscard]] const std::string& name_of(Id group) const { return groups_[group].name; }

  /// A key of the group, another one each time and all of them good, as FCM's are.
  [[nodiscard]] std::string make_key(Id group);

  static constexpr std::size_t max_members = 20;
  static constexpr std::size_t max_groups = 100'000;

 private:
  struct Group {
    std::string name;
    Members members;
    std::uint64_t next_key = 0;
  };
  std::deque<Group> groups_;
  std::map<std::string, Id, std::less<>> by_name_;
};

[[nodiscard]] constexpr bool is_group_path(std::string_view path) noexcept {
  return path == "/fcm/notification";
}

/// Answers a request whose access token was good. `project_number`: what the header project_id
/// must say; empty: anything.
[[nodiscard]] Answer answer_groups(const http2::Request& request, std::string_view query,
                                   DeviceGroups& groups, std::string_view project_number,
                                   const std::function<Standing(std::string_view)>& standing_of);

}  // namespace fanfare::emulator
