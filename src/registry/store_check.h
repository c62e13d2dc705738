// Whether a store is sound: the file's own structure, and what must hold between its rows.
//
// Rows are read in short reads, so that others can use the store meanwhile; what seems wrong is
// looked at again in one read before it is told. Only the check of the structure is one long read,
// for which the log grows. Memory: one bit for each device id ever given, and a million keys.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

namespace fanfare::registry {

/// One kind of fault, and how often it was found.
struct Finding {
  std::string id;    ///< Stable: "key.registration".
  std::string noun;  ///< What was counted: "device".
  std::string what;  ///< Goes on behind the noun: "whose registration has no key: …".
  std::uint64_t count = 0;
  std::vector<std::string> examples;  ///< At most 10: "device 17".
  bool harmless = false;              ///< Only takes space.
  bool repairable = false;            ///< Nothing is lost by it.
  bool repaired = false;
};

struct CheckReport {
  std::uint64_t devices = 0;
  std::uint64_t events = 0;
  std::vector<Finding> findings;
  /// Nothing but what is harmless or was repaired.
  [[nodiscard]] bool sound() const noexcept;
};

struct CheckOptions {
  /// Writes missing keys, and removes keys and rows of devices that are gone. Not in a store whose
  /// structure is damaged.
  bool repair = false;
  /// Called now and then with what is looked at and how far that is; `total` 0: not known.
  std::function<void(std::string_view stage, std::uint64_t done, std::uint64_t total)> progress{};
};

/// Error::Kind::storage as for Registry::open, and for a store of an older format.
[[nodiscard]] Result<CheckReport> check_store(const std::filesystem::path& store,
                                              const CheckOptions& options = {});

}  // namespace fanfare::registry
