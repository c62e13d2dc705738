// The rules of check_message(), one row each, under stable ids; docs/checks.md tells them to users
// and a test compares the two. An id is never renamed or given a second meaning.
//
// A rule is a fault only when FCM is known to refuse: its answer was seen, or its reference states
// the limit. What a client library merely refuses by itself is a warning here. Each row names where
// it comes from:
//
//   seen       an answer of the real service, captured
//   reference  the API's reference and its discovery document
//   guide      the other pages of FCM's documentation
//   json       the JSON form of protocol buffers, which FCM's front end follows
//   sdk        what the official server SDKs refuse
//   apple, rfc8030   the platform's own documentation
#pragma once

#include <array>
#include <string_view>

#include "fanfare/check.h"

namespace fanfare::fcm {

struct CheckRule {
  std::string_view id;
  Severity severity;
  std::string_view source;
  std::string_view summary;  ///< What is wrong, where a finding has nothing better to say.
  std::string_view remedy;
};

inline constexpr std::array check_table = {
    // --- Reading ---
    CheckRule{"check.json", Severity::fault, "seen", "the text is no JSON",
              "Mend the JSON at the place that is named."},
    CheckRule{"check.unknown_field", Severity::fault, "seen", "FCM knows no such field",
              "Remove the field or mend its name."},
    CheckRule{"check.value", Severity::fault, "seen", "the value is not of the field's type",
              "Write what the field takes."},
    CheckRule{"check.twice", Severity::fault, "json", "the field is given in both spellings",
              "Keep one of the two."},

    // --- The target ---
    CheckRule{"check.target_missing", Severity::fault, "seen", "the message has no target",
              "Give exactly one of token, fid, topic and condition."},
    CheckRule{"check.target_many", Severity::fault, "json", "the message has more than one target",
              "Keep one of token, fid, topic and condition."},
    CheckRule{"check.topic_name", Severity::fault, "seen, reference",
              "a topic can't have this name",
              "Use 1 to 900 of [a-zA-Z0-9-_.~%] as the topic's name."},
    CheckRule{"check.topic_prefix", Severity::warning, "reference",
              "the topic's name begins with /topics/, which FCM documents as not to be sent",
              "Leave the prefix out."},
    CheckRule{"check.condition_syntax", Severity::fault, "seen", "FCM can't read the condition",
              "Write it like: 'a' in topics && ('b' in topics || !('c' in topics))."},
    CheckRule{"check.condition_topics", Severity::fault, "guide",
              "the condition has more than five topics",
              "Use at most five topics, or send to several conditions."},
    CheckRule{"check.condition_quotes", Severity::warning, "guide",
              "a topic stands in double quotes, which FCM does not document",
              "Put topics into single quotes."},
    CheckRule{"check.condition_precedence", Severity::warning, "guide",
              "FCM reads && and || from left to right, without precedence",
              "Put parentheses around what belongs together."},

    // --- The whole message ---
    CheckRule{"check.too_large", Severity::fault, "seen",
              "the payload is larger than FCM was ever seen to take",
              "Shorten it to 4096 bytes, or send a reference that the app resolves."},
    CheckRule{"check.size", Severity::warning, "reference",
              "the payload is over the documented limit",
              "Shorten it: 4096 bytes for a registration, 2048 for topics and conditions."},
    CheckRule{"check.empty", Severity::warning, "reference",
              "the message has nothing to show and nothing to hand to the app",
              "Give a notification or data."},
    CheckRule{"check.data_reserved_key", Severity::fault, "seen, reference",
              "FCM keeps this key for itself",
              "Rename it: from, message_type, google.… and gcm.notification.… are reserved."},
    CheckRule{"check.data_doubtful_key", Severity::warning, "reference",
              "FCM may refuse or replace this key",
              "Rename it: FCM's pages differ on keys that begin with google or gcm, and "
              "collapse_key is overridden."},
    CheckRule{"check.data_replaced", Severity::warning, "reference",
              "this platform's data replaces message.data as a whole; the two are not merged",
              "Repeat in the platform's data what its app needs."},
    CheckRule{"check.analytics_label", Severity::fault, "reference", "FCM admits no such label",
              "Use 1 to 50 of [a-zA-Z0-9-_.~%] as the label."},
    CheckRule{"check.image_https", Severity::warning, "guide, sdk",
              "the image's address is not https, so that devices may not load it",
              "Use a full https:// address."},

    // --- Android ---
    CheckRule{"check.android_both", Severity::fault, "reference",
              "android and android_v2 exclude each other", "Keep one of the two."},
    CheckRule{"check.ttl_range", Severity::fault, "reference",
              "FCM keeps a message from 0 seconds to 4 weeks", "Use 0s to 2419200s."},
    CheckRule{"check.ttl_zero", Severity::warning, "guide",
              "the message is delivered now or never: a device that is not connected misses it",
              "Give it a longer life unless that is what you want."},
    CheckRule{"check.ttl_fraction", Severity::warning, "reference",
              "FCM rounds this down to whole seconds", "Use whole seconds."},
    CheckRule{"check.collapse_key_unique", Severity::warning, "reference",
              "the collapse key looks made for one message, but a device holds four keys at most "
              "and FCM drops messages of the others",
              "Use a key for each kind of message, such as \"score\"."},
    CheckRule{"check.channel_missing", Severity::warning, "reference",
              "without a channel the app's default one decides on sound and importance",
              "Set channel_id to a channel that the app creates."},
    CheckRule{"check.color", Severity::fault, "reference", "FCM admits no such colour",
              "Write #rrggbb, such as #ff8800."},
    CheckRule{"check.light_settings", Severity::fault, "reference",
              "light_settings lack a field that FCM requires",
              "Give color, light_on_duration and light_off_duration."},
    CheckRule{"check.light_color", Severity::warning, "reference",
              "a part of the colour is not between 0 and 1", "Divide 8-bit values by 255."},
    CheckRule{"check.loc_args", Severity::warning, "sdk",
              "arguments are given, but no key of the text that they belong to",
              "Give the key as well, or leave the arguments out."},
    CheckRule{"check.overridden", Severity::warning, "reference",
              "another field of the notification wins over this one", "Remove one of the two."},
    CheckRule{"check.deprecated_field", Severity::warning, "reference",
              "FCM means to drop this field", "Use proxy instead."},

    // --- Web push ---
    CheckRule{"check.webpush_ttl", Severity::fault, "seen",
              "the TTL header is not a non-negative integer",
              "Write seconds in digits alone, such as \"3600\"."},
    CheckRule{"check.webpush_header", Severity::warning, "rfc8030",
              "the push service may refuse this header",
              "Urgency is very-low, low, normal or high; Topic has at most 32 of [A-Za-z0-9-_]."},
    CheckRule{"check.webpush_link", Severity::fault, "reference, sdk",
              "the link is not https, which FCM requires", "Use an https:// address."},

    // --- APNs ---
    CheckRule{"check.apns_background_priority", Severity::warning, "guide, reference",
              "to iOS this is a push in the background, which is refused unless its priority is 5",
              "Set the header apns-priority to \"5\"."},
    CheckRule{"check.apns_header", Severity::warning, "apple", "Apple admits no such value",
              "Check the header against Apple's list."},
    CheckRule{"check.apns_payload", Severity::warning, "apple, sdk",
              "Apple can't use this part of the payload",
              "Give aps as an object, its alert as text or an object, its sound as a name or an "
              "object."},
    CheckRule{"check.apns_flag", Severity::warning, "apple",
              "Apple knows only the number 1 here and ignores anything else",
              "Write 1, or leave it out."},
    CheckRule{"check.apns_size", Severity::warning, "apple",
              "the payload alone is larger than Apple takes",
              "Shorten apns.payload to 4096 bytes (5120 for VoIP)."},
    CheckRule{"check.live_activity", Severity::warning, "apple",
              "a live activity is not updated without this",
              "Set the header apns-push-type to liveactivity, and event, timestamp and "
              "content-state in aps."},
};

/// The row of an id that stands in the code; an unknown id does not compile.
[[nodiscard]] consteval const CheckRule& check_rule(std::string_view id) {
  for (const CheckRule& row : check_table) {
    if (row.id == id) return row;
  }
  throw "no such rule";  // Reached only while compiling.
}

}  // namespace fanfare::fcm
