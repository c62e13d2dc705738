// serve: the gateway in the foreground, until a signal ends it.
#include "cli/serve.h"

#include <csignal>
#include <cstdlib>
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/api_options.h"
#include "cli/commands.h"
#include "cli/serve_log.h"
#include "cli/store.h"
#include "gateway/gateway.h"
#include "gateway/settings.h"

namespace fanfare::cli {
namespace {

using namespace std::chrono_literals;

struct ServeOptions {
  std::string listen;
  bool check_config = false;
  bool exit_with_parent = false;
};

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

Result<gateway::Settings> settings_of(Context& context, const ServeOptions& given) {
  std::string text;
  const std::string& file = context.globals.config_file;
  if (!file.empty()) {
    auto read = read_file(file);
    if (!read) return std::unexpected(std::move(read).error());
    text = *std::move(read);
  }
  ClientOptions defaults = client_options(context);
  defaults.lanes = 1;  // The gateway has other work for the cores.
  // As if the environment said it, so that it is checked together with the rest.
  const auto overriding = [&given](const std::string& name) {
    return name == "FANFARE_SERVE_LISTEN" && !given.listen.empty() ? given.listen : variable(name);
  };
  auto settings = gateway::read_settings(text, file, defaults, overriding);
  if (!settings) return settings;
  // Without a project of its own in the file, the one that the global options name.
  if (settings->projects.empty()) settings->projects.push_back(settings->fcm);
  for (ClientOptions& project : settings->projects) {
    if (project.credentials_file.empty()) project.credentials_file = context.globals.credentials;
  }
  return settings;
}

Result<gateway::GatewayOptions> gateway_options(Context& context,
                                                const gateway::Settings& settings) {
  const auto listen = gateway::parse_listen(settings.listen);
  if (!listen) return std::unexpected(listen.error());
  auto queue = queue_file(context.globals);
  if (!queue) return std::unexpected(std::move(queue).error());
  gateway::GatewayOptions options;
  options.host = listen->first;
  options.port = listen->second;
  options.require_keys = settings.require_keys == "true" ||
                         (settings.require_keys == "auto" && !gateway::is_loopback(options.host));
  options.registry_path = context.globals.store;
  options.queue_path = *std::move(queue);
  options.projects = settings.projects;
  options.max_connections = settings.max_connections;
  options.max_body_bytes = settings.max_body_bytes;
  options.max_buffered_bytes = settings.max_buffered_bytes;
  options.limits.submission.default_expiry = settings.default_expiry;
  options.limits.max_waiting = settings.max_waiting;
  options.limits.min_free_bytes = settings.min_free_bytes;
  options.retention = {.ended = settings.retention,
                       .idempotency_keys = settings.idempotency_retention};
  options.event_retention = settings.retention;
  options.breakers.first_wait = settings.breaker_first_wait;
  options.breakers.longest_wait = settings.breaker_longest_wait;
  options.webhooks_allow_plain_http = settings.webhooks_allow_plain_http;
  options.webhook_ca_file = settings.webhooks_ca_file;
  if (!settings.tls_certificate.empty()) {
    auto certificate = read_file(settings.tls_certificate);
    if (!certificate) return std::unexpected(std::move(certificate).error());
    auto key = read_file(settings.tls_key);
    if (!key) return std::unexpected(std::move(key).error());
    options.certificate_chain_pem = *std::move(certificate);
    options.private_key_pem = *std::move(key);
    options.tls_only = settings.require_tls == "true" || !settings.tls_client_ca.empty() ||
                       (settings.require_tls == "auto" && !gateway::is_loopback(options.host));
  }
  if (!settings.tls_client_ca.empty()) {
    auto authorities = read_file(settings.tls_client_ca);
    if (!authorities) return std::unexpected(std::move(authorities).error());
    options.client_ca_pem = *std::move(authorities);
  }
  const LogLevel level = parse_log_level(settings.log_level).value_or(LogLevel::info);
  options.log = [json = context.globals.json, level](const gateway::LogEntry& entry) {
    if (level_of(entry) > level) return;
    const std::string line = render(entry, std::chrono::system_clock::now(), json);
    std::fwrite(line.data(), 1, line.size(), stderr);
  };
  return options;
}

class ServeLoop {
 public:
  ServeLoop(Context& context, const ServeOptions& given)
      : context_(context), given_(given), signals_(io_, SIGINT, SIGTERM, SIGHUP) {}

  Result<ExitStatus> run() {
    auto settings = settings_of(context_, given_);
    if (!settings) return std::unexpected(std::move(settings).error());
    auto options = gateway_options(context_, *settings);
    if (!options) return std::unexpected(std::move(options).error());
    if (given_.check_config) {
      context_.out.write(gateway::describe(*settings));
      return ExitStatus::accepted;
    }
    log_ = options->log;
    deadline_ = settings->stop_deadline;
    auto opened = gateway::Gateway::open(io_, *std::move(options));
    if (!opened) return std::unexpected(std::move(opened).error());
    gateway_ = *std::move(opened);
    context_.out.write(fmt::format("{{\"port\":{}}}\n", gateway_->port()));
    if (auto written = context_.out.finish(); !written) return std::unexpected(written.error());
    wait_for_signal();
    serve();
    gateway_.reset();
    return ExitStatus::accepted;
  }

 private:
  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int signal) {
      if (error) return;
      if (signal == SIGHUP) {
        reload();
      } else if (std::exchange(stopping_, true)) {
        given_up_ = true;
      }
      wait_for_signal();
    });
  }

  void reload() {
    auto settings = settings_of(context_, given_);
    Result<void> reloaded;
    if (!settings) {
      reloaded = std::unexpected(settings.error());
    } else {
      auto options = gateway_options(context_, *settings);
      reloaded = options ? gateway_->reload(*options) : std::unexpected(options.error());
    }
    if (reloaded) return log_({gateway::LogEntry::Level::info, "reloaded"});
    log_({gateway::LogEntry::Level::error, "reload", {{"text", reloaded.error().what}}});
  }

  // Until the first signal, and then until all is on the disk, the deadline, or the second signal.
  void serve() {
    while (!stopping_ && io_.run_one() > 0) {
    }
    gateway_->stop();
    const auto end = std::chrono::steady_clock::now() + deadline_;
    while (!gateway_->stopped() && !given_up_ && std::chrono::steady_clock::now() < end) {
      io_.run_one_for(50ms);
    }
    if (gateway_->stopped()) {
      io_.poll();  // The last answers.
      return;
    }
    log_({gateway::LogEntry::Level::warning, "stopped in the middle"});
    gateway_->abandon();
  }

  Context& context_;
  const ServeOptions& given_;
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;  // Before the ready line: whoever has read it may signal.
  std::unique_ptr<gateway::Gateway> gateway_;
  std::function<void(const gateway::LogEntry&)> log_;
  std::chrono::seconds deadline_{30};
  bool stopping_ = false;
  bool given_up_ = false;
};

Result<ExitStatus> serve(Context& context, const ServeOptions& given) {
  if (given.exit_with_parent) {
    const pid_t parent = ::getppid();
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || ::getppid() != parent) {
      return fail(Error::Kind::usage, "the parent process is gone", "");
    }
  }
  return ServeLoop(context, given).run();
}

}  // namespace

Result<std::filesystem::path> queue_file(const Globals& globals) {
  if (globals.store.starts_with("postgresql://")) {
    return fail(Error::Kind::usage, "this version has no PostgreSQL store",
                "give a file: --store fanfare.db");
  }
  return std::filesystem::path(globals.store).replace_extension(".queue.db");
}

void add_serve(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "serve",
      "Run the gateway: accept messages over HTTP, deliver them, account for each\n\n"
      "It prints {\"port\":N} when it is ready. Devices are in --store, what it has promised in a "
      "file beside it (fanfare.queue.db). Sections of --config say the rest; SIGHUP reads them "
      "anew. /docs at its port describes the API.");
  command->group("Sending");
  command->footer(
      "Examples:\n"
      "  fanfare serve --credentials key.json\n"
      "  fanfare serve --config gateway.toml --check-config\n"
      "  FCM_EMULATOR_HOST=127.0.0.1:8100 fanfare --project demo serve --listen 127.0.0.1:8200\n");
  auto given = std::make_shared<ServeOptions>();
  command->add_option("--listen", given->listen, "Where to listen, without it 127.0.0.1:8200")
      ->type_name("HOST:PORT");
  command->add_flag("--check-config", given->check_config, "Read the settings, show them, and end");
  command->add_flag("--exit-with-parent", given->exit_with_parent,
                    "End when the process that started this one ends");
  context.on(*command, [&context, given] { return serve(context, *given); });
}

}  // namespace fanfare::cli
