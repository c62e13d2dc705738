// The parts of check_message(), one for each platform, and the check of a message still in text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fanfare/check.h"
#include "fanfare/message.h"

#include "fcm/check_rules.h"
#include "fcm/message_json.h"

namespace fanfare::fcm {

/// Largest payload of which FCM was seen to take one, counted as estimate_size does; one byte
/// more was refused. It documents 4096, but does not say what it counts.
inline constexpr std::size_t max_seen_payload_bytes = 4506;

/// Collects what the parts find.
class Findings {
 public:
  /// Empty `what` and `remedy`: the rule's own.
  void add(const CheckRule& rule, std::string path, std::string what = {}, std::string remedy = {});
  /// Faults first; the order within is kept.
  [[nodiscard]] std::vector<Finding> take();

 private:
  std::vector<Finding> found_;
};

void check_android(const Message& message, Findings& findings);
void check_webpush(const Message& message, Findings& findings);
void check_apns(const Message& message, Findings& findings);

// What several parts need; `path` is the field's own.
void check_image(const std::string& url, std::string path, Findings& findings);
void check_label(const std::string& label, std::string path, Findings& findings);

[[nodiscard]] bool is_https(std::string_view url) noexcept;

/// Digits and nothing else, at least one.
[[nodiscard]] bool is_digits(std::string_view text) noexcept;

/// The value of a header whatever the case of its name; nullptr: not given.
[[nodiscard]] const std::string* find_header(const DataMap& headers,
                                             std::string_view name) noexcept;

/// Whether a message without a target is complete.
enum class TargetNeed : std::uint8_t { in_message, elsewhere };

/// Reads and checks FCM's `Message` or a whole request. Cannot fail: text that can't be read is a
/// finding, and what could be read is checked further.
struct CheckedText {
  ParsedMessage parsed;
  std::vector<Finding> findings;  ///< Faults first.
};
[[nodiscard]] CheckedText check_text(std::string_view json, TargetNeed need);

[[nodiscard]] bool has_fault(const std::vector<Finding>& findings) noexcept;

}  // namespace fanfare::fcm
