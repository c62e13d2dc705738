// From what FCM answered to the lines of a preflight: pure, so that each fault can be tested.
#pragma once

#include <vector>

#include "fanfare/preflight.h"

#include "base/time_text.h"

namespace fanfare::client {

/// network, oauth, clock, api and iam, from the outcome of a dry run of an empty message. Lines
/// behind the one that failed are skipped: FCM says one thing at a time.
[[nodiscard]] std::vector<PreflightLine> access_lines(const Outcome& outcome, bool with_token);

/// This machine's clock against the Date of an answer that came at `received_at`.
[[nodiscard]] PreflightLine clock_line(std::string_view date, SystemTime received_at);

/// dry_run, from the outcome of the message itself.
[[nodiscard]] PreflightLine dry_run_line(const Outcome& outcome);

}  // namespace fanfare::client
