// status: what the gateway's store says of its messages, whether the gateway runs or not.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/json_object.h"
#include "cli/serve.h"
#include "queue/campaigns.h"
#include "queue/messages.h"

namespace fanfare::cli {
namespace {

Result<ExitStatus> status(Context& context) {
  auto path = queue_file(context.globals);
  if (!path) return std::unexpected(std::move(path).error());
  auto store = queue::Store::open(*path, {.mode = queue::StoreOptions::Mode::read});
  if (!store) return std::unexpected(std::move(store).error());
  std::map<std::string, queue::Books> books;
  std::vector<queue::CampaignRecord> open;
  const auto looked = (*store)->look([&] {
    books = queue::Messages(**store).stored_books();
    open = queue::Campaigns(**store).open();
  });
  if (!looked) return std::unexpected(looked.error());
  bool balance = true;
  Table table({{"project"},
               {"accepted", Table::Align::right},
               {"waiting", Table::Align::right},
               {"in flight", Table::Align::right},
               {"delivered", Table::Align::right},
               {"failed", Table::Align::right},
               {"books"}});
  for (const auto& [project, each] : books) {
    balance = balance && each.balance();
    if (context.globals.json) {
      JsonObject line;
      line.text("project", project);
      line.number("accepted", each.accepted);
      for (std::size_t i = 0; i < queue::state_count; ++i) {
        line.number(to_string(static_cast<queue::State>(i)), each.in[i]);
      }
      line.boolean("balance", each.balance());
      context.out.json_line(line.str());
      continue;
    }
    using queue::State;
    table.add({printable(project), grouped(each.accepted), grouped(each.of(State::waiting)),
               grouped(each.of(State::in_flight)), grouped(each.of(State::delivered)),
               grouped(each.of(State::rejected) + each.of(State::dropped) +
                       each.of(State::expired) + each.of(State::unknown)),
               each.balance() ? "balance" : "DO NOT BALANCE"});
  }
  if (!context.globals.json) {
    context.out.say(books.empty() ? "no message was accepted yet\n" : table.render());
    for (const queue::CampaignRecord& campaign : open) {
      context.out.say(fmt::format(
          "campaign {} of {}: {}, {} of {}\n", queue::format_campaign_id(campaign.id),
          printable(campaign.project), to_string(campaign.state),
          grouped(campaign.accepted + campaign.retired + campaign.failed + campaign.unknown),
          counted(campaign.audience_count, "device")));
    }
  }
  return balance ? ExitStatus::accepted : ExitStatus::some_failed;
}

}  // namespace

void add_status(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "status", "Show the gateway's books: what was accepted and what became of it");
  command->group("Sending");
  context.on(*command, [&context] { return status(context); });
}

}  // namespace fanfare::cli
