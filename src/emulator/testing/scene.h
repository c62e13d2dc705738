// One emulator without a socket, for tests; the clock is moved by hand.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include "emulator/world.h"

namespace fanfare::emulator::testing {

/// A plausible token, another one for each letter.
inline std::string token_of(char c) {
  return std::string(22, c) + ":APA91b" + std::string(134, c);
}

struct Scene {
  SystemTime now = *parse_rfc3339("2026-11-24T06:00:00Z");
  World world;

  explicit Scene(WorldOptions options = {}) : world(std::move(options)) {}

  /// The devices of a CSV list; see the README.
  static WorldOptions listing(const char* csv) {
    WorldOptions options;
    options.devices = DeviceBook::parse(csv).value();
    return options;
  }

  http2::Response call(std::string method, std::string path, std::string body = "",
                       http2::Headers headers = {}) {
    http2::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.headers = std::move(headers);
    request.body = std::move(body);
    return world.answer(std::move(request), now).response;
  }
  http2::Response send(std::string body) {
    return call("POST", "/v1/projects/fanfare-demo/messages:send", std::move(body));
  }
  boost::json::value admin(const std::string& what) {
    return boost::json::parse(call("GET", "/_emulator/" + what).body);
  }
  void set(const char* faults) { (void)call("POST", "/_emulator/faults", faults); }
};

inline boost::json::object body_of(const http2::Response& response) {
  return boost::json::parse(response.body).as_object();
}

/// "404 UNREGISTERED", read from the wire: the status, and FcmError's code where there is one.
inline std::string kind_of(const http2::Response& response) {
  auto kind = std::to_string(response.status);
  const auto body = body_of(response);
  const auto* error = body.if_contains("error");
  if (error == nullptr || !error->is_object()) return kind;
  const auto* details = error->as_object().if_contains("details");
  if (details == nullptr) return kind;
  for (const auto& detail : details->as_array()) {
    const auto* code = detail.as_object().if_contains("errorCode");
    if (code != nullptr) kind += " " + std::string(code->as_string());
  }
  return kind;
}

}  // namespace fanfare::emulator::testing
