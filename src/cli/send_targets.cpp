// Sending to targets that were named on the command line: no store, the public client.
#include <fmt/format.h>

#include "cli/sending.h"
#include "delivery/ledger.h"
#include "delivery/report.h"

namespace fanfare::cli {
namespace {

void enter(const Outcome& outcome, delivery::Summary& summary) {
  auto& counts = summary.counts;
  const Verdict& verdict = outcome.verdict;
  const bool held = verdict.kind == VerdictKind::project_blocked ||
                    verdict.kind == VerdictKind::platform_blocked ||
                    verdict.kind == VerdictKind::unsent;  // FCM can't be reached.
  ++counts.by_rule[std::string(verdict.rule)];
  if (outcome.attempts > 1) counts.retries += static_cast<std::uint64_t>(outcome.attempts - 1);
  if (held) {
    ++summary.held;
    if (summary.holds.empty()) {
      client::Hold hold;
      hold.scope = verdict.kind == VerdictKind::platform_blocked ? client::Hold::Scope::platform
                                                                 : client::Hold::Scope::project;
      hold.attempt = {outcome.answer, verdict};
      summary.holds.push_back(std::move(hold));
    }
    return;
  }
  switch (delivery::fate_of(verdict.kind)) {
    case delivery::Fate::accepted:
      ++counts.accepted;
      break;
    case delivery::Fate::retired:
      ++counts.retired;
      break;
    case delivery::Fate::unknown:
      ++counts.unknown;
      break;
    case delivery::Fate::failed:
      ++counts.failed;
      break;
  }
  if (verdict.kind == VerdictKind::message_invalid) summary.message_fault = verdict;
}

// FCM's name of an accepted message, else what became of it.
std::string line_for(const Outcome& outcome) {
  const Verdict& verdict = outcome.verdict;
  if (!verdict.name.empty()) return printable(verdict.name) + "\n";
  return fmt::format("{} {}: {} ({}){}{}\n", to_string(outcome.target.kind),
                     shortened(printable(outcome.target.value), 40), to_string(verdict.kind),
                     verdict.rule, verdict.text.empty() ? "" : ": ", printable(verdict.text));
}

}  // namespace

Result<delivery::Summary> send_to_targets(Context& context, const SendOptions& options,
                                          const SendPlan& plan) {
  std::optional<delivery::Report> report;
  if (!options.report_file.empty()) {
    auto opened = delivery::Report::open(options.report_file, 0);
    if (!opened) return std::unexpected(opened.error());
    report.emplace(std::move(*opened));
  }
  auto client = Client::open(plan.client);
  if (!client) return std::unexpected(client.error());

  delivery::Summary summary;
  const auto begun = std::chrono::steady_clock::now();
  std::size_t next = 0;
  const auto next_target = [&]() -> std::optional<Target> {
    if (next == plan.targets.size()) return std::nullopt;
    return plan.targets[next++];
  };
  const auto note = [&](const Outcome& outcome) {
    enter(outcome, summary);
    if (report) {
      report->add(outcome.target, outcome.verdict, outcome.answer.status, outcome.attempts);
    }
    if (!context.globals.json) context.out.say(line_for(outcome));
  };
  client->send_each(*plan.message, next_target, note, plan.priority);
  summary.duration = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begun);
  if (report) {
    if (auto flushed = report->flush(); !flushed) return std::unexpected(flushed.error());
  }
  return summary;
}

}  // namespace fanfare::cli
