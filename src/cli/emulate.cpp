// emulate: the FCM look-alike in the foreground, until a signal ends it.
#include <charconv>
#include <csignal>
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/app.h"
#include "cli/commands.h"
#include "emulator/books.h"
#include "emulator/emulator.h"

namespace fanfare::cli {
namespace {

using namespace std::chrono_literals;

// How long open requests may still be answered after a signal.
constexpr auto farewell = 2s;

struct EmulateOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8100;
  bool port_given = false;
  std::string tls_dir;
  std::string scenario;
  std::string latency;
  std::string devices;
  std::uint64_t generate = 0;
  std::uint64_t seed = 1;
  std::string write_devices;
  bool any_project = false;
  bool exit_with_parent = false;
};

struct Latency {
  std::chrono::milliseconds base{0};
  std::chrono::milliseconds jitter{0};
};

std::optional<std::chrono::milliseconds> parse_milliseconds(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // An hour is more than any client waits.
  if (error != std::errc{} || end != text.data() + text.size() || value > 3'600'000) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(value);
}

Result<Latency> parse_latency(const std::string& text) {
  const auto colon = text.find(':');
  const auto base = parse_milliseconds(std::string_view(text).substr(0, colon));
  const auto jitter = colon == std::string::npos
                          ? std::optional(0ms)
                          : parse_milliseconds(std::string_view(text).substr(colon + 1));
  if (!base || !jitter) {
    return fail(Error::Kind::usage, fmt::format("can't read --latency {}", text),
                "write milliseconds, or milliseconds and how much more at most: 80 or 80:20");
  }
  return Latency{*base, *jitter};
}

Result<emulator::EmulatorOptions> emulator_options(const EmulateOptions& given,
                                                   const Globals& globals) {
  emulator::EmulatorOptions options;
  options.host = given.host;
  options.port = given.port;
  options.project = globals.project;
  options.any_project = given.any_project;
  if (!given.tls_dir.empty()) options.tls_dir = given.tls_dir;
  if (!given.scenario.empty()) options.scenario_file = given.scenario;
  if (!given.devices.empty()) options.devices_file = given.devices;
  if (given.generate > 0) options.generate = {.count = given.generate, .seed = given.seed};
  if (!given.latency.empty()) {
    const auto latency = parse_latency(given.latency);
    if (!latency) return std::unexpected(latency.error());
    options.latency = latency->base;
    options.latency_jitter = latency->jitter;
  }
  return options;
}

// The signal comes when the parent dies; one that died before we asked is seen by its absence.
Result<void> bind_to_parent() {
  const pid_t parent = ::getppid();
  if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || ::getppid() != parent) {
    return fail(Error::Kind::usage, "the parent process is gone", "");
  }
  return {};
}

std::string render(const emulator::Books& books) {
  Table table({{""}, {"", Table::Align::right}});
  const auto row = [&](const char* name, std::uint64_t count) {
    table.add({name, grouped(count)});
  };
  row("sends", books.sends.requests());
  row("  accepted", books.accepted);
  row("  dry runs", books.dry_runs);
  row("  refused", books.sends.requests() - books.accepted - books.dry_runs);
  row("access tokens asked for", books.tokens.requests());
  row("devices sent to more than once", books.duplicates);
  row("lost with their connection", books.lost);
  row("most under way at once", books.max_in_flight);
  row("most connections at once", books.max_connections);
  return table.render();
}

// With --tls-dir access tokens are checked, and FCM_EMULATOR_HOST alone would be refused.
std::string way_here(const EmulateOptions& given, const emulator::Emulator& emulator) {
  if (!given.tls_dir.empty()) {
    return fmt::format(". {}/env.sh points the SDK of any language here", given.tls_dir);
  }
  return fmt::format("FCM_EMULATOR_HOST={}:{} sends everything here", given.host, emulator.port());
}

// Runs until the first signal and its farewell, or until the second signal.
void serve(boost::asio::io_context& io, boost::asio::signal_set& signals,
           emulator::Emulator& emulator) {
  bool stopping = false;
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (error) return;
    stopping = true;
    emulator.stop();
    signals.async_wait([&io](const boost::system::error_code& cancelled, int) {
      if (!cancelled) io.stop();
    });
  });
  while (!stopping && io.run_one() > 0) {
  }
  const auto end = std::chrono::steady_clock::now() + farewell;
  // The wait for a second signal would keep the loop alive on its own.
  while (emulator.connections() > 0 && io.run_one_until(end) > 0) {
  }
}

Result<ExitStatus> run_emulator(Context& context, const EmulateOptions& given) {
  auto options = emulator_options(given, context.globals);
  if (!options) return std::unexpected(options.error());
  boost::asio::io_context io(1);
  // Before the ready line: whoever has read it may signal at once.
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  auto opened = emulator::Emulator::open(io, *options);
  if (!opened) return std::unexpected(opened.error());
  emulator::Emulator& emulator = **opened;
  context.out.write(emulator.ready_line() + "\n");
  if (auto written = context.out.finish(); !written) return std::unexpected(written.error());
  if (context.out.progress_wanted()) {
    fmt::print(stderr, "{}\nhttp://{}:{}/ shows the phones; Ctrl-C ends it\n",
               way_here(given, emulator), given.host, emulator.port());
  }
  serve(io, signals, emulator);
  fmt::print(stderr, "{}", render(emulator.books()));
  return ExitStatus::accepted;
}

Result<ExitStatus> emulate(Context& context, const EmulateOptions& given) {
  if (given.exit_with_parent) {
    if (auto bound = bind_to_parent(); !bound) return std::unexpected(bound.error());
  }
  // Before the port opens: who waits for the ready line finds the list.
  if (!given.write_devices.empty()) {
    if (given.generate == 0) {
      return fail(Error::Kind::usage, "--write-devices needs --generate",
                  "say how many: --generate 1000");
    }
    const auto written = emulator::write_device_list(given.write_devices,
                                                     {.count = given.generate, .seed = given.seed},
                                                     std::chrono::system_clock::now());
    if (!written) return std::unexpected(written.error());
    if (!given.port_given) {
      context.out.say(
          fmt::format("{}: {}\n", given.write_devices, counted(given.generate, "device")));
      return ExitStatus::accepted;
    }
  }
  return run_emulator(context, given);
}

void add_options(CLI::App& command, EmulateOptions& given) {
  command.add_option("--port", given.port, "Where to listen, without it 8100; 0: any free port")
      ->type_name("PORT");
  command.add_option("--host", given.host, "Address to listen on, without it 127.0.0.1")
      ->type_name("ADDRESS");
  command
      .add_option("--tls-dir", given.tls_dir,
                  "Speak TLS too and ask for access tokens; the CA and a service account are kept "
                  "here")
      ->type_name("DIR");
  command.add_flag("--any-project", given.any_project,
                   "Serve every project with the same access tokens, not one alone");
  command.add_option("--scenario", given.scenario, "TOML file with what shall go wrong")
      ->type_name("FILE");
  command
      .add_option("--latency", given.latency,
                  "Answer after so many milliseconds, and at random up to so many more")
      ->type_name("MS[:MORE]");
  CLI::Option* devices =
      command.add_option("--devices", given.devices, "Devices and their health, CSV or JSON lines")
          ->type_name("FILE");
  CLI::Option* generate =
      command.add_option("--generate", given.generate, "Make up so many devices, sick ones too")
          ->type_name("N")
          ->check(CLI::Range(std::uint64_t{1}, emulator::max_generated).description(""));
  generate->excludes(devices);
  command.add_option("--seed", given.seed, "Which devices are made up; without it 1")
      ->type_name("N")
      ->needs(generate);
  command
      .add_option("--write-devices", given.write_devices,
                  "Write the made-up devices for import; without --port that is all")
      ->type_name("FILE");
  command.add_flag("--exit-with-parent", given.exit_with_parent,
                   "End when the process that started this one ends");
}

}  // namespace

void add_emulate(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "emulate",
      "Run an FCM look-alike on this machine\n\n"
      "It speaks HTTP/2 and HTTP/1.1 and prints one line of JSON when it is ready: port, ca_file, "
      "credentials_file, project. A browser at its port shows the phones. Without --devices and "
      "--generate every plausible token lives.");
  command->group("Testing");
  command->footer(
      "Examples:\n"
      "  fanfare emulate --port 8100 --generate 1000 --write-devices devices.csv\n"
      "  fanfare emulate --port 0 --tls-dir emulator --latency 80:20\n"
      "  fanfare emulate --tls-dir emulator --any-project\n");
  auto given = std::make_shared<EmulateOptions>();
  add_options(*command, *given);
  const CLI::Option* port = command->get_option("--port");
  context.on(*command, [&context, given, port] {
    given->port_given = port->count() > 0;
    return emulate(context, *given);
  });
}

}  // namespace fanfare::cli
