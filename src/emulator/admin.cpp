// The emulator's own interface under /_emulator/: what happened, and what shall go wrong. It is
// for scripts on the same machine, so it asks for no credentials and is never delayed or counted.
#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value_from.hpp>
#include <fmt/format.h>

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

http2::Response respond(int status, const json::value& body) {
  return respond(status, "application/json; charset=UTF-8", pretty_print(body));
}

http2::Response refuse(int status, std::string_view what, std::string_view remedy) {
  return respond(status, json::object{{"error", what}, {"remedy", remedy}});
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

http2::Response World::administer(const http2::Request& request, const Path& path) {
  const auto what = path.path.substr(std::string_view("/_emulator/").size());
  const bool get = request.method == "GET";
  const bool change = request.method == "POST" || request.method == "PUT";
  if (what == "stats" && get) return respond(200, stats());
  if (what == "devices" && get) return list_devices(path);
  if (what == "messages" && get) return list_messages(path);
  if (what == "faults" && get) return respond(200, to_json(faults_));
  if (what == "faults" && change) return change_faults(request);
  if (what == "reset" && request.method == "POST") return reset();
  return refuse(404, "there is nothing here",
                "GET stats, devices, messages or faults; PUT or POST faults; POST reset");
}

// POST changes what it names, PUT starts from the defaults.
http2::Response World::change_faults(const http2::Request& request) {
  boost::system::error_code error;
  const auto body = json::parse(request.body, error);
  if (error || !body.is_object()) {
    return refuse(400, "the body is not a JSON object", R"(send for example {"fault":"none"})");
  }
  auto changed = apply(request.method == "PUT" ? Faults{} : faults_, body.get_object());
  if (!changed) return refuse(400, changed.error().what, changed.error().remedy);
  if (changed->seed != faults_.seed) random_ = Random(changed->seed);
  faults_ = *changed;
  window_start_.reset();
  return respond(200, to_json(faults_));
}

http2::Response World::reset() {
  books_ = Books{};
  books_.max_in_flight = in_flight_;
  books_.max_connections = connections_;
  devices_.reset_counts();
  ring_.clear();
  deliveries_.clear();
  return respond(200, json::object{});
}

json::object World::stats() const {
  json::object all;
  all["requests"] = books_.sends.requests();
  all["answers"] = books_.sends.answers();
  all["accepted"] = books_.accepted;
  all["dry_runs"] = books_.dry_runs;
  all["duplicates"] = books_.duplicates;
  all["second_sends"] = books_.second_sends;
  all["reached"] = books_.reached;
  all["lost"] = books_.lost;
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
  all["fault"] = name_of(faults_.fault);
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
  const auto& kept = ring_.messages();
  const auto limit = path.number("limit", kept.size());
  for (auto one = kept.rbegin(); one != kept.rend() && all.size() < limit; ++one) {
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
  return respond(200, json::object{{"messages", std::move(all)}});
}

}  // namespace fanfare::emulator
