// The frame of the command: global options, the table of commands, errors and exit statuses.
//
// A command is one function add_X (commands.h). It declares its options on a CLI::App and hands
// the frame a task with Context::on. The frame parses, settles the global options, runs the one
// task that was chosen, prints its error if it failed, and turns the end into an exit status.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "fanfare/result.h"

#include "cli/output.h"

namespace CLI {
class App;
}

namespace fanfare::cli {

/// What the shell sees. Scripts rely on the numbers.
enum class ExitStatus : std::uint8_t {
  accepted = 0,     ///< Done; every message was accepted.
  some_failed = 1,  ///< Finished, but some targets failed or what was asked for does not exist.
  wrong_use = 2,    ///< The call, a file or the store is wrong.
  blocked = 3,      ///< Credentials, project, platform or the network stand in the way.
  interrupted = 4,  ///< Stopped on the way; can be resumed.
};

/// The only place where an error becomes an exit status.
[[nodiscard]] ExitStatus exit_status_for(Error::Kind kind) noexcept;

/// The global options. For each: command line, else environment, else --config file, else the
/// default written here.
struct Globals {
  std::string project;       ///< FANFARE_PROJECT; empty: the credentials' own.
  std::string credentials;   ///< FANFARE_CREDENTIALS; empty: application default order.
  std::string endpoint;      ///< FANFARE_ENDPOINT; empty: FCM itself.
  std::string iid_endpoint;  ///< FANFARE_IID_ENDPOINT; empty: Google's.
  std::string ca_file;       ///< FANFARE_CA_FILE; empty: the system's trust anchors only.
  std::string http2_engine;  ///< FANFARE_HTTP2_ENGINE; "frames", "nghttp2" or empty: the default.
  std::string store;         ///< FANFARE_STORE; never empty once a task runs.
  bool store_given = false;  ///< False: `store` is the default and nobody named it.
  std::string config_file;   ///< FANFARE_CONFIG; empty: none.
  bool json = false;         ///< FANFARE_JSON; machine output on stdout.
  LogLevel log_level = LogLevel::warning;  ///< FANFARE_LOG_LEVEL.
};

/// The store when nobody names one.
inline constexpr const char* default_store = "fanfare.db";

/// A command's deed. An Error is printed and mapped by the frame; the task prints the rest.
using Task = std::function<Result<ExitStatus>()>;

/// What a command is given. Lives as long as the program.
struct Context {
  Globals globals;  ///< Settled before the task runs; not yet while options are declared.
  Output out;
  Log log;

  /// `task` runs when `command`, which has no subcommands of its own, was chosen.
  void on(CLI::App& command, Task task);

  Task chosen;  ///< For the frame.
};

/// Parses the arguments, runs the chosen command and returns the process's exit status.
[[nodiscard]] int run(int argc, const char* const* argv);

}  // namespace fanfare::cli
