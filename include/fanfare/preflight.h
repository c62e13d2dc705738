// fanfare::preflight: what would stop a send, found before it begins. Nothing is delivered: FCM is
// asked with validate_only.
//
//   for (const PreflightLine& line : preflight(options, message, target))
//     if (line.state == PreflightLine::State::failed) … line.what, line.remedy
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/client.h"
#include "fanfare/message.h"
#include "fanfare/target.h"

namespace fanfare {

/// One line of the checklist.
struct PreflightLine {
  /// How it came out.
  enum class State : std::uint8_t {
    passed,
    warned,   ///< It may go, but a person should look.
    failed,   ///< A send would be stopped by this.
    skipped,  ///< Not known: something before it failed, or there was nothing to check.
  };
  /// What was checked, in this order: "credentials", "network", "oauth", "clock", "api", "iam",
  /// "message" (several lines when several things are found), "dry_run". Static storage.
  std::string_view check;
  State state = State::passed;  ///< How it came out.
  std::string what;             ///< One sentence for people.
  std::string remedy;           ///< What to do about it; empty when there is nothing to do.
  std::string_view rule;        ///< Of the verdict or finding behind it; empty: none.
};

/// "passed", "warned", "failed", "skipped".
[[nodiscard]] std::string_view to_string(PreflightLine::State state) noexcept;

/// Reads the credentials, gets an access token and asks FCM about an empty message: key file, its
/// permissions, OAuth, clock, API, IAM. With a message its local checks follow, and FCM is asked
/// about it for `target`, of which nothing is delivered; without a target, or for a dead one, a
/// topic that nobody needs to be subscribed to stands in. Findings of
/// `ignored_rules` ("check.…") are left out. Three requests at most, none repeated. Blocks.
[[nodiscard]] std::vector<PreflightLine> preflight(
    const ClientOptions& options, const std::optional<Message>& message = std::nullopt,
    const std::optional<Target>& target = std::nullopt,
    const std::vector<std::string>& ignored_rules = {});

}  // namespace fanfare
