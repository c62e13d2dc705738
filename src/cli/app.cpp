#include "cli/app.h"

#include <csignal>
#include <exception>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/config.h"
#include "cli/help.h"
#include "cli/tree.h"

namespace fanfare::cli {
namespace {

constexpr const char* global_group = "Global options, before or after the command";

constexpr const char* root_notes =
    "Start here, without a Firebase project:\n"
    "  fanfare emulate --port 8100 --generate 1000 --write-devices devices.csv &\n"
    "  FCM_EMULATOR_HOST=127.0.0.1:8100 fanfare send --project demo \\\n"
    "      --title Hello --body World --to devices.csv\n"
    "  fanfare explain --status 404 --body answer.json\n"
    "Exit status:\n"
    "  0  done; every message was accepted\n"
    "  1  finished, but some targets failed, or what was asked for does not exist\n"
    "  2  wrong use: the call, a file or the store\n"
    "  3  blocked: credentials, project, platform or network; a person must act\n"
    "  4  interrupted; can be resumed\n";

// How a log level is spelled on the command line until it is read.
struct Settings {
  std::string config_file;
  std::string log_level = "warning";
};

void add_globals(CLI::App& root, Globals& globals, Settings& settings) {
  const auto text = [&](const char* name, std::string& value, const char* type,
                        const char* variable, const char* help) {
    return root.add_option(name, value, help)
        ->type_name(type)
        ->envname(variable)
        ->group(global_group);
  };
  text("--project", globals.project, "ID", "FANFARE_PROJECT",
       "Firebase project; without it that of the credentials");
  text("--credentials", globals.credentials, "FILE", "FANFARE_CREDENTIALS",
       "Credentials of any kind; without it the application default credentials");
  text("--endpoint", globals.endpoint, "URL", "FANFARE_ENDPOINT",
       "Talk to this instead of FCM; http:// is plaintext");
  text("--iid-endpoint", globals.iid_endpoint, "URL", "FANFARE_IID_ENDPOINT",
       "Talk to this instead of the instance-ID service");
  text("--ca-file", globals.ca_file, "PEM", "FANFARE_CA_FILE", "Trust these certificates too");
  text("--http2-engine", globals.http2_engine, "NAME", "FANFARE_HTTP2_ENGINE",
       "Who writes HTTP/2: frames (Fanfare, the default) or nghttp2")
      ->check(CLI::IsMember(std::vector<std::string>{"frames", "nghttp2"}));
  text("--store", globals.store, "STORE", "FANFARE_STORE",
       "Where devices are kept; without it fanfare.db");
  text("--config", settings.config_file, "FILE", "FANFARE_CONFIG",
       "TOML file with these options, named as here: project = \"my-project\"");
  root.add_flag("--json", globals.json, "Print JSON for programs; human text goes to stderr")
      ->envname("FANFARE_JSON")
      ->group(global_group);
  text("--log-level", settings.log_level, "LEVEL", "FANFARE_LOG_LEVEL",
       "How much is said on stderr; without it warning")
      ->check(CLI::IsMember(std::vector<std::string>{"error", "warning", "info", "debug"}));
}

// The command that the arguments led to, and how it is called.
struct Reached {
  const CLI::App* command;
  std::string path;
};

Reached reached(const CLI::App& root) {
  Reached at{&root, root.get_name()};
  while (!at.command->get_subcommands().empty()) {
    at.command = at.command->get_subcommands().back();
    at.path += " " + at.command->get_name();
  }
  return at;
}

std::string see_help(const std::string& path) {
  return fmt::format("see '{} --help'", path);
}

// Options fall through to the commands above, so that theirs may be meant, too.
std::vector<std::string> known_options(const CLI::App* command) {
  std::vector<std::string> names;
  for (; command != nullptr; command = command->get_parent()) {
    for (const OptionDoc& option : describe(*command).options) names.push_back(option.long_name);
  }
  return names;
}

Error unexpected_word(const std::string& word, const Reached& at) {
  const std::string name = word.substr(0, word.find('='));
  std::string kind = "argument";
  std::vector<std::string> candidates;
  if (word.starts_with('-')) {
    kind = "option";
    candidates = known_options(at.command);
  } else if (const CommandDoc doc = describe(*at.command); !doc.commands.empty()) {
    kind = "command";
    for (const CommandDoc& command : doc.commands) candidates.push_back(command.name);
  }
  const std::string meant = nearest(name, candidates);
  std::string remedy = meant.empty() ? "" : fmt::format("did you mean {}? ", meant);
  return {Error::Kind::usage, fmt::format("unknown {} '{}' for '{}'", kind, name, at.path),
          remedy + see_help(at.path)};
}

// CLI11's sentences, in our words where theirs are hard to read.
std::string parse_message(const CLI::ParseError& error) {
  std::string text = error.what();
  constexpr std::string_view conversion = "Could not convert: ";
  if (text.starts_with(conversion)) return "can't read " + text.substr(conversion.size());
  if (const auto at = text.find(": 1 required "); at != std::string::npos) {
    return text.substr(0, at) + " needs a value";
  }
  return text;
}

Error parse_failure(const CLI::ParseError& error, const CLI::App& root) {
  const Reached at = reached(root);
  if (const auto extra = root.remaining(true); !extra.empty()) {
    return unexpected_word(extra.front(), at);
  }
  return {Error::Kind::usage, parse_message(error), see_help(at.path)};
}

Result<void> apply(const ConfigValue& value, CLI::App& root, const std::string& path) {
  const auto refuse = [&](std::string_view why, std::string remedy) {
    return fail(Error::Kind::input, fmt::format("{}:{}: {}", path, value.line, why),
                std::move(remedy));
  };
  CLI::Option* option = root.get_option_no_throw("--" + value.key);
  if (option == nullptr || option->get_group() != global_group || value.key == "config") {
    std::vector<std::string> keys;
    for (const OptionDoc& known : describe(root).options) {
      if (known.group == global_group) keys.push_back(known.long_name.substr(2));
    }
    const std::string meant = nearest(value.key, keys);
    return refuse(fmt::format("unknown key '{}'", value.key),
                  meant.empty() ? "keys are the long names of the global options; see "
                                  "'fanfare --help'"
                                : fmt::format("did you mean {}?", meant));
  }
  // Given on the command line or in the environment: that stands.
  if (option->count() > 0) return {};
  try {
    option->add_result(value.value);
    option->run_callback();
  } catch (const CLI::ParseError& error) {
    return refuse(parse_message(error), "");
  }
  return {};
}

Result<void> apply_config(CLI::App& root, const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::unexpected(text.error());
  const auto values = parse_config(*text, path);
  if (!values) return std::unexpected(values.error());
  for (const ConfigValue& value : *values) {
    if (auto applied = apply(value, root, path); !applied) return applied;
  }
  return {};
}

Result<void> settle(CLI::App& root, Context& context, const Settings& settings) {
  if (!settings.config_file.empty()) {
    if (auto applied = apply_config(root, settings.config_file); !applied) return applied;
  }
  Globals& globals = context.globals;
  globals.config_file = settings.config_file;
  globals.store_given = !globals.store.empty();
  if (!globals.store_given) globals.store = default_store;
  globals.log_level = parse_log_level(settings.log_level).value_or(LogLevel::warning);
  context.out.set_json(globals.json);
  context.log.set_level(globals.log_level);
  context.log.write(
      LogLevel::debug,
      fmt::format("project '{}', credentials '{}', endpoint '{}', store '{}'", globals.project,
                  globals.credentials, globals.endpoint, globals.store));
  return {};
}

Result<ExitStatus> parse_and_run(CLI::App& root, Context& context, const Settings& settings,
                                 int argc, const char* const* argv) {
  try {
    root.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const Reached at = reached(root);
    context.out.write(render_help(describe(*at.command), at.path));
    return ExitStatus::accepted;
  } catch (const CLI::CallForVersion& version) {
    context.out.write(fmt::format("{}\n", version.what()));
    return ExitStatus::accepted;
  } catch (const CLI::ParseError& error) {
    return std::unexpected(parse_failure(error, root));
  }
  if (!context.chosen) {
    // A command that only leads to others: its help is the answer, but nothing was done.
    const Reached at = reached(root);
    fmt::print(stderr, "{}", render_help(describe(*at.command), at.path));
    return ExitStatus::wrong_use;
  }
  if (auto settled = settle(root, context, settings); !settled) {
    return std::unexpected(settled.error());
  }
  return context.chosen();
}

int exit_with(const Error& error) {
  fmt::print(stderr, "{}", render(error));
  return static_cast<int>(exit_status_for(error.kind));
}

}  // namespace

ExitStatus exit_status_for(Error::Kind kind) noexcept {
  switch (kind) {
    case Error::Kind::usage:
    case Error::Kind::input:
    case Error::Kind::storage:
      return ExitStatus::wrong_use;
    case Error::Kind::credentials:
    case Error::Kind::network:
      return ExitStatus::blocked;
  }
  return ExitStatus::wrong_use;
}

void Context::on(CLI::App& command, Task task) {
  command.final_callback([this, task = std::move(task)] { chosen = task; });
}

void add_commands(CLI::App& root, Context& context) {
  add_send(root, context);
  add_preflight(root, context);
  add_delivery_data(root, context);
  add_check_message(root, context);
  add_explain(root, context);
  add_devices(root, context);
  add_store(root, context);
  add_topics(root, context);
  add_groups(root, context);
  add_serve(root, context);
  add_keys(root, context);
  add_status(root, context);
  add_emulate(root, context);
  add_bench(root, context);
  add_completion(root, context);
  add_man(root, context);
}

int run(int argc, const char* const* argv) {
  // A reader that goes away is met where the write fails; the default would end a campaign.
  std::signal(SIGPIPE, SIG_IGN);
  Context context;
  Settings settings;
  CLI::App root(
      "Send push notifications through Firebase Cloud Messaging, and keep the list of devices "
      "healthy.",
      "fanfare");
  root.fallthrough();
  root.require_subcommand(0, 1);
  root.footer(root_notes);
  root.set_help_flag("-h,--help", "Show this help");
  root.set_version_flag("--version", "fanfare " FANFARE_VERSION, "Show the version");
  add_globals(root, context.globals, settings);
  add_commands(root, context);

  const auto status = parse_and_run(root, context, settings, argc, argv);
  const auto written = context.out.finish();
  if (!status) return exit_with(status.error());
  if (!written && *status == ExitStatus::accepted) return exit_with(written.error());
  return static_cast<int>(*status);
}

}  // namespace fanfare::cli
