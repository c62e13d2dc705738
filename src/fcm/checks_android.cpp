// What is wrong or doubtful in the two generations of Android options.
#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "fcm/checks.h"

namespace fanfare::fcm {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

constexpr nanoseconds most_ttl = std::chrono::seconds(2'419'200);  // 4 weeks

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_color(std::string_view text) {
  return text.size() == 7 && text.front() == '#' &&
         std::ranges::all_of(text.substr(1), is_hex_digit);
}

// A time, a number of an order, a UUID: eight digits in a row, or hexadecimal ones with a digit
// among them. "facebook" is hexadecimal as far as "face".
bool looks_unique(std::string_view key) {
  constexpr std::size_t long_run = 8;
  std::size_t run = 0;
  bool digit = false;
  for (const char c : key) {
    if (!is_hex_digit(c)) {
      run = 0;
      digit = false;
      continue;
    }
    digit |= c >= '0' && c <= '9';
    if (++run >= long_run && digit) return true;
  }
  return false;
}

void check_ttl(const std::optional<nanoseconds>& ttl, const std::string& path, Findings& findings) {
  if (!ttl) return;
  // FCM rounds down, so that the fraction above 4 weeks does no harm.
  if (*ttl < 0ns || std::chrono::floor<std::chrono::seconds>(*ttl) > most_ttl) {
    findings.add(check_rule("check.ttl_range"), path,
                 fmt::format("FCM keeps a message from 0 seconds to 4 weeks (2419200 s), not {} s",
                             std::chrono::floor<std::chrono::seconds>(*ttl).count()));
  } else if (*ttl < 1s) {
    findings.add(check_rule("check.ttl_zero"), path);
  } else if (*ttl % 1s != 0ns) {
    findings.add(check_rule("check.ttl_fraction"), path);
  }
}

void check_light(const LightSettings& light, const std::string& path, Findings& findings) {
  const auto require = [&](bool given, const char* name) {
    if (given) return;
    findings.add(check_rule("check.light_settings"), path + name,
                 "light_settings lack this field, which FCM requires");
  };
  require(light.color.has_value(), ".color");
  require(light.light_on_duration.has_value(), ".light_on_duration");
  require(light.light_off_duration.has_value(), ".light_off_duration");
  if (!light.color) return;
  const auto part = [&](const std::optional<float>& value, const char* name) {
    // Written so that NaN is out of range, too.
    if (value && !(*value >= 0 && *value <= 1)) {
      findings.add(check_rule("check.light_color"), path + ".color" + name);
    }
  };
  part(light.color->red, ".red");
  part(light.color->green, ".green");
  part(light.color->blue, ".blue");
  part(light.color->alpha, ".alpha");
}

// Of either generation.
void check_notification(const auto& it, const std::string& path, Findings& findings) {
  if (!it.color.empty() && !is_color(it.color)) {
    findings.add(check_rule("check.color"), path + ".color",
                 fmt::format("FCM admits no colour \"{}\"", it.color));
  }
  check_image(it.image, path + ".image", findings);
  if (it.channel_id.empty()) findings.add(check_rule("check.channel_missing"), path);
  if (!it.body_loc_args.empty() && it.body_loc_key.empty()) {
    findings.add(check_rule("check.loc_args"), path + ".body_loc_args");
  }
  if (!it.title_loc_args.empty() && it.title_loc_key.empty()) {
    findings.add(check_rule("check.loc_args"), path + ".title_loc_args");
  }
  if (it.default_vibrate_timings.value_or(false) && !it.vibrate_timings.empty()) {
    findings.add(check_rule("check.overridden"), path + ".vibrate_timings",
                 "default_vibrate_timings wins over vibrate_timings");
  }
  if (it.default_light_settings.value_or(false) && it.light_settings) {
    findings.add(check_rule("check.overridden"), path + ".default_light_settings",
                 "light_settings win over default_light_settings");
  }
  if (it.light_settings) check_light(*it.light_settings, path + ".light_settings", findings);
}

void check_common(const auto& config, const std::string& path, Findings& findings) {
  check_ttl(config.ttl, path + ".ttl", findings);
  if (looks_unique(config.collapse_key)) {
    findings.add(check_rule("check.collapse_key_unique"), path + ".collapse_key");
  }
  if (config.fcm_options) {
    check_label(config.fcm_options->analytics_label, path + ".fcm_options.analytics_label",
                findings);
  }
}

}  // namespace

void check_android(const Message& message, Findings& findings) {
  if (message.android && message.android_v2) {
    findings.add(check_rule("check.android_both"), "message");
  }
  if (const auto& android = message.android) {
    check_common(*android, "message.android", findings);
    if (android->notification) {
      const std::string path = "message.android.notification";
      check_notification(*android->notification, path, findings);
      if (android->notification->bypass_proxy_notification) {
        findings.add(check_rule("check.deprecated_field"), path + ".bypass_proxy_notification");
      }
    }
  }
  if (const auto& android = message.android_v2) {
    check_common(*android, "message.android_v2", findings);
    if (android->remote_notification && android->remote_notification->notification) {
      check_notification(*android->remote_notification->notification,
                         "message.android_v2.remote_notification.notification", findings);
    }
  }
}

}  // namespace fanfare::fcm
