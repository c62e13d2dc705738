// groups: create device groups, change who is in them, ask for their key.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fanfare/device_groups.h"

#include "cli/api_options.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/json_object.h"
#include "fcm/group_calls.h"

namespace fanfare::cli {
namespace {

struct GroupOptions {
  std::string name;
  std::string key;
  std::string sender_id;
  std::vector<std::string> tokens;
};

Result<DeviceGroups> open_groups(Context& context, const GroupOptions& options) {
  auto groups = DeviceGroups::open(client_options(context), options.sender_id);
  if (groups) log_warnings(context, groups->warnings());
  return groups;
}

Result<ExitStatus> show(Context& context, const GroupOptions& options,
                        const Reply<std::string>& key) {
  const auto name = options.name.empty() ? std::string("the group") : printable(options.name);
  if (!key) return tell_failure(context, name, key.error());
  if (context.globals.json) {
    context.out.json_line(
        JsonObject().text_or_null("name", options.name).text("notification_key", *key).str());
  } else {
    context.out.say(fmt::format("{}\n", printable(*key)));
  }
  return ExitStatus::accepted;
}

Result<ExitStatus> create(Context& context, const GroupOptions& options) {
  if (options.tokens.size() > fcm::max_group_members) {
    return fail(Error::Kind::usage, fmt::format("{} devices for one group", options.tokens.size()),
                fmt::format("a group has at most {}", fcm::max_group_members));
  }
  auto groups = open_groups(context, options);
  if (!groups) return std::unexpected(groups.error());
  return show(context, options, groups->create(options.name, options.tokens));
}

Result<ExitStatus> retrieve(Context& context, const GroupOptions& options) {
  auto groups = open_groups(context, options);
  if (!groups) return std::unexpected(groups.error());
  return show(context, options, groups->find(options.name));
}

// Without a key it is asked for by the name.
Result<ExitStatus> change(Context& context, const GroupOptions& options, fcm::GroupDeed deed) {
  if (options.name.empty() && options.key.empty()) {
    return fail(Error::Kind::usage, "no group named", "give its NAME, its --key, or both");
  }
  auto groups = open_groups(context, options);
  if (!groups) return std::unexpected(groups.error());
  std::string key = options.key;
  if (key.empty()) {
    auto found = groups->find(options.name);
    if (!found) return show(context, options, found);
    key = *std::move(found);
  }
  return show(context, options,
              deed == fcm::GroupDeed::add ? groups->add(options.name, key, options.tokens)
                                          : groups->remove(options.name, key, options.tokens));
}

CLI::App* add_command(CLI::App& groups, const char* name, const char* help,
                      const std::shared_ptr<GroupOptions>& options) {
  CLI::App* command = groups.add_subcommand(name, help);
  command
      ->add_option("--sender-id", options->sender_id,
                   "The project's number: Firebase console, Project settings, Cloud Messaging")
      ->required()
      ->type_name("N");
  return command;
}

void add_tokens(CLI::App& command, GroupOptions& options) {
  command.add_option("--token", options.tokens, "A registration token")
      ->required()
      ->type_name("TOKEN")
      ->allow_extra_args(false)
      ->take_all();
}

void add_change(CLI::App& groups, Context& context, fcm::GroupDeed deed) {
  const bool add = deed == fcm::GroupDeed::add;
  auto options = std::make_shared<GroupOptions>();
  CLI::App* command =
      add ? add_command(groups, "add", "Add devices to a group", options)
          : add_command(groups, "remove",
                        "Remove devices from a group, which ends with its last one", options);
  command->add_option("NAME", options->name, "The group's name")->type_name("NAME");
  command
      ->add_option("--key", options->key,
                   "Its notification key; without it FCM is asked for it by the name")
      ->type_name("KEY");
  add_tokens(*command, *options);
  context.on(*command, [&context, options, deed] { return change(context, *options, deed); });
}

}  // namespace

void add_groups(CLI::App& root, Context& context) {
  CLI::App* groups = root.add_subcommand(
      "groups",
      "Manage device groups: one key for all devices of a user\n\n"
      "A group has up to 20 registration tokens. Its notification key, which each command prints, "
      "is sent to like a token: fanfare send --token KEY.");
  groups->group("Devices");
  groups->require_subcommand(0, 1);
  groups->footer(
      "Examples:\n"
      "  fanfare groups create user-42 --sender-id 123456789012 --token A --token B\n"
      "  fanfare groups add user-42 --sender-id 123456789012 --token C\n"
      "  fanfare groups retrieve user-42 --sender-id 123456789012\n");
  auto created = std::make_shared<GroupOptions>();
  CLI::App* creating = add_command(*groups, "create", "Create a group of devices", created);
  creating->add_option("NAME", created->name, "A name that no other group of the project has")
      ->required()
      ->type_name("NAME");
  add_tokens(*creating, *created);
  context.on(*creating, [&context, created] { return create(context, *created); });
  add_change(*groups, context, fcm::GroupDeed::add);
  add_change(*groups, context, fcm::GroupDeed::remove);
  auto asked = std::make_shared<GroupOptions>();
  CLI::App* asking = add_command(*groups, "retrieve", "Print a group's notification key", asked);
  asking->add_option("NAME", asked->name, "The group's name")->required()->type_name("NAME");
  context.on(*asking, [&context, asked] { return retrieve(context, *asked); });
}

}  // namespace fanfare::cli
