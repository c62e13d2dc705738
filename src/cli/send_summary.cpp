// How a send ended, for programs and for people.
#include <fmt/format.h>

#include "cli/brake_text.h"
#include "cli/json_object.h"
#include "cli/output.h"
#include "cli/sending.h"
#include "fcm/rules.h"

namespace fanfare::cli {
namespace {

std::string scope_of(const client::Hold& hold) {
  if (hold.scope == client::Hold::Scope::project) return "project";
  return hold.platform.empty() ? "platform unknown" : "platform " + hold.platform;
}

std::string blocked_json(const delivery::Summary& summary) {
  std::string list = "[";
  for (const auto& hold : summary.holds) {
    const Verdict& verdict = hold.attempt.verdict;
    if (list.size() > 1) list += ',';
    list += JsonObject()
                .text("scope", scope_of(hold))
                .text("verdict", to_string(verdict.kind))
                .text("rule", verdict.rule)
                .text("text", verdict.text)
                .text_or_null("remedy", fcm::remedy_for(verdict.rule))
                .str();
  }
  return list + "]";
}

void append_reason(std::string& out, const Verdict& verdict) {
  const fcm::Rule* rule = fcm::find_rule(verdict.rule);
  if (rule != nullptr) out += fmt::format("  {} ({})\n", rule->summary, rule->id);
  if (!verdict.text.empty()) out += fmt::format("  FCM says: {}\n", printable(verdict.text));
  if (!verdict.field.empty()) out += fmt::format("  field: {}\n", printable(verdict.field));
  const std::string_view remedy = fcm::remedy_for(verdict.rule);
  if (!remedy.empty()) out += fmt::format("  {}\n", remedy);
}

// "brake" has been there before there were several.
void append_brakes(JsonObject& object, const delivery::Summary& summary) {
  std::string list;
  for (const auto& brake : summary.brakes) {
    if (brake.over) continue;
    if (list.empty()) object.text("brake", brake.rule);
    list += (list.empty() ? "[" : ",") + brake_json(brake);
  }
  if (!list.empty()) object.json("brakes", list + "]");
}

}  // namespace

std::string summary_json(const delivery::Summary& summary) {
  const auto& counts = summary.counts;
  JsonObject object;
  object.number("accepted", counts.accepted)
      .number("retired", counts.retired)
      .number("failed", counts.failed)
      .number("unknown", counts.unknown)
      .number("retries", counts.retries)
      .number("held", summary.held)
      .json("duration_s",
            fmt::format("{:.3f}", static_cast<double>(summary.duration.count()) / 1e3));
  JsonObject by_rule;
  for (const auto& [rule, count] : counts.by_rule) by_rule.number(rule, count);
  object.json("by_rule", by_rule.str());
  if (!summary.holds.empty()) object.json("blocked", blocked_json(summary));
  if (summary.message_fault) {
    object.json("message_fault", JsonObject()
                                     .text("rule", summary.message_fault->rule)
                                     .text_or_null("field", summary.message_fault->field)
                                     .text("text", summary.message_fault->text)
                                     .str());
  }
  append_brakes(object, summary);
  return object.str();
}

std::string summary_text(const delivery::Summary& summary, bool kept) {
  const auto& counts = summary.counts;
  Table table({{""}, {"", Table::Align::right}});
  const auto row = [&](const char* name, std::uint64_t count) {
    if (count > 0) table.add({name, grouped(count)});
  };
  table.add({"accepted", grouped(counts.accepted)});
  row("retired", counts.retired);
  row("failed", counts.failed);
  row("outcome unknown", counts.unknown);
  row("held", summary.held);
  row("retries on the way", counts.retries);
  for (const auto& [rule, count] : counts.by_rule) {
    if (!rule.starts_with("send.")) table.add({"  " + rule, grouped(count)});
  }
  const double seconds = static_cast<double>(summary.duration.count()) / 1e3;
  std::string out = table.render() + fmt::format("in {:.1f} s\n", seconds);

  if (summary.message_fault) {
    out += "the message is wrong for everyone, so the send was stopped; no device was touched:\n";
    append_reason(out, *summary.message_fault);
  }
  for (const auto& hold : summary.holds) {
    out += fmt::format("blocked ({}); {} held, none was retired for it:\n", scope_of(hold),
                       counted(summary.held, "device"));
    append_reason(out, hold.attempt.verdict);
  }
  for (const auto& brake : summary.brakes) {
    if (brake.over) continue;
    out += fmt::format(
        "the brake is on for {} on {}: {}\n"
        "  {} may live and stay. Look into it; the next sends ask them again, or say\n"
        "  'fanfare devices brake release' or 'confirm'.\n",
        brake.rule, brake_platform(brake.platform), brake_reason(brake.why),
        counted(brake.suspects, "suspect"));
  }
  if (summary.deadline_passed) out += "the deadline passed; the rest was not sent\n";
  if (summary.held > 0 && !summary.deadline_passed) {
    out +=
        kept ? "go on with the same command and --resume\n"
             : "nothing is kept of this send, so that it can't be resumed: the same command sends "
               "to\n"
               "  all again. --report says who was reached; a send with --store can be resumed.\n";
  }
  return out;
}

}  // namespace fanfare::cli
