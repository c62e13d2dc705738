// devices upkeep: all that a store needs from time to time, in one command for cron.
#include <csignal>
#include <memory>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/prune.h"
#include "cli/store.h"

namespace fanfare::cli {
namespace {

using registry::OpenOptions;
using registry::SilencePolicy;

struct UpkeepOptions {
  PruneOptions prune;
  std::string keep = "30d";
  std::string every;
};

struct Plan {
  SilencePolicy policy;
  std::chrono::seconds keep{};
  std::optional<std::chrono::seconds> every;
};

Result<Plan> plan_of(const UpkeepOptions& options) {
  Plan plan;
  auto policy = policy_of(options.prune);
  if (!policy) return std::unexpected(policy.error());
  plan.policy = std::move(*policy);
  const auto keep = parse_age("--keep", options.keep);
  if (!keep) return std::unexpected(keep.error());
  plan.keep = *keep;
  if (options.every.empty()) return plan;
  const auto every = parse_age("--every", options.every);
  if (!every) return std::unexpected(every.error());
  if (every->count() == 0) {
    return fail(Error::Kind::usage, "--every 0s would never rest", "write 24h, or 1s at least");
  }
  plan.every = *every;
  return plan;
}

// SIGINT and SIGTERM, seen between the steps of a round and at once while waiting.
class Stop {
 public:
  Stop() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (!error) wanted_ = true;
      timer_.cancel();
    });
  }
  [[nodiscard]] bool wanted() {
    io_.poll();
    return wanted_;
  }
  void wait_for(std::chrono::seconds span) {
    bool over = false;
    timer_.expires_after(span);
    timer_.async_wait([&over](const boost::system::error_code&) { over = true; });
    while (!over && io_.run_one() > 0) {
    }
  }

 private:
  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_{io_, SIGINT, SIGTERM};
  boost::asio::steady_timer timer_{io_};
  bool wanted_ = false;
};

// Nothing: a signal came between two steps. What is done is done, and the next round does the rest.
Result<std::optional<ExitStatus>> run_round(Context& context, const UpkeepOptions& options,
                                            const Plan& plan, Stop& stop) {
  const SystemTime now = std::chrono::system_clock::now();
  auto store = open_store(context.globals, {.mode = OpenOptions::Mode::existing});
  if (!store) return std::unexpected(store.error());
  const auto pruned = prune(context, *store, options.prune, plan.policy, now);
  if (!pruned) return std::unexpected(pruned.error());
  if (stop.wanted()) return std::nullopt;
  const auto purged = store->purge(now - plan.keep);
  if (!purged) return std::unexpected(purged.error());
  if (stop.wanted()) return std::nullopt;
  const auto tidied = store->tidy(now - plan.keep);
  if (!tidied) return std::unexpected(tidied.error());
  if (context.globals.json) {
    context.out.json_line(JsonObject()
                              .text("at", format_rfc3339(now))
                              .json("pruned", json_of(*pruned, options.prune, plan.policy))
                              .number("purged", *purged)
                              .number("probes", tidied->probes)
                              .number("retries", tidied->retries)
                              .number("list_members", tidied->list_members)
                              .str());
  } else {
    context.out.say(
        text_of(*pruned, options.prune, plan.policy) +
        fmt::format("{} forgotten after {}\n", counted(*purged, "retired device"), options.keep) +
        fmt::format("{} and {} of old campaigns dropped\n", counted(tidied->probes, "probe"),
                    counted(tidied->retries + tidied->list_members, "row")));
  }
  return status_of(*pruned);
}

Result<ExitStatus> upkeep(Context& context, const UpkeepOptions& options) {
  const auto plan = plan_of(options);
  if (!plan) return std::unexpected(plan.error());
  Stop stop;
  // The first round's trouble ends the command: the path or an option is wrong. Later the store may
  // be locked or the network down for a while.
  for (bool first = true;; first = false) {
    const auto status = run_round(context, options, *plan, stop);
    if (!status && (first || !plan->every)) return std::unexpected(status.error());
    if (!status) context.log.write(LogLevel::error, status.error().what);
    if (!plan->every) return (*status).value_or(ExitStatus::interrupted);
    if (const auto written = context.out.finish(); !written) {
      return std::unexpected(written.error());
    }
    if (!stop.wanted()) stop.wait_for(*plan->every);
    if (stop.wanted()) return ExitStatus::accepted;
  }
}

}  // namespace

void add_device_rounds(CLI::App& devices, Context& context) {
  CLI::App* command = devices.add_subcommand(
      "upkeep",
      "Do all that a store needs from time to time\n\n"
      "Prunes by policy, forgets the devices that were retired long ago, and drops what old "
      "campaigns left. For cron, or with --every on its own.");
  command->footer(
      "Examples:\n"
      "  fanfare devices upkeep\n"
      "  fanfare devices upkeep --policy android=270d,web=90d --keep 30d --every 24h\n");
  auto options = std::make_shared<UpkeepOptions>();
  add_policy_options(*command, options->prune);
  command
      ->add_option("--keep", options->keep,
                   "How long retired devices and their history are kept; without it 30d")
      ->type_name("AGE");
  command
      ->add_option("--every", options->every,
                   "Stay, and do it again each time this has passed, until SIGTERM or Ctrl-C")
      ->type_name("AGE");
  context.on(*command, [&context, options] { return upkeep(context, *options); });
}

}  // namespace fanfare::cli
