// A fanfare of this very binary as a child of `fanfare bench`: a process of its own, so that its
// work is not counted as the client's. Ended with this object.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "fanfare/result.h"

namespace fanfare::cli {

class BenchChild {
 public:
  BenchChild() = default;
  BenchChild(const BenchChild&) = delete;
  BenchChild& operator=(const BenchChild&) = delete;
  ~BenchChild();

  /// Starts `fanfare ARGUMENTS…` with these variables besides, and gives its first line; empty when
  /// it ended without one.
  [[nodiscard]] Result<std::string> start(
      std::vector<std::string> arguments,
      const std::vector<std::pair<std::string, std::string>>& environment = {});
  void stop();  ///< Ends it, and waits.
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_ = -1;
};

/// The number of a ready line, {"port":N, …}; Error::Kind::network when there is none.
[[nodiscard]] Result<std::uint16_t> port_of(const std::string& ready_line, const char* command);

}  // namespace fanfare::cli
