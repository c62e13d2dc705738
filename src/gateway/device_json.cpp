#include "gateway/device_json.h"

#include <algorithm>
#include <array>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/json_text.h"
#include "registry/device_parser.h"
#include "registry/device_writer.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;
using registry::Device;

constexpr std::array<std::string_view, 10> field_names{
    "token",  "fid",      "user", "device_id",   "platform",
    "locale", "timezone", "tags", "app_version", "last_seen"};

Refusal too_many() {
  return {.message = fmt::format("there are more than {} devices", most_devices_at_once),
          .remedy = "split the request, or import a file with 'fanfare devices import'",
          .field = "devices"};
}

void take(DeviceInput& input, std::size_t index, std::expected<Device, Refusal> device) {
  if (device) {
    input.devices.push_back(*std::move(device));
    input.indices.push_back(index);
  } else {
    input.bad[index] = std::move(device).error();
  }
}

std::expected<DeviceInput, Refusal> read_list(const http2::Request& request) {
  auto body = read_object(request);
  if (!body) return std::unexpected(std::move(body).error());
  Fields fields(*body);
  const json::array* devices = fields.array("devices");
  if (devices == nullptr) fields.refuse("devices", "it is missing", "write [{…}, …]");
  if (auto refusal = fields.refusal()) return std::unexpected(*std::move(refusal));
  if (devices->size() > most_devices_at_once) return std::unexpected(too_many());
  DeviceInput input;
  for (std::size_t i = 0; i < devices->size(); ++i) {
    const json::object* object = (*devices)[i].if_object();
    take(input, i,
         object != nullptr ? read_device(*object, {})
                           : std::unexpected(Refusal{.message = "it is not an object"}));
  }
  return input;
}

std::expected<DeviceInput, Refusal> read_lines(std::string_view text) {
  DeviceInput input;
  for (std::size_t i = 0; !text.empty(); ++i) {
    if (i == most_devices_at_once) return std::unexpected(too_many());
    const auto end = std::min(text.size(), text.find('\n'));
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (registry::trim(line).empty()) continue;
    const auto object = read_object(line, "line");
    take(input, i, object ? read_device(*object, {}) : std::unexpected(object.error()));
  }
  return input;
}

}  // namespace

std::expected<Device, Refusal> read_device(const json::object& object, std::string_view prefix) {
  for (const auto& [name, value] : object) {
    if (std::ranges::find(field_names, std::string_view(name)) != field_names.end()) continue;
    return std::unexpected(Refusal{.message = "a device has no such field that can be given",
                                   .remedy = fmt::format("it has {}", fmt::join(field_names, ", ")),
                                   .field = std::string(prefix) + std::string(name)});
  }
  registry::DeviceParser parser;
  registry::DeviceBatch batch;
  parser.feed(json::serialize(object) + "\n", batch);
  parser.finish(batch);
  if (batch.devices.size() == 1) return std::move(batch.devices.front());
  return std::unexpected(
      Refusal{.message = batch.bad.empty() ? "there is no registration" : batch.bad.front().what,
              .remedy = R"(write {"token": "…", "user": "…", "platform": "android"})",
              .field = std::string(prefix)});
}

std::expected<DeviceInput, Refusal> read_devices(const http2::Request& request) {
  const auto type = http2::find_header(request.headers, "content-type");
  return type.starts_with("application/x-ndjson") ? read_lines(request.body) : read_list(request);
}

json::object to_json(const Device& device) {
  std::string line;
  registry::append_json(line, device);
  boost::system::error_code ignored;
  json::value value = json::parse(line, ignored);
  json::object out = value.is_object() ? std::move(value.get_object()) : json::object{};
  if (device.id != 0) out["id"] = device.id;
  return out;
}

json::object to_json(const registry::Event& event) {
  boost::system::error_code ignored;
  json::object out{{"at", format_rfc3339(event.at)},
                   {"from", to_string(event.from)},
                   {"to", to_string(event.to)},
                   {"cause", event.cause},
                   {"rule", event.rule},
                   {"evidence", json::parse(event.evidence, ignored)}};
  if (!event.predecessor.empty()) out["predecessor"] = event.predecessor;
  return out;
}

json::array to_json(const std::map<std::size_t, Refusal>& bad) {
  json::array out;
  for (const auto& [index, refusal] : bad) {
    json::object each{{"index", index}, {"message", refusal.message}};
    if (!refusal.field.empty()) each["field"] = refusal.field;
    out.push_back(std::move(each));
  }
  return out;
}

json::object to_json(const std::map<std::string, std::uint64_t>& counts) {
  json::object out;
  for (const auto& [name, count] : counts) out[name] = count;
  return out;
}

queue::Event device_event(const registry::Receiver& device, registry::State to,
                          const Verdict& verdict) {
  std::string data = fmt::format(R"({{"{}":)", to_string(device.registration.kind));
  append_json_string(data, device.registration.value);
  data += R"(,"platform":)";
  append_json_string(data, device.platform);
  data += fmt::format(R"(,"rule":"{}"}})", verdict.rule);
  return {.type = to == registry::State::retired ? "device.retired" : "device.suspect",
          .data = std::move(data)};
}

}  // namespace fanfare::gateway
