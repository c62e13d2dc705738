// Devices as the API's JSON: read, checked and refused as the command does with a line of a
// registration file, and written.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "fanfare/verdict.h"

#include "gateway/api.h"
#include "queue/events.h"
#include "registry/registry.h"

namespace fanfare::gateway {

inline constexpr std::size_t most_devices_at_once = 10'000;

/// {"token":"…","user":"…",…}. `prefix` is put before field names in refusals. What is not a
/// device's field, or the registry's to say (state, project), is refused.
[[nodiscard]] std::expected<registry::Device, Refusal> read_device(
    const boost::json::object& object, std::string_view prefix);

/// Many devices, and those that can't be taken by their index: an entry of the list, or a line.
struct DeviceInput {
  std::vector<registry::Device> devices = {};
  std::vector<std::size_t> indices = {};  ///< Of each device.
  std::map<std::size_t, Refusal> bad = {};
};
/// {"devices":[…]}, or with the content type application/x-ndjson JSON lines. Refused as a whole is
/// only what is no such body, or too many.
[[nodiscard]] std::expected<DeviceInput, Refusal> read_devices(const http2::Request& request);

[[nodiscard]] boost::json::object to_json(const registry::Device& device);
[[nodiscard]] boost::json::object to_json(const registry::Event& event);
/// [{"index":3,"message":"…","field":"…"}]
[[nodiscard]] boost::json::array to_json(const std::map<std::size_t, Refusal>& bad);
/// That a verdict has changed a device: device.retired or device.suspect, without time and project.
[[nodiscard]] queue::Event device_event(const registry::Receiver& device, registry::State to,
                                        const Verdict& verdict);
/// {"ios":12}
[[nodiscard]] boost::json::object to_json(const std::map<std::string, std::uint64_t>& counts);

}  // namespace fanfare::gateway
