// What check_message() found, as the command shows it: check-message, and send before it sends.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "fanfare/check.h"
#include "fanfare/result.h"

#include "cli/output.h"

namespace CLI {
class App;
}

namespace fanfare::cli {

/// Takes out the findings of these rules, as the caller knows better. Error::Kind::usage for a rule
/// that does not exist.
[[nodiscard]] Result<void> ignore_rules(std::vector<Finding>& findings,
                                        const std::vector<std::string>& rules);

/// The option --ignore, for those rules.
void declare_ignored_rules(CLI::App& command, std::vector<std::string>& rules);

/// {"sendable","faults","warnings","size":{"android_bytes","apns_bytes","webpush_bytes",
/// "limit_bytes"},"findings":[{"severity","rule","path","what","remedy"}]}
[[nodiscard]] std::string findings_json(std::span<const Finding> findings, const SizeEstimate& size,
                                        TargetKind kind);

/// "fault    PATH: WHAT (RULE)" and the remedy on the next line, for each.
[[nodiscard]] std::string findings_text(std::span<const Finding> findings);

/// "2 faults, 1 warning"; "no fault" when there is nothing.
[[nodiscard]] std::string findings_counts(std::span<const Finding> findings);

/// A line for each with its remedy below, on stderr: faults as errors, warnings as warnings.
void log_findings(std::span<const Finding> findings, Log& log);

}  // namespace fanfare::cli
