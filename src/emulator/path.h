// A request's target, taken apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "emulator/world.h"

namespace fanfare::emulator {

/// Views into the request's path; the query is read where it is asked for.
struct World::Path {
  std::string_view path;
  std::string_view query;

  /// The raw value of a parameter; nothing when absent.
  [[nodiscard]] std::optional<std::string_view> parameter(std::string_view name) const;
  /// A parameter as a number; `otherwise` when absent or not one.
  [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t otherwise) const;
  /// The project of /v1/projects/{project}/messages:send, percent-decoded; nothing on another
  /// path.
  [[nodiscard]] std::optional<std::string> send_project() const;
};

}  // namespace fanfare::emulator
