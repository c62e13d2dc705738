#include "fcm/checks.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fcm/condition.h"

namespace fanfare {
namespace fcm {
namespace {

bool is_label(std::string_view label) {
  constexpr std::size_t most_bytes = 50;
  // The characters are those of a topic's name.
  return label.size() <= most_bytes && is_topic_name(label);
}

// --- The target ---

void check_topic(std::string_view name, Findings& findings) {
  constexpr std::string_view prefix = "/topics/";
  constexpr const char* path = "message.topic";
  // The SDKs strip the prefix; what FCM itself says to it was not seen.
  if (name.starts_with(prefix) && is_topic_name(name.substr(prefix.size()))) {
    findings.add(check_rule("check.topic_prefix"), path);
  } else if (!is_topic_name(name)) {
    findings.add(check_rule("check.topic_name"), path,
                 name.size() > max_topic_bytes
                     ? fmt::format("the topic's name has {} bytes", name.size())
                     : fmt::format("\"{}\" is no topic's name", name));
  }
}

void check_condition(std::string_view text, Findings& findings) {
  constexpr const char* path = "message.condition";
  const auto parsed = parse_condition(text);
  if (parsed) {
    if (parsed->double_quotes) findings.add(check_rule("check.condition_quotes"), path);
    if (parsed->precedence_trap) {
      findings.add(check_rule("check.condition_precedence"), path,
                   fmt::format("FCM reads && and || from left to right, without precedence: {}",
                               write_condition(parsed->root)));
    }
    return;
  }
  switch (parsed.error().kind) {
    case ConditionFault::Kind::syntax:
      findings.add(check_rule("check.condition_syntax"), path, parsed.error().what);
      return;
    case ConditionFault::Kind::topic_name:
      findings.add(check_rule("check.topic_name"), path, parsed.error().what);
      return;
    case ConditionFault::Kind::too_many_topics:
      findings.add(check_rule("check.condition_topics"), path);
      return;
  }
}

void check_target_value(const Target& target, Findings& findings) {
  if (target.value.empty()) {
    // proto3 knows no difference between an empty string and none.
    findings.add(check_rule("check.target_missing"), "message",
                 fmt::format("the {} is empty", to_string(target.kind)));
    return;
  }
  switch (target.kind) {
    case TargetKind::token:
    case TargetKind::fid:
      return;  // Only FCM knows which registrations there are.
    case TargetKind::topic:
      return check_topic(target.value, findings);
    case TargetKind::condition:
      return check_condition(target.value, findings);
  }
}

// --- Data ---

bool is_reserved(std::string_view key) {
  return key == "from" || key == "message_type" || key.starts_with("google.") ||
         key.starts_with("gcm.notification.");
}

// One page reserves "gcm" and all that begins with "google"; another less.
bool is_doubtful(std::string_view key) {
  return key == "collapse_key" || key == "gcm" || key.starts_with("gcm.") ||
         key.starts_with("google");
}

void check_data(const DataMap& data, std::string_view path, Findings& findings) {
  for (const auto& [key, value] : data) {
    const auto at_key = [&] { return fmt::format("{}[\"{}\"]", path, key); };
    if (is_reserved(key)) {
      findings.add(check_rule("check.data_reserved_key"), at_key());
    } else if (is_doubtful(key)) {
      findings.add(check_rule("check.data_doubtful_key"), at_key());
    }
  }
}

void check_replaced(const DataMap& common, const DataMap& own, std::string_view path,
                    Findings& findings) {
  if (own.empty()) return;
  constexpr std::size_t most_named = 3;
  std::vector<std::string> lost;
  for (const auto& [key, value] : common) {
    if (!own.contains(key)) lost.push_back(fmt::format("\"{}\"", key));
  }
  if (lost.empty()) return;
  const std::size_t unnamed = lost.size() - std::min(lost.size(), most_named);
  lost.resize(lost.size() - unnamed);
  findings.add(
      check_rule("check.data_replaced"), std::string(path),
      fmt::format("it replaces message.data as a whole, so that this platform does not "
                  "get {}{}",
                  fmt::join(lost, ", "), unnamed > 0 ? fmt::format(" and {} more", unnamed) : ""));
}

void check_all_data(const Message& message, Findings& findings) {
  check_data(message.data, "message.data", findings);
  const auto own = [&](const auto& config, std::string_view path) {
    if (!config) return;
    check_data(config->data, path, findings);
    check_replaced(message.data, config->data, path, findings);
  };
  own(message.android, "message.android.data");
  own(message.android_v2, "message.android_v2.data");
  own(message.webpush, "message.webpush.data");
}

// --- The whole ---

void check_size(const Message& message, TargetKind kind, Findings& findings) {
  const SizeEstimate size = estimate_size(message);
  const auto [least, most] = std::minmax({size.android_bytes, size.apns_bytes, size.webpush_bytes});
  const std::size_t limit = payload_limit_bytes(kind);
  // Which platform a registration belongs to is not known here: all must be too large.
  if (least > max_seen_payload_bytes) {
    findings.add(check_rule("check.too_large"), "message",
                 fmt::format("the payload has about {} bytes on every platform; FCM says 4096 and "
                             "was never seen to take more than {}",
                             least, max_seen_payload_bytes));
  } else if (most > limit) {
    findings.add(check_rule("check.size"), "message",
                 fmt::format("the payload has about {} bytes; FCM documents {} to a {}", most,
                             limit, is_registration(kind) ? "registration" : to_string(kind)));
  }
}

bool is_empty(const Message& message) {
  return message.data.empty() && !message.notification && !message.android && !message.android_v2 &&
         !message.webpush && !message.apns;
}

void check_contents(const Message& message, TargetKind kind, Findings& findings) {
  check_all_data(message, findings);
  if (message.notification) {
    check_image(message.notification->image, "message.notification.image", findings);
  }
  check_android(message, findings);
  check_webpush(message, findings);
  check_apns(message, findings);
  if (message.fcm_options) {
    check_label(message.fcm_options->analytics_label, "message.fcm_options.analytics_label",
                findings);
  }
  check_size(message, kind, findings);
  if (is_empty(message)) findings.add(check_rule("check.empty"), "message");
}

// --- A message in text ---

const CheckRule& rule_of(ReadFault::Kind kind) {
  switch (kind) {
    case ReadFault::Kind::json:
      return check_rule("check.json");
    case ReadFault::Kind::unknown:
      return check_rule("check.unknown_field");
    case ReadFault::Kind::value:
      return check_rule("check.value");
    case ReadFault::Kind::twice:
      return check_rule("check.twice");
    case ReadFault::Kind::targets:
      return check_rule("check.target_many");
  }
  return check_rule("check.json");
}

// A target that could not be read is not missing.
bool names_target(const ReadFault& fault) {
  return std::ranges::any_of(
      std::array{TargetKind::token, TargetKind::fid, TargetKind::topic, TargetKind::condition},
      [&](TargetKind kind) { return fault.path == fmt::format("message.{}", to_string(kind)); });
}

}  // namespace

void Findings::add(const CheckRule& rule, std::string path, std::string what, std::string remedy) {
  if (what.empty()) what = rule.summary;
  if (remedy.empty()) remedy = rule.remedy;
  found_.push_back({rule.severity, rule.id, std::move(path), std::move(what), std::move(remedy)});
}

std::vector<Finding> Findings::take() {
  // Faults first. Not stable_partition: clang refuses what libstdc++ 12 uses inside it.
  std::vector<Finding> ordered;
  for (const Severity wanted : {Severity::fault, Severity::warning}) {
    for (Finding& finding : found_) {
      if (finding.severity == wanted) ordered.push_back(std::move(finding));
    }
  }
  return ordered;
}

void check_image(const std::string& url, std::string path, Findings& findings) {
  if (!url.empty() && !is_https(url)) {
    findings.add(check_rule("check.image_https"), std::move(path));
  }
}

void check_label(const std::string& label, std::string path, Findings& findings) {
  if (!label.empty() && !is_label(label)) {
    findings.add(check_rule("check.analytics_label"), std::move(path),
                 fmt::format("FCM admits no label \"{}\"", label));
  }
}

bool is_https(std::string_view url) noexcept {
  constexpr std::string_view scheme = "https://";
  const auto same = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + 32 == b); };
  return url.size() > scheme.size() &&
         std::ranges::equal(url.substr(0, scheme.size()), scheme, same);
}

bool is_digits(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

const std::string* find_header(const DataMap& headers, std::string_view name) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  const auto found = std::ranges::find_if(headers, [&](const auto& header) {
    return std::ranges::equal(header.first, name, {}, lower, lower);
  });
  return found == headers.end() ? nullptr : &found->second;
}

CheckedText check_text(std::string_view json, TargetNeed need) {
  ReadMessage read = read_message(json);
  Findings findings;
  for (const ReadFault& fault : read.faults) {
    findings.add(rule_of(fault.kind), fault.path, fault.what, fault.remedy);
  }
  CheckedText checked{.parsed = std::move(read.parsed), .findings = {}};
  const bool is_json =
      std::ranges::find(read.faults, ReadFault::Kind::json, &ReadFault::kind) == read.faults.end();
  if (is_json) {
    const auto& target = checked.parsed.target;
    if (target) {
      check_target_value(*target, findings);
    } else if (need == TargetNeed::in_message && std::ranges::none_of(read.faults, names_target)) {
      findings.add(check_rule("check.target_missing"), "message");
    }
    check_contents(checked.parsed.message, target ? target->kind : TargetKind::token, findings);
  }
  checked.findings = findings.take();
  return checked;
}

bool has_fault(const std::vector<Finding>& findings) noexcept {
  return std::ranges::find(findings, Severity::fault, &Finding::severity) != findings.end();
}

}  // namespace fcm

std::vector<Finding> check_message(const Message& message, const std::optional<Target>& target) {
  fcm::Findings findings;
  if (target) {
    fcm::check_target_value(*target, findings);
  } else {
    findings.add(fcm::check_rule("check.target_missing"), "message");
  }
  fcm::check_contents(message, target ? target->kind : TargetKind::token, findings);
  return findings.take();
}

std::vector<Finding> check_message(const Message& message) {
  fcm::Findings findings;
  fcm::check_contents(message, TargetKind::token, findings);
  return findings.take();
}

std::vector<Finding> check_target(const Target& target) {
  fcm::Findings findings;
  fcm::check_target_value(target, findings);
  return findings.take();
}

}  // namespace fanfare
