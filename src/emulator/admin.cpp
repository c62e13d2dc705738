// The emulator's own interface under /_emulator/: what happened, and what shall go wrong. It is
// for scripts on the same machine, so it asks for no credentials and is never delayed or counted.
#include "emulator/admin.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_from.hpp>
#include <fmt/format.h>

#include "emulator/page.h"
#include "emulator/path.h"
#include "emulator/world.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

constexpr std::uint64_t max_rows = 1'000'000;  // Of one answer; `offset` asks for the next.

http2::Response respond(int status, std::string_view content_type, std::string body) {
  http2::Response response;
  response.status = status;
  response.headers = {{"content-type", std::string(content_type)}, {"cache-control", "no-store"}};
  response.body = std::move(body);
  return response;
}

http2::Response respond(const PageFile& file) {
  auto response = respond(200, file.content_type, std::string(file.body));
  response.headers.push_back({"content-security-policy", std::string(page_policy)});
  response.headers.push_back({"x-content-type-options", "nosniff"});
  response.headers.push_back({"referrer-policy", "no-referrer"});
  return response;
}

/// A page of somebody else's, open in a browser on this machine, must not switch faults.
bool is_foreign_page(const http2::Request& request) {
  const auto origin = http2::find_header(request.headers, "origin");
  if (origin.empty()) return false;
  const auto host = origin.find("://");
  return host == std::string_view::npos || origin.substr(host + 3) != request.authority;
}

json::array describe_catalogue() {
  json::array all;
  for (const auto& entry : fault_catalogue()) {
    all.push_back(
        json::object{{"fault", entry.name}, {"group", entry.group}, {"what", entry.what}});
  }
  return all;
}

/// As a CSV field; a malformed token of a listed device may hold anything.
std::string csv_field(std::string text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

json::object by_health(const HealthCounts& counts) {
  json::object all;
  for (std::size_t i = 0; i < health_count; ++i) {
    all[name_of(static_cast<Health>(i))] = counts[i];
  }
  return all;
}

}  // namespace

http2::Response admin_answer(int status, const json::value& body) {
  return respond(status, "application/json; charset=UTF-8", pretty_print(body));
}

http2::Response admin_refusal(int status, std::string_view what, std::string_view remedy) {
  return admin_answer(status, json::object{{"error", what}, {"remedy", remedy}});
}

Plan World::administer(const http2::Request& request, const Path& path, SystemTime now) {
  if (const auto* file = find_page_file(path.path); file != nullptr && request.method == "GET") {
    return {respond(*file)};
  }
  const auto what = path.path.substr(std::string_view("/_emulator/").size());
  if (is_foreign_page(request)) {
    return {admin_refusal(403, "the request comes from another site's page",
                          "use the emulator's own page, or no browser")};
  }
  if (request.method == "GET") return tell(what, path, now);
  const bool post = request.method == "POST";
  if (what == "faults" && (post || request.method == "PUT")) return {change_faults(request)};
  if (what == "reset" && post) return {reset()};
  if (what == "clock" && post) return {set_clock(request, now)};
  if (what == "devices" && post) return {register_device(request, now)};
  constexpr std::string_view one_device = "devices/";
  if (what.starts_with(one_device) && post) {
    return {act_on_device(request, what.substr(one_device.size()), now)};
  }
  return {admin_refusal(404, "there is nothing here",
                        "POST reset, clock, devices or devices/{registration}/{action}; POST or "
                        "PUT faults")};
}

Plan World::tell(std::string_view what, const Path& path, SystemTime now) {
  if (what == "stats") return {admin_answer(200, stats(now))};
  if (what == "devices") return {list_devices(path)};
  if (what == "messages") return {list_messages(path)};
  if (what == "faults") return {admin_answer(200, to_json(faults()))};
  if (what == "faults/catalogue") {
    return {admin_answer(200, json::object{{"faults", describe_catalogue()}})};
  }
  if (what == "phones") return {list_phones(path)};
  if (what == "inbox") return list_inbox(path, now);
  if (what == "changes") return list_changes(path, now);
  if (what == "requests") return {list_requests(path)};
  if (what == "clock") return {set_clock({}, now)};
  return {admin_refusal(404, "there is nothing here",
                        "GET stats, phones, inbox, changes, requests, messages, devices, clock, "
                        "faults or faults/catalogue")};
}

// POST changes what it names, PUT starts from the defaults.
http2::Response World::change_faults(const http2::Request& request) {
  boost::system::error_code error;
  const auto body = json::parse(request.body, error);
  if (error || !body.is_object()) {
    return admin_refusal(400, "the body is not a JSON object",
                         R"(send for example {"fault":"none"})");
  }
  auto changed = apply(request.method == "PUT" ? Faults{} : faults(), body.get_object());
  if (!changed) return admin_refusal(400, changed.error().what, changed.error().remedy);
  plan_.change(*std::move(changed));
  quota_windows_ = {};
  shape_tokens();
  faults_changed_ = journal_.touch();
  return admin_answer(200, to_json(faults()));
}

http2::Response World::reset() {
  books_ = Books{};
  books_.max_in_flight = in_flight_;
  books_.max_connections = connections_;
  devices_.reset_counts();
  journal_.clear();
  deliveries_.clear();
  rate_ = Rate{};
  quota_use_ = QuotaUse{};
  return admin_answer(200, json::object{});
}

json::object World::stats(SystemTime now) const {
  json::object all;
  all["requests"] = books_.sends.requests();
  all["answers"] = books_.sends.answers();
  all["accepted"] = books_.accepted;
  all["dry_runs"] = books_.dry_runs;
  all["duplicates"] = books_.duplicates;
  all["second_sends"] = books_.second_sends;
  all["reached"] = books_.reached;
  all["lost"] = books_.lost;
  all["per_minute"] = rate_.last_minute(now);
  all["max_per_minute"] = rate_.most();
  all["most_in_a_minute"] = quota_use_.most();
  all["most_in_a_minute_by_project"] = quota_use_.most_by_project();
  all["in_flight"] = in_flight_;
  all["max_in_flight"] = books_.max_in_flight;
  all["connections"] = connections_;
  all["max_connections"] = books_.max_connections;
  all["token_requests"] = books_.tokens.requests();
  all["token_answers"] = books_.tokens.answers();
  all["neighbour_requests"] = books_.neighbours.requests();
  all["neighbour_answers"] = books_.neighbours.answers();
  all["other_requests"] = books_.others.requests();
  all["other_answers"] = books_.others.answers();
  all["devices"] = devices_.size();
  all["devices_by_health"] = by_health(devices_.healths());
  all["fault"] = name_of(faults().fault);
  return all;
}

http2::Response World::list_devices(const Path& path) {
  const auto start = std::min(path.number("offset", 0), devices_.size());
  const auto count = std::min({path.number("limit", max_rows), max_rows, devices_.size() - start});
  std::string rows = "token,health,platform,accepted,requests,reached\n";
  for (auto i = start; i < start + count; ++i) {
    const auto device = devices_.at(i);
    const auto& counts = devices_.counts(i);
    fmt::format_to(std::back_inserter(rows), "{},{},{},{},{},{}\n",
                   csv_field(devices_.registration(i)), name_of(device.health),
                   name_of(device.platform), static_cast<unsigned>(counts.accepted),
                   counts.requests, devices_.reached(i));
  }
  return respond(200, "text/csv; charset=UTF-8", std::move(rows));
}

// The newest first.
http2::Response World::list_messages(const Path& path) const {
  json::array all;
  const auto& kept = journal_.messages();
  const auto limit = path.number("limit", kept.size());
  for (std::size_t i = kept.size(); i > 0 && all.size() < limit; --i) {
    const auto* one = &kept[i - 1];
    json::parse_options options;
    options.max_depth = 128;  // What was taken once is taken again.
    json::object message{{"name", one->name},
                         {"time", format_rfc3339(one->at)},
                         {"request", json::parse(one->request, {}, options)}};
    if (one->reached) {
      message["reached"] = json::value_from(one->reached->names);
      message["reached_count"] = one->reached->count;
    }
    all.push_back(std::move(message));
  }
  return admin_answer(200, json::object{{"messages", std::move(all)}});
}

}  // namespace fanfare::emulator
