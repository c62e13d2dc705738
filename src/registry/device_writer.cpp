#include "registry/device_writer.h"

#include "base/json_text.h"
#include "base/time_text.h"

namespace fanfare::registry {
namespace {

void append_field(std::string& out, std::string_view value) {
  if (value.find_first_of("\",\r\n") == std::string_view::npos) {
    out += value;
    return;
  }
  out += '"';
  for (const char c : value) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

std::string time_text(const std::optional<SystemTime>& time) {
  return time ? format_rfc3339(*time) : std::string();
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
  out += ',';
  append_json_string(out, name);
  out += ':';
  append_json_string_or_null(out, value);
}

void append_tags(std::string& out, const std::vector<std::string>& tags) {
  out += R"(,"tags":[)";
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, tags[i]);
  }
  out += ']';
}

}  // namespace

std::string_view csv_header() noexcept {
  return "token,fid,user,device_id,platform,locale,timezone,tags,app_version,last_seen,project,"
         "state,"
         "rule\r\n";
}

void append_csv(std::string& out, const Device& device) {
  const bool fid = device.registration.kind == TargetKind::fid;
  append_field(out, fid ? std::string_view() : device.registration.value);
  out += ',';
  append_field(out, fid ? device.registration.value : std::string_view());
  for (const std::string& value :
       {device.user, device.installation, device.platform, device.locale, device.time_zone,
        join_tags(device.tags), device.app_version, time_text(device.last_seen), device.project,
        std::string(to_string(device.state)), device.rule}) {
    out += ',';
    append_field(out, value);
  }
  out += "\r\n";
}

namespace {

void append_registration(std::string& out, const Target& registration) {
  append_json_string(out, to_string(registration.kind));
  out += ':';
  append_json_string(out, registration.value);
}

void append_members(std::string& out, const Device& device) {
  append_registration(out, device.registration);
  append_member(out, "state", to_string(device.state));
  append_member(out, "platform", device.platform);
  append_member(out, "user", device.user);
  append_member(out, "rule", device.rule);
  append_member(out, "last_seen", time_text(device.last_seen));
  append_member(out, "device_id", device.installation);
  append_member(out, "locale", device.locale);
  append_member(out, "timezone", device.time_zone);
  append_member(out, "app_version", device.app_version);
  append_tags(out, device.tags);
  append_member(out, "project", device.project);
  append_member(out, "created", time_text(device.created));
  append_member(out, "refreshed", time_text(device.refreshed));
  append_member(out, "changed", time_text(device.changed));
  append_member(out, "last_accepted", time_text(device.last_accepted));
}

void append_event(std::string& out, const Event& event) {
  out += R"({"at":)";
  append_json_string(out, format_rfc3339(event.at));
  append_member(out, "from", to_string(event.from));
  append_member(out, "to", to_string(event.to));
  append_member(out, "cause", event.cause);
  append_member(out, "rule", event.rule);
  append_member(out, "evidence", event.evidence);
  out += '}';
}

void append_targets(std::string& out, std::string_view name, const std::vector<Target>& targets) {
  if (targets.empty()) return;
  out += ',';
  append_json_string(out, name);
  out += ":[";
  for (std::size_t i = 0; i < targets.size(); ++i) {
    out += i > 0 ? ",{" : "{";
    append_registration(out, targets[i]);
    out += '}';
  }
  out += ']';
}

}  // namespace

void append_json(std::string& out, const Device& device) {
  out += '{';
  append_members(out, device);
  out += "}\n";
}

void append_json(std::string& out, const Device& device, const DeviceHistory& history) {
  out += '{';
  append_members(out, device);
  append_targets(out, "replaces", history.replaces);
  append_targets(out, "replaced_by", history.replaced_by);
  out += R"(,"history":[)";
  for (std::size_t i = 0; i < history.events.size(); ++i) {
    if (i > 0) out += ',';
    append_event(out, history.events[i]);
  }
  out += "]}\n";
}

}  // namespace fanfare::registry
