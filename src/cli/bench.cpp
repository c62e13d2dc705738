// bench: what a message costs. Sends to made-up devices of the built-in emulator, which runs as a
// process of its own so that its work is not counted, or of another endpoint.
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fanfare/client.h"

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/json_object.h"
#include "cli/progress.h"

namespace fanfare::cli {
namespace {

struct BenchOptions {
  std::uint64_t messages = 200'000;
  std::size_t connections = 4;
  bool plaintext = false;
};

std::unexpected<Error> cannot_start(const char* deed) {
  return fail(Error::Kind::storage, fmt::format("can't {}: {}", deed, std::strerror(errno)), "");
}

// `fanfare emulate` as a child, with a folder for its certificates; both go with this object.
class EmulatorProcess {
 public:
  EmulatorProcess() = default;
  EmulatorProcess(const EmulatorProcess&) = delete;
  EmulatorProcess& operator=(const EmulatorProcess&) = delete;
  ~EmulatorProcess() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  /// Starts it and fills in how to reach it.
  Result<void> start(bool plaintext, ClientOptions& client) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "fanfare-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) return cannot_start("make a temporary folder");
    folder_ = pattern;
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return cannot_start("make a pipe");
    pid_ = ::fork();
    if (pid_ < 0) return cannot_start("start the emulator");
    if (pid_ == 0) {
      ::dup2(pipe[1], STDOUT_FILENO);
      const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
      if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
      ::execl("/proc/self/exe", "fanfare", "emulate", "--port", "0", "--tls-dir", folder_.c_str(),
              "--exit-with-parent", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(pipe[1]);
    const std::string line = read_line(pipe[0]);
    ::close(pipe[0]);
    return read_ready_line(line, plaintext, client);
  }

 private:
  static std::string read_line(int fd) {
    std::string line;
    char c = 0;
    while (::read(fd, &c, 1) == 1 && c != '\n') line += c;
    return line;
  }
  static Result<void> read_ready_line(const std::string& line, bool plaintext,
                                      ClientOptions& client) {
    simdjson::dom::parser parser;
    simdjson::dom::element ready;
    std::uint64_t port = 0;
    std::string_view ca_file;
    std::string_view credentials;
    if (parser.parse(line).get(ready) != simdjson::SUCCESS ||
        ready["port"].get(port) != simdjson::SUCCESS ||
        ready["ca_file"].get(ca_file) != simdjson::SUCCESS ||
        ready["credentials_file"].get(credentials) != simdjson::SUCCESS) {
      return fail(Error::Kind::network, "the built-in emulator did not start",
                  "see what 'fanfare emulate' says");
    }
    client.endpoint = fmt::format("{}://127.0.0.1:{}", plaintext ? "http" : "https", port);
    client.ca_file = ca_file;
    client.credentials_file = credentials;
    return {};
  }

  pid_t pid_ = -1;
  std::filesystem::path folder_;
};

double cpu_seconds() {
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t peak_memory_bytes() {
  struct rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

// Of the shape and length of Android's.
std::string made_up_token(std::uint64_t number) {
  return fmt::format("{:022}:APA91b{:0>134}", number, number * 2'654'435'761U);
}

Message four_hundred_bytes() {
  Message message;
  message.notification = Notification{.title = "Benchmark", .body = std::string(100, 'b')};
  message.data["kind"] = "bench";
  return message;
}

struct Figures {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  double seconds = 0;
  double cpu_us_per_message = 0;
};

Figures measure(Context& context, const BenchOptions& options, Client& client) {
  Figures figures;
  Progress progress(stderr, context.out.progress_wanted());
  const auto begun = std::chrono::steady_clock::now();
  const double cpu_before = cpu_seconds();
  std::uint64_t next = 0;
  client.send_each(
      four_hundred_bytes(),
      [&]() -> std::optional<Target> {
        if (next == options.messages) return std::nullopt;
        return Target{TargetKind::token, made_up_token(next++)};
      },
      [&](const Outcome& outcome) {
        ++(outcome.accepted() ? figures.accepted : figures.refused);
        if ((figures.accepted & 0xFFF) == 0) {
          progress.update(figures.accepted, options.messages, "", std::chrono::steady_clock::now());
        }
      });
  const std::chrono::duration<double> span = std::chrono::steady_clock::now() - begun;
  figures.seconds = span.count();
  figures.cpu_us_per_message =
      (cpu_seconds() - cpu_before) * 1e6 / static_cast<double>(options.messages);
  return figures;
}

Result<ExitStatus> bench(Context& context, const BenchOptions& options) {
  ClientOptions client_options;
  client_options.project = context.globals.project;
  client_options.endpoint = context.globals.endpoint;
  client_options.ca_file = context.globals.ca_file;
  client_options.credentials_file = context.globals.credentials;
  client_options.connections = options.connections;
  client_options.messages_per_minute = 0;
  client_options.ramp = std::chrono::milliseconds(0);
  EmulatorProcess emulator;
  if (client_options.endpoint.empty()) {
    if (auto started = emulator.start(options.plaintext, client_options); !started) {
      return std::unexpected(started.error());
    }
  }
  auto client = Client::open(client_options);
  if (!client) return std::unexpected(client.error());
  const Figures figures = measure(context, options, *client);
  const double rate = static_cast<double>(options.messages) / figures.seconds;
  if (context.globals.json) {
    context.out.json_line(
        JsonObject()
            .number("messages", options.messages)
            .number("accepted", figures.accepted)
            .number("refused", figures.refused)
            .json("messages_per_s", fmt::format("{:.0f}", rate))
            .json("cpu_us_per_message", fmt::format("{:.2f}", figures.cpu_us_per_message))
            .number("peak_memory_bytes", peak_memory_bytes())
            .str());
  } else {
    context.out.say(fmt::format(
        "{} accepted, {} refused\n{} messages/s\n{:.2f} microseconds of CPU per message (client "
        "alone)\n{} MiB at the most\n",
        grouped(figures.accepted), grouped(figures.refused),
        grouped(static_cast<std::uint64_t>(rate)), figures.cpu_us_per_message,
        peak_memory_bytes() >> 20));
  }
  return figures.refused == 0 ? ExitStatus::accepted : ExitStatus::some_failed;
}

}  // namespace

void add_bench(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "bench",
      "Measure messages per second and CPU per message\n\n"
      "Sends to the built-in emulator, started as a process of its own, or to --endpoint. Never "
      "point it at FCM: every message counts against the project's quota.");
  command->group("Testing");
  command->footer("Example:\n  fanfare bench --messages 200000 --connections 4\n");
  auto options = std::make_shared<BenchOptions>();
  command->add_option("--messages", options->messages, "How many messages")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}).description(""));
  command->add_option("--connections", options->connections, "Connections at most")
      ->type_name("N")
      ->check(CLI::Range(1, 100).description(""));
  command->add_flag("--plaintext", options->plaintext, "Without TLS");
  context.on(*command, [&context, options] { return bench(context, *options); });
}

}  // namespace fanfare::cli
