// The preflight of a send: what the library checks, and what only the command knows: how many
// devices there are and how long they take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/preflight.h"
#include "fanfare/result.h"

#include "cli/app.h"
#include "cli/sending.h"
#include "registry/registry.h"

namespace fanfare::cli {

struct Survey {
  bool asked = false;  ///< Receivers were named.
  std::uint64_t devices = 0;
  std::uint64_t bad_lines = 0;                      ///< Of a file.
  std::optional<Target> first = {};                 ///< Who may stand for all in a dry run.
  std::optional<registry::Audience> audience = {};  ///< Of the store.
};

/// Counts the receivers of a plan: named ones, a file's lines, or an audience of the store.
[[nodiscard]] Result<Survey> survey_receivers(const Context& context, const SendOptions& options,
                                              const SendPlan& plan);

/// The whole checklist. Delivers nothing.
[[nodiscard]] std::vector<PreflightLine> preflight_send(const SendOptions& options,
                                                        const SendPlan& plan, const Survey& survey);

/// accepted when no line failed; some_failed when the message is at fault alone; else blocked.
[[nodiscard]] ExitStatus preflight_status(const std::vector<PreflightLine>& lines) noexcept;

/// Whether the line is about the message and not about the way to FCM.
[[nodiscard]] bool concerns_message(const PreflightLine& line) noexcept;

/// What failed as errors, warnings as warnings, the rest as information.
void log_preflight(Log& log, const std::vector<PreflightLine>& lines);

}  // namespace fanfare::cli
