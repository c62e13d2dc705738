// `fanfare emulate` as a child of `fanfare bench`: a process of its own, so that its work is not
// counted as the client's.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "fanfare/client.h"
#include "fanfare/result.h"

#include "cli/bench_child.h"

namespace fanfare::cli {

struct BenchEmulatorOptions {
  bool plaintext = false;         ///< The client is pointed at it without TLS and OAuth.
  bool any_project = false;       ///< Not one project alone.
  std::string latency;            ///< As --latency of emulate; empty: none.
  std::uint32_t token_chars = 0;  ///< Length of access tokens; 0: as the emulator chooses.
};

/// With a folder for its certificates; both go with this object.
class BenchEmulator {
 public:
  BenchEmulator() = default;
  BenchEmulator(const BenchEmulator&) = delete;
  BenchEmulator& operator=(const BenchEmulator&) = delete;
  ~BenchEmulator();

  /// Starts it and fills in how to reach it.
  [[nodiscard]] Result<void> start(const BenchEmulatorOptions& options, ClientOptions& client);

 private:
  std::filesystem::path folder_;
  BenchChild child_;
};

}  // namespace fanfare::cli
