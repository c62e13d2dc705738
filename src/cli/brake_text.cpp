#include "cli/brake_text.h"

#include <fmt/format.h>

#include "cli/json_object.h"
#include "cli/output.h"

namespace fanfare::cli {

std::string brake_json(const registry::BrakeState& brake) {
  const registry::BrakeReason& why = brake.why;
  JsonObject reason;
  reason.json("share", fmt::format("{:.4f}", why.share))
      .json("limit", fmt::format("{:.4f}", why.limit))
      .number("dead", why.dead)
      .number("answers", why.answers);
  if (!why.canary.empty()) reason.text("canary", why.canary);
  return JsonObject()
      .text_or_null("project", brake.project)
      .text_or_null("platform", brake.platform)
      .text("rule", brake.rule)
      .number("campaign", brake.campaign)
      .text("since", format_rfc3339(brake.since))
      .text_or_null("over", brake.over ? format_rfc3339(*brake.over) : "")
      .number("suspects", brake.suspects)
      .json("why", reason.str())
      .str();
}

std::string brake_reason(const registry::BrakeReason& why) {
  if (!why.canary.empty()) {
    return fmt::format("the canary {} was called dead", shortened(printable(why.canary), 40));
  }
  if (why.answers == 0) return "too many were called dead";
  return fmt::format("{:.1f} % of {} were deaths, the limit is {:.1f} %", 100 * why.share,
                     counted(why.answers, "answer"), 100 * why.limit);
}

std::string brake_platform(const std::string& platform) {
  if (platform.empty()) return "unknown platform";
  return platform == registry::every_platform ? "every platform" : printable(platform);
}

}  // namespace fanfare::cli
