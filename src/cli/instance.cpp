#include "cli/instance.h"

#include <cctype>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fanfare/instance_id.h"

#include "base/file.h"
#include "cli/api_options.h"
#include "cli/app.h"
#include "cli/json_object.h"

namespace fanfare::cli {
namespace {

std::string json_of(const InstanceInfo& info) {
  JsonObject topics;
  for (const auto& [topic, since] : info.topics) topics.text_or_null(topic, since);
  return JsonObject()
      .text("application", info.application)
      .text_or_null("application_version", info.application_version)
      .text_or_null("project_number", info.project_number)
      .text_or_null("platform", info.platform)
      .json("topics", topics.str())
      .str();
}

std::string text_of(const InstanceInfo& info) {
  Table table({{""}, {""}});
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) table.add({name, printable(value)});
  };
  add("application", info.application);
  add("version", info.application_version);
  add("platform", info.platform);
  add("project number", info.project_number);
  for (const auto& [topic, since] : info.topics) {
    add("topic", since.empty() ? topic : fmt::format("{} since {}", topic, since));
  }
  return table.render();
}

Result<ExitStatus> describe(Context& context, const std::string& token) {
  auto api = InstanceId::open(instance_id_options(context));
  if (!api) return std::unexpected(api.error());
  log_warnings(context, api->warnings());
  const auto info = api->describe(token);
  if (!info) return tell_failure(context, shortened(printable(token), 40), info.error());
  if (context.globals.json) {
    context.out.json_line(json_of(*info));
  } else {
    context.out.say(text_of(*info));
  }
  return ExitStatus::accepted;
}

struct ImportOptions {
  std::string bundle_id;
  bool sandbox = false;
  std::vector<std::string> tokens;
  std::string from;
};

bool is_apns_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return std::isxdigit(c) != 0; });
}

// The named ones and the file's, one a line; blank lines and # comments are left out.
Result<std::vector<std::string>> tokens_to_import(const ImportOptions& options) {
  std::vector<std::string> tokens = options.tokens;
  std::vector<std::size_t> lines(tokens.size(), 0);
  if (!options.from.empty()) {
    const auto text = read_file(options.from);
    if (!text) return std::unexpected(text.error());
    std::size_t number = 0;
    for (std::size_t begin = 0; begin < text->size();) {
      const std::size_t end = std::min(text->find('\n', begin), text->size());
      std::string line = text->substr(begin, end - begin);
      begin = end + 1;
      ++number;
      while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back())) != 0) {
        line.pop_back();
      }
      if (line.empty() || line.front() == '#') continue;
      tokens.push_back(std::move(line));
      lines.push_back(number);
    }
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (is_apns_token(tokens[i])) continue;
    const std::string where =
        lines[i] == 0 ? std::string("--apns-token") : fmt::format("{}:{}", options.from, lines[i]);
    return fail(
        Error::Kind::input,
        fmt::format("{}: \"{}\" is no APNs token", where, shortened(printable(tokens[i]), 40)),
        "write it in hexadecimal digits, without blanks or angle brackets");
  }
  if (!tokens.empty()) return tokens;
  return fail(Error::Kind::usage, "no APNs tokens to import", "give --apns-token or --from FILE");
}

Result<ExitStatus> import_apns(Context& context, const ImportOptions& options) {
  auto tokens = tokens_to_import(options);
  if (!tokens) return std::unexpected(tokens.error());
  auto api = InstanceId::open(instance_id_options(context));
  if (!api) return std::unexpected(api.error());
  log_warnings(context, api->warnings());
  std::size_t at = 0;
  std::uint64_t imported = 0;
  std::optional<Outcome> failed;
  api->import_apns_each(
      {options.bundle_id, options.sandbox},
      [&]() -> std::optional<std::string> {
        if (at == tokens->size()) return std::nullopt;
        return (*tokens)[at++];
      },
      [&](const Outcome& outcome, const ImportedToken& end) {
        if (!outcome.accepted()) failed = outcome;
        if (!end.registration.empty()) ++imported;
        const std::string status =
            outcome.accepted() ? end.status : std::string(to_string(outcome.verdict.kind));
        if (context.globals.json) {
          context.out.json_line(JsonObject()
                                    .text("apns_token", end.apns_token)
                                    .text_or_null("token", end.registration)
                                    .text("platform", "ios")
                                    .text("status", status)
                                    .str());
        } else if (!end.registration.empty()) {
          context.out.say(fmt::format("{} {}\n", end.apns_token, printable(end.registration)));
        } else {
          context.log.write(LogLevel::error,
                            fmt::format("{}: {}", end.apns_token, printable(status)));
        }
      });
  if (failed) return tell_failure(context, "import of APNs tokens", *failed);
  context.log.write(LogLevel::info, fmt::format("imported {} of {}", imported, tokens->size()));
  return imported == tokens->size() ? ExitStatus::accepted : ExitStatus::some_failed;
}

}  // namespace

void add_instance_commands(CLI::App& topics, Context& context) {
  CLI::App* info = topics.add_subcommand(
      "info", "Show what FCM knows of a token: app, version, platform, project, topics");
  auto token = std::make_shared<std::string>();
  info->add_option("TOKEN", *token, "A registration token")->required()->type_name("TOKEN");
  context.on(*info, [&context, token] { return describe(context, *token); });

  CLI::App* import = topics.add_subcommand(
      "import-apns",
      "Get FCM tokens for APNs device tokens\n\n"
      "Prints each APNs token with its FCM token. With --json the lines can be given to `devices "
      "import`. Google calls the API behind it deprecated.");
  auto options = std::make_shared<ImportOptions>();
  import->add_option("--application", options->bundle_id, "The app's bundle id")
      ->required()
      ->type_name("ID");
  import->add_flag("--sandbox", options->sandbox, "The tokens are from Apple's sandbox");
  import->add_option("--apns-token", options->tokens, "An APNs token in hexadecimal")
      ->type_name("HEX")
      ->allow_extra_args(false)
      ->take_all();
  import
      ->add_option("--from", options->from,
                   "A file of APNs tokens, one a line; - is standard input")
      ->type_name("FILE");
  context.on(*import, [&context, options] { return import_apns(context, *options); });
}

}  // namespace fanfare::cli
