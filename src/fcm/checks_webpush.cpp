// What is wrong or doubtful in the web push options.
#include <algorithm>
#include <array>

#include "fcm/checks.h"

namespace fanfare::fcm {
namespace {

// RFC 8030, 5.3.
bool is_urgency(std::string_view text) {
  constexpr std::array<std::string_view, 4> known = {"very-low", "low", "normal", "high"};
  return std::ranges::find(known, text) != known.end();
}

// RFC 8030, 5.4: at most 32 characters of the URL-safe base64 alphabet.
bool is_push_topic(std::string_view text) {
  constexpr std::size_t most_bytes = 32;
  return !text.empty() && text.size() <= most_bytes && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

void check_headers(const DataMap& headers, Findings& findings) {
  // FCM's answer was seen for this spelling; for others it is not known.
  if (const auto ttl = headers.find("TTL"); ttl != headers.end()) {
    const std::string path = "message.webpush.headers.TTL";
    if (!is_digits(ttl->second)) {
      findings.add(check_rule("check.webpush_ttl"), path);
    } else if (ttl->second.find_first_not_of('0') == std::string::npos) {
      findings.add(check_rule("check.ttl_zero"), path);
    }
  }
  if (const auto* urgency = find_header(headers, "Urgency"); urgency && !is_urgency(*urgency)) {
    findings.add(check_rule("check.webpush_header"), "message.webpush.headers.Urgency");
  }
  if (const auto* topic = find_header(headers, "Topic"); topic && !is_push_topic(*topic)) {
    findings.add(check_rule("check.webpush_header"), "message.webpush.headers.Topic");
  }
}

}  // namespace

void check_webpush(const Message& message, Findings& findings) {
  if (!message.webpush) return;
  check_headers(message.webpush->headers, findings);
  if (const auto& options = message.webpush->fcm_options) {
    if (!options->link.empty() && !is_https(options->link)) {
      findings.add(check_rule("check.webpush_link"), "message.webpush.fcm_options.link");
    }
    check_label(options->analytics_label, "message.webpush.fcm_options.analytics_label", findings);
  }
}

}  // namespace fanfare::fcm
