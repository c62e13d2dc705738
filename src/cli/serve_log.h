// The gateway's log on standard error: a line an event, as text for people or as JSON for machines.
#pragma once

#include <string>

#include "cli/output.h"
#include "gateway/gateway.h"

namespace fanfare::cli {

/// "2026-11-26T10:00:00Z warning breaker project=demo scope=oauth\n", or the same as a JSON object.
[[nodiscard]] std::string render(const gateway::LogEntry& entry, SystemTime now, bool json);
[[nodiscard]] LogLevel level_of(const gateway::LogEntry& entry) noexcept;

}  // namespace fanfare::cli
