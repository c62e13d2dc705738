#include "emulator/groups.h"

#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "base/random.h"
#include "emulator/noise.h"
#include "emulator/url.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

// APA91b<6: the group><2: which of its keys><126: noise>. A key is recognised by making it again,
// so that none needs to be stored.
constexpr std::string_view key_start = "APA91b";
constexpr std::size_t id_chars = 6;
constexpr std::size_t number_chars = 2;
constexpr std::size_t noise_chars = 126;
constexpr std::uint64_t numbers = 1U << (6 * number_chars);

std::string key_of(DeviceGroups::Id group, std::uint64_t number) {
  std::string key(key_start);
  append_base64(key, group, id_chars);
  append_base64(key, number, number_chars);
  Random random((group << (6 * number_chars)) | number);
  append_noise(key, random, noise_chars);
  return key;
}

// Flat texts that are well known but were not captured.
Answer bad_request() {
  return flat_error(400, "INVALID_ARGUMENT");
}
Answer key_not_found() {
  return flat_error(400, "notification_key not found");
}
Answer no_valid_ids() {
  return flat_error(400, "no valid registration ids");
}

Answer show(DeviceGroups& groups, DeviceGroups::Id group) {
  Answer answer;
  answer.body["notification_key"] = groups.make_key(group);
  return answer;
}

/// A change as its body asks for it.
struct Order {
  std::string operation;
  std::string name;
  std::string key;
  DeviceGroups::Members ids;
};

std::string exact_text(const json::object& body, std::string_view name) {
  const auto* value = body.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<Order> parse_order(const std::string& text) {
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  const auto* body = error ? nullptr : value.if_object();
  const auto* ids = body != nullptr ? body->if_contains("registration_ids") : nullptr;
  if (ids == nullptr || !ids->is_array()) return std::nullopt;
  Order order{exact_text(*body, "operation"),
              exact_text(*body, "notification_key_name"),
              exact_text(*body, "notification_key"),
              {}};
  for (const auto& id : ids->get_array()) {
    if (!id.is_string()) return std::nullopt;
    order.ids.emplace(id.get_string());
  }
  return order;
}

using Ask = std::function<Standing(std::string_view)>;

/// Registrations that are no good are left out without a word.
DeviceGroups::Members keep_good(const DeviceGroups::Members& ids, const Ask& standing_of) {
  DeviceGroups::Members good;
  for (const auto& id : ids) {
    if (standing_of(id) == Standing::good) good.insert(id);
  }
  return good;
}

Answer create(const Order& order, DeviceGroups& groups, const Ask& standing_of) {
  if (order.name.empty()) return bad_request();
  if (groups.find_name(order.name)) return flat_error(400, "notification_key already exists");
  auto members = keep_good(order.ids, standing_of);
  if (members.empty()) return no_valid_ids();
  if (members.size() > DeviceGroups::max_members) return bad_request();
  const auto group = groups.create(order.name, std::move(members));
  return group ? show(groups, *group) : flat_error(429, "RESOURCE_EXHAUSTED");
}

/// The group of an order's key, if its name does not say otherwise.
std::optional<DeviceGroups::Id> group_of(const Order& order, const DeviceGroups& groups) {
  const auto group = groups.find_key(order.key);
  if (!group || groups.members_of(*group).empty()) return std::nullopt;
  if (!order.name.empty() && order.name != groups.name_of(*group)) return std::nullopt;
  return group;
}

Answer add(const Order& order, DeviceGroups& groups, const Ask& standing_of) {
  const auto group = group_of(order, groups);
  if (!group) return key_not_found();
  auto newcomers = keep_good(order.ids, standing_of);
  if (newcomers.empty()) return no_valid_ids();
  auto members = groups.members_of(*group);
  members.merge(newcomers);
  if (members.size() > DeviceGroups::max_members) return bad_request();
  groups.set_members(*group, std::move(members));
  return show(groups, *group);
}

Answer remove(const Order& order, DeviceGroups& groups) {
  const auto group = group_of(order, groups);
  if (!group) return key_not_found();
  auto members = groups.members_of(*group);
  std::size_t removed = 0;
  for (const auto& id : order.ids) removed += members.erase(id);
  if (removed == 0) return no_valid_ids();
  groups.set_members(*group, std::move(members));
  return show(groups, *group);
}

Answer retrieve(std::string_view query, DeviceGroups& groups) {
  const auto group = groups.find_name(query_value(query, "notification_key_name").value_or(""));
  return group ? show(groups, *group) : key_not_found();
}

}  // namespace

std::optional<DeviceGroups::Id> DeviceGroups::create(const std::string& name, Members members) {
  if (groups_.size() >= max_groups || !by_name_.try_emplace(name, groups_.size()).second) {
    return std::nullopt;
  }
  groups_.push_back({name, std::move(members)});
  return groups_.size() - 1;
}

void DeviceGroups::set_members(Id group, Members members) {
  if (members.empty()) by_name_.erase(groups_[group].name);
  groups_[group].members = std::move(members);
}

std::optional<DeviceGroups::Id> DeviceGroups::find_name(std::string_view name) const {
  const auto place = by_name_.find(name);
  if (place == by_name_.end()) return std::nullopt;
  return place->second;
}

std::optional<DeviceGroups::Id> DeviceGroups::find_key(std::string_view key) const {
  constexpr auto size = key_start.size() + id_chars + number_chars + noise_chars;
  if (groups_.empty() || key.size() != size || !key.starts_with(key_start)) return std::nullopt;
  const auto group = parse_base64(key.substr(key_start.size(), id_chars));
  const auto number = parse_base64(key.substr(key_start.size() + id_chars, number_chars));
  if (!group || !number || *group >= groups_.size()) return std::nullopt;
  if (*number >= groups_[*group].next_key || key != key_of(*group, *number)) return std::nullopt;
  return group;
}

std::string DeviceGroups::make_key(Id group) {
  auto& next = groups_[group].next_key;
  if (next < numbers) ++next;  // The 4,096th is given again and again.
  return key_of(group, next - 1);
}

Answer answer_groups(const http2::Request& request, std::string_view query, DeviceGroups& groups,
                     std::string_view project_number, const Ask& standing_of) {
  const auto sender = http2::find_header(request.headers, "project_id");
  if (sender.empty()) return bad_request();
  if (!project_number.empty() && sender != project_number) {
    return flat_error(403, "PERMISSION_DENIED");
  }
  if (request.method == "GET") return retrieve(query, groups);
  if (request.method != "POST") return html_not_found(request.path);
  const auto order = parse_order(request.body);
  if (!order) return bad_request();
  if (order->operation == "create") return create(*order, groups, standing_of);
  if (order->operation == "add") return add(*order, groups, standing_of);
  if (order->operation == "remove") return remove(*order, groups);
  return bad_request();
}

}  // namespace fanfare::emulator
