// What a device makes of a message: what its screen shows, what its app gets, and how long FCM
// keeps it. The override rules of FCM's message reference, platform by platform.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/time_text.h"
#include "emulator/health.h"

namespace fanfare::emulator {

/// Every function takes a message that has passed find_schema_faults. A device of unknown
/// platform does as Android does.

/// title, body, image, icon, color, sound, channel, badge, tag, link, subtitle, category, actions;
/// those that are not set are left out. Null: nothing is shown, the app alone learns of it.
[[nodiscard]] boost::json::value shown_on(Platform platform, const boost::json::object& message);

/// The data that the app gets.
[[nodiscard]] boost::json::object data_on(Platform platform, const boost::json::object& message);

/// How FCM treats a message on its way to one device.
struct Handling {
  /// How long it waits for a device that is offline; zero: now or never.
  std::chrono::seconds ttl{};
  std::string collapse_key;  ///< A waiting message with the same key is replaced; empty: none.
  bool high_priority = false;
};
[[nodiscard]] Handling handling_on(Platform platform, const boost::json::object& message,
                                   SystemTime now);

}  // namespace fanfare::emulator
