// Devices as lines of text: what `devices export` and `devices list --json` print, and what
// DeviceFile reads back to the same devices.
#pragma once

#include <string>
#include <string_view>

#include "registry/device.h"

namespace fanfare::registry {

/// First line of a CSV file, with its line end.
[[nodiscard]] std::string_view csv_header() noexcept;
/// Appends one row with its line end, quoted as RFC 4180 says.
void append_csv(std::string& out, const Device& device);

/// Appends one JSON object and a line feed:
/// {"token":"…","state":"active","platform":…,"user":…,"rule":…,"last_seen":…,…}, with "fid" in
/// place of "token" where it is one and null for what is unknown.
void append_json(std::string& out, const Device& device);

/// The same with all that another store needs: "history", its events with their evidence as text,
/// and the registrations that it "replaces" and is "replaced_by".
void append_json(std::string& out, const Device& device, const DeviceHistory& history);

}  // namespace fanfare::registry
