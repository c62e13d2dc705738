// keys: who may call the gateway. For the first key, and for a gateway that does not run; a running
// one owns its store, and is asked over its API.
#include "queue/keys.h"

#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/time_text.h"
#include "cli/commands.h"
#include "cli/json_object.h"
#include "cli/serve.h"
#include "cli/store.h"

namespace fanfare::cli {
namespace {

struct AddOptions {
  std::string name;
  std::vector<std::string> scopes;
  std::vector<std::string> projects;
  std::uint32_t requests_per_second = 0;
  std::string expires_in;
};

Result<std::unique_ptr<queue::Store>> open_queue(const Globals& globals, bool to_write) {
  auto path = queue_file(globals);
  if (!path) return std::unexpected(std::move(path).error());
  using Mode = queue::StoreOptions::Mode;
  return queue::Store::open(*path, {.mode = to_write ? Mode::own : Mode::read});
}

void write_down(queue::Store& store, const std::string& action, const std::string& target) {
  queue::Audit(store).add({.at = std::chrono::system_clock::now(),
                           .actor = "command",
                           .action = action,
                           .project = {},
                           .target = target,
                           .detail = {},
                           .request_id = {}});
}

Result<ExitStatus> add(Context& context, const AddOptions& options) {
  queue::ApiKey key{.id = {},
                    .name = options.name,
                    .scopes = {},
                    .projects = options.projects,
                    .requests_per_second = options.requests_per_second,
                    .expires = {},
                    .revoked = {}};
  for (const std::string& name : options.scopes) {
    const auto scope = queue::parse_scope(name);
    if (!scope) {
      return fail(Error::Kind::usage, fmt::format("'{}' is no scope", name),
                  "write send, read, devices, campaigns or admin");
    }
    key.scopes.push_back(*scope);
  }
  if (!options.expires_in.empty()) {
    const auto span = parse_span(options.expires_in);
    if (!span) {
      return fail(Error::Kind::usage, fmt::format("'{}' is no span of time", options.expires_in),
                  "write 12h or 90d");
    }
    key.expires = std::chrono::system_clock::now() + *span;
  }
  if (auto sound = queue::check_projects(key.projects); !sound) {
    return std::unexpected(std::move(sound).error());
  }
  auto store = open_queue(context.globals, true);
  if (!store) return std::unexpected(std::move(store).error());
  Secret secret;
  const auto added = (*store)->transact([&] {
    secret = queue::Keys(**store).add(key, std::chrono::system_clock::now());
    write_down(**store, "key.create", key.name);
  });
  if (!added) return std::unexpected(added.error());
  if (context.globals.json) {
    JsonObject line;
    line.text("id", key.id).text("key", secret.reveal());
    context.out.json_line(line.str());
  } else {
    context.out.say(fmt::format("{}\n", secret.reveal()));
    context.log.write(LogLevel::warning, "this is shown once; only its hash is kept");
  }
  return ExitStatus::accepted;
}

std::string_view state_of(const queue::ApiKey& key) {
  if (key.revoked) return "revoked";
  return key.expires && *key.expires <= std::chrono::system_clock::now() ? "expired" : "valid";
}

Result<ExitStatus> list(Context& context) {
  auto store = open_queue(context.globals, false);
  if (!store) return std::unexpected(std::move(store).error());
  std::vector<queue::ApiKey> keys;
  const auto looked = (*store)->look([&] { keys = queue::Keys(**store).all(); });
  if (!looked) return std::unexpected(looked.error());
  Table table({{"id"}, {"name"}, {"scopes"}, {"projects"}, {"created"}, {"state"}});
  for (const queue::ApiKey& key : keys) {
    std::string scopes;
    for (const queue::Scope scope : key.scopes) {
      scopes += (scopes.empty() ? "" : ",") + std::string(to_string(scope));
    }
    const std::string projects = fmt::format("{}", fmt::join(key.projects, ","));
    if (context.globals.json) {
      context.out.json_line(JsonObject()
                                .text("id", key.id)
                                .text("name", key.name)
                                .text("scopes", scopes)
                                .text_or_null("projects", projects)
                                .text("created", format_rfc3339(key.created))
                                .text("state", state_of(key))
                                .str());
      continue;
    }
    table.add({key.id, printable(key.name), scopes, projects.empty() ? "all" : projects,
               format_rfc3339(key.created), std::string(state_of(key))});
  }
  if (context.globals.json) return ExitStatus::accepted;
  context.out.say(keys.empty() ? "there is no key\n" : table.render());
  return ExitStatus::accepted;
}

Result<ExitStatus> revoke(Context& context, const std::string& id) {
  auto store = open_queue(context.globals, true);
  if (!store) return std::unexpected(std::move(store).error());
  bool revoked = false;
  const auto done = (*store)->transact([&] {
    revoked = queue::Keys(**store).revoke(id, std::chrono::system_clock::now());
    if (revoked) write_down(**store, "key.revoke", id);
  });
  if (!done) return std::unexpected(done.error());
  context.out.say(revoked ? "revoked\n" : "there is no valid key of this id\n");
  return revoked ? ExitStatus::accepted : ExitStatus::some_failed;
}

}  // namespace

void add_keys(CLI::App& root, Context& context) {
  CLI::App* keys = root.add_subcommand(
      "keys",
      "API keys of the gateway, while it does not run\n\nA running gateway owns its store: ask "
      "POST /v1/keys there.");
  keys->group("Sending");
  keys->require_subcommand(1);
  auto options = std::make_shared<AddOptions>();
  CLI::App* adding = keys->add_subcommand("add", "Make a key and show it, once");
  adding->add_option("--name", options->name, "What it is for")->required()->type_name("TEXT");
  adding
      ->add_option("--scope", options->scopes,
                   "What it may do: send, read, devices, campaigns, admin; repeatable")
      ->required()
      ->type_name("SCOPE");
  adding->add_option("--for-project", options->projects, "Only for this project; repeatable")
      ->type_name("ID");
  adding->add_option("--requests-per-second", options->requests_per_second, "At most; 0: no limit")
      ->type_name("N");
  adding->add_option("--expires-in", options->expires_in, "Until then it is good, such as 90d")
      ->type_name("SPAN");
  context.on(*adding, [&context, options] { return add(context, *options); });
  CLI::App* listing = keys->add_subcommand("list", "Show the keys, without their secrets");
  context.on(*listing, [&context] { return list(context); });
  auto id = std::make_shared<std::string>();
  CLI::App* revoking = keys->add_subcommand("revoke", "Make a key invalid");
  revoking->add_option("ID", *id, "As 'keys list' shows it")->required();
  context.on(*revoking, [&context, id] { return revoke(context, *id); });
}

}  // namespace fanfare::cli
