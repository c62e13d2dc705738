#include "cli/findings.h"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/json_object.h"
#include "fcm/check_rules.h"

namespace fanfare::cli {
namespace {

std::size_t count_of(std::span<const Finding> findings, Severity severity) {
  return static_cast<std::size_t>(std::ranges::count(findings, severity, &Finding::severity));
}

// Paths and sentences may quote the message, which may come from anybody.
std::string sentence(const Finding& finding) {
  return fmt::format("{}{}{} ({})", printable(finding.path), finding.path.empty() ? "" : ": ",
                     printable(finding.what), finding.rule);
}

std::string size_json(const SizeEstimate& size, TargetKind kind) {
  return JsonObject()
      .number("android_bytes", size.android_bytes)
      .number("apns_bytes", size.apns_bytes)
      .number("webpush_bytes", size.webpush_bytes)
      .number("limit_bytes", payload_limit_bytes(kind))
      .str();
}

}  // namespace

Result<void> ignore_rules(std::vector<Finding>& findings, const std::vector<std::string>& rules) {
  for (const std::string& rule : rules) {
    if (std::ranges::find(fcm::check_table, rule, &fcm::CheckRule::id) == fcm::check_table.end()) {
      return fail(Error::Kind::usage, fmt::format("there is no check {}", printable(rule)),
                  "the findings show their rules in parentheses; docs/checks.md lists them all");
    }
    std::erase_if(findings, [&](const Finding& finding) { return finding.rule == rule; });
  }
  return {};
}

void declare_ignored_rules(CLI::App& command, std::vector<std::string>& rules) {
  command.add_option("--ignore", rules, "Leave out what a check finds, by its rule")
      ->type_name("RULE")
      ->allow_extra_args(false)
      ->take_all();
}

std::string findings_json(std::span<const Finding> findings, const SizeEstimate& size,
                          TargetKind kind) {
  std::string list = "[";
  for (const Finding& finding : findings) {
    if (list.size() > 1) list += ',';
    list += JsonObject()
                .text("severity", to_string(finding.severity))
                .text("rule", finding.rule)
                .text("path", finding.path)
                .text("what", finding.what)
                .text("remedy", finding.remedy)
                .str();
  }
  const std::size_t faults = count_of(findings, Severity::fault);
  return JsonObject()
      .boolean("sendable", faults == 0)
      .number("faults", faults)
      .number("warnings", count_of(findings, Severity::warning))
      .json("size", size_json(size, kind))
      .json("findings", list + "]")
      .str();
}

std::string findings_text(std::span<const Finding> findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += fmt::format("{:<9}{}\n{:9}{}\n", to_string(finding.severity), sentence(finding), "",
                        printable(finding.remedy));
  }
  return text;
}

std::string findings_counts(std::span<const Finding> findings) {
  const std::size_t faults = count_of(findings, Severity::fault);
  const std::size_t warnings = count_of(findings, Severity::warning);
  std::string text = faults == 0 ? "no fault" : counted(faults, "fault");
  if (warnings > 0) text += ", " + counted(warnings, "warning");
  return text;
}

void log_findings(std::span<const Finding> findings, Log& log) {
  for (const Finding& finding : findings) {
    log.write(finding.severity == Severity::fault ? LogLevel::error : LogLevel::warning,
              fmt::format("{}\n  {}", sentence(finding), printable(finding.remedy)));
  }
}

}  // namespace fanfare::cli
