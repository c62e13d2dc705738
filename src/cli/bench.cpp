// bench: what a message costs. Sends to made-up devices of the built-in emulator, which runs as a
// process of its own so that its work is not counted, or of another endpoint.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "fanfare/client.h"

#include "cli/api_options.h"
#include "cli/app.h"
#include "cli/bench_emulator.h"
#include "cli/bench_gateway.h"
#include "cli/bench_load.h"
#include "cli/bench_registry.h"
#include "cli/commands.h"
#include "cli/json_object.h"
#include "cli/progress.h"

namespace fanfare::cli {
namespace {

struct BenchOptions {
  std::uint64_t messages = 200'000;  // Over all projects.
  std::uint64_t warmup = 0;          // Over all projects, before the measurement.
  double duration_s = 0;             // Not 0: in place of `messages`.
  std::uint64_t rate = 0;            // Messages a minute of each project; 0: as fast as it goes.
  std::size_t connections = 4;       // Of each project.
  std::size_t lanes = 0;             // Of each project; 0: as many as there are cores.
  std::uint32_t projects = 1;
  std::size_t size = 400;
  BenchEmulatorOptions emulator;
  bool registry = false;              // Measure the store instead.
  bool gateway = false;               // Measure the gateway instead.
  std::uint64_t devices = 1'000'000;  // In it.
  std::uint64_t waiting = 1'000'000;  // In the gateway, at the end.
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

// TCP connections of this process, those to the token endpoint included.
std::size_t open_connections() {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const int fd = std::atoi(entry.path().filename().c_str());
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 &&
        (peer.ss_family == AF_INET || peer.ss_family == AF_INET6)) {
      ++count;
    }
  }
  return count;
}

// How much one call of send_each sends.
struct Amount {
  std::uint64_t messages = 0;
  std::optional<SteadyTime> end = {};  // Given: until then, and `messages` does not count.
};

// One project's client and what became of its messages.
class Project {
 public:
  Project(Client client, std::uint32_t number) : client_(std::move(client)), tokens_(number) {}

  void send(const Message& message, Amount amount, Progress* progress) {
    std::uint64_t asked = 0;
    client_.send_each(
        message,
        [&](Target& target) {
          if (is_over(amount, asked)) return false;
          ++asked;
          const std::string& token = tokens_.next();
          if (LatencySample::is_timed(token)) latency_.begin(token, SteadyTime::clock::now());
          target.kind = TargetKind::token;
          target.value = token;
          return true;
        },
        [&](const Outcome& outcome) {
          ++(outcome.accepted() ? accepted_ : refused_);
          if (!LatencySample::is_timed(outcome.target.value)) return;
          const SteadyTime now = SteadyTime::clock::now();
          latency_.end(outcome.target.value, now);
          if (progress != nullptr) progress->update(accepted_, amount.messages, "", now);
        });
  }

  void forget_counts() {
    accepted_ = refused_ = 0;
    latency_ = {};
  }
  [[nodiscard]] std::uint64_t accepted() const noexcept { return accepted_; }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  [[nodiscard]] const LatencyCounts& latency() const noexcept { return latency_.counts(); }

 private:
  static bool is_over(const Amount& amount, std::uint64_t asked) {
    return amount.end ? SteadyTime::clock::now() >= *amount.end : asked == amount.messages;
  }

  Client client_;
  MadeUpTokens tokens_;
  LatencySample latency_;
  std::uint64_t accepted_ = 0;
  std::uint64_t refused_ = 0;
};

using Projects = std::vector<std::unique_ptr<Project>>;

// All projects at once, each on a thread of its own; `messages` are shared out among them.
void send_all(Projects& projects, const Message& message, const Amount& amount,
              Progress* progress) {
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < projects.size(); ++i) {
    Amount part = amount;
    part.messages = (amount.messages + projects.size() - 1 - i) / projects.size();
    if (i + 1 < projects.size()) {
      threads.emplace_back([&, i, part] { projects[i]->send(message, part, nullptr); });
    } else {
      projects[i]->send(message, part, progress);
    }
  }
}

struct Figures {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  double seconds = 0;
  double cpu_seconds = 0;
  std::size_t connections = 0;
  LatencyCounts latency;

  [[nodiscard]] std::uint64_t messages() const { return accepted + refused; }
  [[nodiscard]] double rate() const { return static_cast<double>(messages()) / seconds; }
  [[nodiscard]] double cpu_us_per_message() const {
    return cpu_seconds * 1e6 / static_cast<double>(std::max<std::uint64_t>(1, messages()));
  }
};

Amount amount_of(const BenchOptions& options, SteadyTime begun) {
  if (options.duration_s <= 0) return {.messages = options.messages};
  if (options.rate > 0) {
    // A client asks for messages seconds before their turn, so the clock would end it late.
    const double a_project = static_cast<double>(options.rate) / 60 * options.duration_s;
    return {.messages = static_cast<std::uint64_t>(a_project * options.projects)};
  }
  const std::chrono::duration<double> span(options.duration_s);
  return {.end = begun + std::chrono::duration_cast<SteadyTime::duration>(span)};
}

Figures measure(Context& context, const BenchOptions& options, const Message& message,
                Projects& projects) {
  if (options.warmup > 0) {
    send_all(projects, message, {.messages = options.warmup}, nullptr);
    for (auto& project : projects) project->forget_counts();
  }
  Progress progress(stderr, context.out.progress_wanted());
  const double cpu_before = cpu_seconds();
  const SteadyTime begun = SteadyTime::clock::now();
  const Amount amount = amount_of(options, begun);
  send_all(projects, message, amount, &progress);
  Figures figures;
  figures.seconds = std::chrono::duration<double>(SteadyTime::clock::now() - begun).count();
  figures.cpu_seconds = cpu_seconds() - cpu_before;
  figures.connections = open_connections();
  for (const auto& project : projects) {
    figures.accepted += project->accepted();
    figures.refused += project->refused();
    figures.latency.add(project->latency());
  }
  return figures;
}

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

void print(Context& context, const BenchOptions& options, const Figures& figures) {
  const double p50 = milliseconds(figures.latency.quantile(0.5));
  const double p99 = milliseconds(figures.latency.quantile(0.99));
  if (context.globals.json) {
    context.out.json_line(
        JsonObject()
            .number("messages", figures.messages())
            .number("accepted", figures.accepted)
            .number("refused", figures.refused)
            .json("messages_per_s", fmt::format("{:.0f}", figures.rate()))
            .json("cpu_us_per_message", fmt::format("{:.2f}", figures.cpu_us_per_message()))
            .number("peak_memory_bytes", peak_memory_bytes())
            .json("duration_s", fmt::format("{:.3f}", figures.seconds))
            .json("cpu_cores", fmt::format("{:.4f}", figures.cpu_seconds / figures.seconds))
            .number("projects", options.projects)
            .number("connections", figures.connections)
            .json("latency_p50_ms", fmt::format("{:.2f}", p50))
            .json("latency_p99_ms", fmt::format("{:.2f}", p99))
            .str());
    return;
  }
  context.out.say(fmt::format(
      "{} accepted, {} refused\n{} messages/s\n{:.2f} microseconds of CPU per message (client "
      "alone), {:.1f} % of a core\n{} MiB at the most\n{} connections\n{:.1f} ms to the outcome "
      "for half of the messages, {:.1f} ms for 99 %\n",
      grouped(figures.accepted), grouped(figures.refused),
      grouped(static_cast<std::uint64_t>(figures.rate())), figures.cpu_us_per_message(),
      100 * figures.cpu_seconds / figures.seconds, peak_memory_bytes() >> 20, figures.connections,
      p50, p99));
}

ClientOptions client_options_of(Context& context, const BenchOptions& options) {
  ClientOptions client = client_options(context);
  client.connections = options.connections;
  client.lanes = options.lanes;
  client.messages_per_minute = options.rate;
  client.ramp = std::chrono::milliseconds(0);
  return client;
}

Result<ExitStatus> bench(Context& context, const BenchOptions& options) {
  if (options.registry) return bench_registry(context, options.devices);
  if (options.gateway) return bench_gateway(context, options.waiting);
  auto message = message_of_size(options.size);
  if (!message) return std::unexpected(message.error());
  ClientOptions client_options = client_options_of(context, options);
  BenchEmulator emulator;
  BenchEmulatorOptions served = options.emulator;
  served.any_project = options.projects > 1;
  if (client_options.endpoint.empty()) {
    if (auto started = emulator.start(served, client_options); !started) {
      return std::unexpected(started.error());
    }
  } else if (!options.emulator.latency.empty() || options.emulator.token_chars > 0) {
    return fail(Error::Kind::usage, "--latency and --token-chars are for the built-in emulator",
                "leave them out with --endpoint");
  }
  Projects projects;
  const std::string base = client_options.project.empty() ? "bench" : client_options.project;
  for (std::uint32_t i = 0; i < options.projects; ++i) {
    if (options.projects > 1) client_options.project = fmt::format("{}-{}", base, i + 1);
    auto client = Client::open(client_options);
    if (!client) return std::unexpected(client.error());
    projects.push_back(std::make_unique<Project>(*std::move(client), i));
  }
  const Figures figures = measure(context, options, *message, projects);
  print(context, options, figures);
  return figures.refused == 0 ? ExitStatus::accepted : ExitStatus::some_failed;
}

template <class Number>
CLI::Validator range(Number least, Number most) {
  return CLI::Range(least, most).description("");
}

void add_load_options(CLI::App& command, BenchOptions& options) {
  CLI::Option* messages = command.add_option("--messages", options.messages, "How many messages")
                              ->type_name("N")
                              ->check(range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  command
      .add_option("--duration", options.duration_s, "Send for so long instead of so many messages")
      ->type_name("SECONDS")
      ->check(range(0.1, 86'400.0))
      ->excludes(messages);
  command
      .add_option(
          "--warmup", options.warmup,
          "Messages before the measurement, so that connections are open and memory is warm")
      ->type_name("N")
      ->check(range(std::uint64_t{0}, std::uint64_t{1'000'000'000}));
  command
      .add_option("--rate", options.rate,
                  "Messages a minute of each project; without it as fast as it goes")
      ->type_name("N")
      ->check(range(std::uint64_t{0}, std::uint64_t{1'000'000'000}));
  command.add_option("--size", options.size, "Bytes of a request's body, without it 400")
      ->type_name("BYTES")
      ->check(range(std::size_t{1}, std::size_t{4'096}));
}

void add_client_options(CLI::App& command, BenchOptions& options) {
  command.add_option("--lanes", options.lanes, "Sending threads of each project")
      ->type_name("N")
      ->check(range(1, 64));
  command.add_option("--connections", options.connections, "Connections of each project at most")
      ->type_name("N")
      ->check(range(1, 100));
  command
      .add_option(
          "--projects", options.projects,
          "So many at once, bench-1, bench-2 and so on, each with a client, connections and "
          "a pace of its own; an emulator of yours needs --any-project")
      ->type_name("N")
      ->check(range(1, 100));
}

void add_registry_options(CLI::App& command, BenchOptions& options) {
  CLI::Option* gateway =
      command.add_flag("--gateway", options.gateway,
                       "Measure the gateway: durable accepts, bulk, latency, memory with many "
                       "messages waiting");
  command.add_option("--waiting", options.waiting, "How many messages it keeps at the end")
      ->type_name("N")
      ->check(range(std::uint64_t{1'000}, std::uint64_t{9'000'000}))
      ->needs(gateway);
  CLI::Option* registry = command.add_flag(
      "--registry", options.registry,
      "Measure a store in the temporary folder instead: import, refresh, streaming, look-ups");
  command.add_option("--devices", options.devices, "How many devices that store has")
      ->type_name("N")
      ->check(range(std::uint64_t{1'000}, std::uint64_t{100'000'000}))
      ->needs(registry);
}

void add_emulator_options(CLI::App& command, BenchEmulatorOptions& options) {
  command.add_flag("--plaintext", options.plaintext, "Without TLS");
  command
      .add_option(
          "--latency", options.latency,
          "The built-in emulator answers after so many milliseconds, and at random up to so "
          "many more")
      ->type_name("MS[:MORE]");
  command
      .add_option("--token-chars", options.token_chars,
                  "Length of the built-in emulator's access tokens; Google's have up to 1,024")
      ->type_name("N")
      ->check(range(40, 4'096));
}

}  // namespace

void add_bench(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "bench",
      "Measure messages per second and CPU per message\n\n"
      "Sends to the built-in emulator, started as a process of its own, or to --endpoint. Never "
      "point it at FCM: every message counts against the project's quota.");
  command->group("Testing");
  command->footer(
      "Examples:\n"
      "  fanfare bench --messages 200000 --connections 4\n"
      "  fanfare bench --rate 600000 --duration 60 --latency 80:20 --connections 12\n"
      "  fanfare bench --registry --devices 1000000\n"
      "  fanfare bench --gateway\n");
  auto options = std::make_shared<BenchOptions>();
  add_load_options(*command, *options);
  add_client_options(*command, *options);
  add_emulator_options(*command, options->emulator);
  add_registry_options(*command, *options);
  context.on(*command, [&context, options] { return bench(context, *options); });
}

}  // namespace fanfare::cli
