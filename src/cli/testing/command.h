// Runs the real binary as a child process, as a script would.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <sys/types.h>

namespace fanfare::cli::testing {

struct Finished {
  int status = -1;  ///< Exit status; 128 + number when a signal ended it, as in a shell.
  std::string out;
  std::string err;
};

struct CallOptions {
  std::string input = {};                               ///< Standard input.
  std::map<std::string, std::string> environment = {};  ///< Beside PATH; nothing else is passed on.
  std::string folder = {};                              ///< Working directory; empty: ours.
};

/// A child that runs on, such as `fanfare emulate`. Killed and reaped by the destructor if need be.
class Running {
 public:
  Running(const std::vector<std::string>& arguments, const CallOptions& options = {});
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running();

  /// The next line of its standard output, waiting for it; empty at the end.
  [[nodiscard]] std::string read_line();
  void signal(int number) const;
  /// Waits for the end.
  [[nodiscard]] Finished wait();
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  std::string unread_;
};

/// Runs `fanfare ARGUMENTS` to its end.
[[nodiscard]] Finished run_fanfare(const std::vector<std::string>& arguments,
                                   const CallOptions& options = {});

}  // namespace fanfare::cli::testing
