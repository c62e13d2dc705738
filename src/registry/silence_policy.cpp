#include "registry/silence_policy.h"

#include <fmt/format.h>

#include "registry/device.h"

namespace fanfare::registry {
namespace {

using Span = SilencePolicy::Span;

std::unexpected<Error> refuse(std::string_view part) {
  return fail(Error::Kind::usage, fmt::format("can't read '{}' in the policy", part),
              "write a platform and its limit for each, such as "
              "android=270d,ios=180d,web=90d,other=never");
}

// Outside: not readable. Inside: no limit.
std::optional<std::optional<Span>> parse_limit(std::string_view text) {
  if (text == "never") return std::optional<Span>();
  const auto span = parse_span(text);
  if (!span) return std::nullopt;
  return std::optional<Span>(*span);
}

std::string limit_text(const std::optional<Span>& limit) {
  if (!limit) return "never";
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*limit).count();
  constexpr std::int64_t day = 86'400;
  return seconds % day == 0 ? fmt::format("{}d", seconds / day) : fmt::format("{}s", seconds);
}

}  // namespace

std::optional<Span> SilencePolicy::limit_of(const std::string& platform) const {
  const auto named = limits.find(platform);
  return named == limits.end() ? other : named->second;
}

SilencePolicy default_silence_policy() {
  SilencePolicy policy;
  policy.limits.emplace("android", std::chrono::days(270));
  policy.warn = std::chrono::days(60);
  return policy;
}

Result<SilencePolicy> parse_silence_policy(std::string_view text) {
  SilencePolicy policy = default_silence_policy();
  if (trim(text) == "default") return policy;
  policy.limits.clear();
  bool other_named = false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view part = trim(text.substr(begin, end - begin));
    begin = end + 1;
    const std::size_t sign = part.find('=');
    if (sign == std::string_view::npos || sign == 0) return refuse(part);
    const std::string platform = normal_platform(trim(part.substr(0, sign)));
    const auto limit = parse_limit(trim(part.substr(sign + 1)));
    if (!limit) return refuse(part);
    const bool is_new = platform == "other" ? !std::exchange(other_named, true)
                                            : policy.limits.emplace(platform, *limit).second;
    if (!is_new) {
      return fail(Error::Kind::usage, fmt::format("the policy names {} twice", platform),
                  "leave one of them out");
    }
    if (platform == "other") policy.other = *limit;
  }
  return policy;
}

std::string to_string(const SilencePolicy& policy) {
  std::string text;
  for (const auto& [platform, limit] : policy.limits) {
    text += fmt::format("{}={},", platform, limit_text(limit));
  }
  return text + "other=" + limit_text(policy.other);
}

std::string silence_class_name(std::size_t index) {
  if (index == 0) return fmt::format("under {} d", silence_limits_days.front());
  if (index < silence_limits_days.size()) {
    return fmt::format("{}-{} d", silence_limits_days[index - 1], silence_limits_days[index]);
  }
  if (index == silence_limits_days.size()) {
    return fmt::format("over {} d", silence_limits_days.back());
  }
  return "never seen";
}

}  // namespace fanfare::registry
