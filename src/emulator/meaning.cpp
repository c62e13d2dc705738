// What an answer means to a sender and what it should do: the explanation in the request log.
#include <array>

#include "emulator/admin.h"

namespace fanfare::emulator {
namespace {

struct Entry {
  std::string_view kind;
  Meaning meaning;
};

constexpr std::array meanings = {
    Entry{"200",
          {"FCM has taken the message. It says nothing about the phone having shown it.",
           "Done; keep the message's name."}},
    Entry{"400 INVALID_ARGUMENT",
          {"The message is not valid, whoever it is for.",
           "Mend it; keep every device, and do not send it to others."}},
    Entry{"400",
          {"Something is invalid, and the answer names neither the device nor the message.",
           "Keep the device; ask with validate_only and an empty message whether it is at fault."}},
    Entry{"400 FAILED_PRECONDITION",
          {"The device has as many topics as it may.",
           "Unsubscribe it "
           "from some."}},
    Entry{"401",
          {"The access token is missing, expired or not valid.",
           "Get a new one once and try again; then stop."}},
    Entry{"401 THIRD_PARTY_AUTH_ERROR",
          {"The project's APNs key or web push key is not accepted.",
           "Stop sending to that platform and mend the key; devices and access token are fine."}},
    Entry{"403",
          {"The API is off, the role or the scope is missing, or the project is not yours.",
           "Stop the project and mend its settings; no device is at fault."}},
    Entry{"403 SENDER_ID_MISMATCH",
          {"The registration belongs to another project.",
           "Delete it here; when there are many, suspect the configured project."}},
    Entry{"404",
          {"Project or URL are wrong; there is no FcmError, so no device is meant.",
           "Stop; delete nothing."}},
    Entry{"404 UNREGISTERED", {"The registration is dead.", "Delete it; do not send to it again."}},
    Entry{"409", {"The device has this topic already.", "Nothing to do."}},
    Entry{"429",
          {"The project has spent its quota for this minute.",
           "Wait for Retry-After, else a minute, and slow down."}},
    Entry{
        "429 QUOTA_EXCEEDED",
        {"One device or one topic gets too much.", "Wait a minute for that device or topic only."}},
    Entry{"429 RESOURCE_EXHAUSTED", {"Too many changes of subscriptions.", "Wait, and go slower."}},
    Entry{"500 INTERNAL",
          {"FCM failed, and may or may not have taken the message.",
           "Try again after ten seconds or more; it may arrive twice."}},
    Entry{"502",
          {"The front end failed; the outcome is unknown.",
           "Try again after ten seconds or more; it may arrive twice."}},
    Entry{"503 UNAVAILABLE",
          {"FCM is overloaded.",
           "Wait for Retry-After, else back off with jitter from ten "
           "seconds."}},
    Entry{"503", {"The service is not available.", "Back off and try again."}},
};

constexpr Meaning unknown_outcome{
    "The sender got no whole answer; the message may have been taken.",
    "Count it as unknown: sent again, it may arrive twice."};
constexpr Meaning not_processed{"The request was not processed.",
                                "Send it again on another connection."};
constexpr Meaning malformed_device{"The registration is malformed: it never was one of FCM's.",
                                   "Delete it, and look where it came from; do not retry."};
constexpr Meaning dead_at_apns{"APNs knows the device no more; FCM passes that on.",
                               "Delete it; do not send to it again."};
constexpr Meaning other{"Not an answer of FCM's to a message.", "See the body."};

bool is_promised_unprocessed(Fault fault) noexcept {
  return fault == Fault::refused_stream || fault == Fault::goaway_before ||
         fault == Fault::goaway_timeout;
}

}  // namespace

Meaning meaning_of(std::string_view kind, std::string_view field, Fault fault) noexcept {
  if (field == "message.token" || field == "message.fid") return malformed_device;
  if (field == "Unregistered") return dead_at_apns;
  for (const auto& entry : meanings) {
    if (entry.kind == kind) return entry.meaning;
  }
  if (is_promised_unprocessed(fault)) return not_processed;
  const bool answered_well = kind == "goaway_after 200" || kind == "goaway_notice 200" ||
                             kind == "slow_reader 200" || kind == "lower_streams 200";
  if (answered_well) return meanings.front().meaning;
  const bool has_status = !kind.empty() && kind.front() >= '0' && kind.front() <= '9';
  return has_status ? other : unknown_outcome;
}

}  // namespace fanfare::emulator
