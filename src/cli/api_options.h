// What the commands that ask FCM's other APIs share: how the global options reach them, and how a
// call that failed is told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fanfare/client.h"

#include "cli/app.h"

namespace fanfare::cli {

/// Credentials, project, endpoint and trust of the global options; warnings go to the log.
[[nodiscard]] ClientOptions client_options(Context& context);

/// The same with the endpoint of the Instance ID API: --iid-endpoint, else --endpoint.
[[nodiscard]] ClientOptions instance_id_options(Context& context);

/// Logs what a client says about its credentials.
void log_warnings(Context& context, const std::vector<std::string>& warnings);

/// Logs why `subject` failed, with the rule's remedy, and says with which status to end.
[[nodiscard]] ExitStatus tell_failure(Context& context, std::string_view subject,
                                      const Outcome& outcome);

/// Whether a verdict stands in the way of all that follows.
[[nodiscard]] bool blocks(const Verdict& verdict) noexcept;

}  // namespace fanfare::cli
