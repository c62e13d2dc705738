// What FCM answered, and what it means: Answer in, Verdict out.
//
// FCM names the cause of a failure in error.details[], in the entry of type "…FcmError". The
// HTTP status is coarser: 400 covers a wrong message and a wrong token alike, and a 404 without
// that entry says nothing about the token. docs/verdicts.md has a paragraph for each rule,
// docs/protocol.md the bodies and their sources.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "fanfare/target.h"

namespace fanfare {

/// What came back for one attempt to send.
struct Answer {
  /// How far the attempt got.
  enum class Transport : std::uint8_t {
    answered,  ///< A whole answer arrived: status, headers, body.
    unsent,    ///< It was certainly never processed: refused stream, GOAWAY above the last
               ///< stream id, no connection.
    unknown,   ///< It left us and no whole answer came: time-out, reset, half an answer.
  };
  Transport transport = Transport::answered;  ///< Unless `answered`, only `reason` has a meaning.
  int status = 0;                             ///< 100..599; 0 when nothing was answered.
  std::string body;                           ///< As received; may be HTML, cut, or empty.
  std::string retry_after;                    ///< The Retry-After header as text; empty: absent.
  /// The Date header as text, where the machine's clock is in question (preflight.h); else empty.
  std::string date = {};
  std::chrono::system_clock::time_point received_at{};  ///< Turns a Retry-After date into a wait.
  std::string reason;  ///< When not answered: the transport's words, for people.
};

/// What an answer means. The action follows from it alone.
enum class VerdictKind : std::uint8_t {
  accepted,             ///< FCM took the message; no display is promised.
  device_gone,          ///< The registration is dead.
  device_malformed,     ///< The registration never was one, or belongs to another app build.
  device_foreign,       ///< The registration belongs to another project.
  device_suspect,       ///< A 400 that names nobody: device or message.
  message_invalid,      ///< The message is wrong, for every receiver.
  platform_blocked,     ///< The project's APNs or web push credential is broken.
  credential_stale,     ///< Our OAuth token was refused; a fresh one may do.
  project_blocked,      ///< Project, API, IAM, scope or URL is wrong; a person must act.
  throttled_project,    ///< The project is over its quota.
  throttled_target,     ///< This topic or device is over its quota.
  service_unavailable,  ///< FCM or its front end failed.
  unknown_outcome,      ///< Neither success nor failure is known.
  unsent,               ///< Never processed; may be sent again at once.
};

/// Whose fault it is.
enum class FaultDomain : std::uint8_t {
  none,
  device,
  message,
  platform_credential,
  project,
  quota,
  service,
  network,
};

/// What the sender does next. Every verdict has exactly one.
enum class Action : std::uint8_t {
  record,              ///< Note the acceptance.
  retire_device,       ///< Retire the device with this evidence; never retry.
  probe_device,        ///< Find out who is at fault; until then keep the device.
  fail_message,        ///< Fail the message for everyone, touch no device.
  hold_platform,       ///< Hold that platform of the project and alert; touch no device.
  refresh_credential,  ///< One refresh, one retry; then the project is blocked.
  hold_project,        ///< Hold the project's messages and alert; touch no device.
  wait_project,        ///< Pause the project, at least for retry_after.
  wait_target,         ///< Pause this target, at least for retry_after.
  retry,               ///< Retry with backoff, at least after retry_after.
  follow_policy,       ///< As the message's own policy says: retry or drop.
  resend,              ///< Send again at once on another connection.
};

/// The enumerator's name, "device_gone"; the same in reports, the store and `--json`.
[[nodiscard]] std::string_view to_string(VerdictKind kind) noexcept;
/// The enumerator's name, "platform_credential".
[[nodiscard]] std::string_view to_string(FaultDomain domain) noexcept;
/// The enumerator's name, "retire_device".
[[nodiscard]] std::string_view to_string(Action action) noexcept;

/// The action of a kind; the only place where a meaning becomes a deed.
[[nodiscard]] Action action_of(VerdictKind kind) noexcept;

/// Inverse of to_string; nullopt for other text.
[[nodiscard]] std::optional<VerdictKind> parse_verdict_kind(std::string_view text) noexcept;

/// The meaning of one answer, and why it has it.
struct Verdict {
  VerdictKind kind = VerdictKind::unknown_outcome;  ///< What the answer means.
  /// Stable id of the rule that fired, such as "token.unregistered". Points to static storage.
  std::string_view rule;
  FaultDomain fault_domain = FaultDomain::none;  ///< Whose fault it is.
  Action action = Action::follow_policy;         ///< What to do; follows from `kind`.
  std::string code;   ///< FcmError code, else google.rpc status, else empty.
  std::string field;  ///< The field at fault, "message.token"; empty when none is named.
  std::string name;   ///< FCM's name of an accepted message, "projects/P/messages/ID".
  std::string text;   ///< FCM's or the transport's words, for people; at most 512 bytes.
  /// How long FCM asked to wait: Retry-After header, else RetryInfo. Absent is not zero.
  std::optional<std::chrono::seconds> retry_after;
  /// Equal in every part.
  bool operator==(const Verdict&) const = default;
};

/// Judges one answer to a message for a target of kind `target`. Pure: no I/O, no clock. Cannot
/// fail: a body that is not JSON (a proxy's page) is judged by its status.
[[nodiscard]] Verdict judge(const Answer& answer, TargetKind target);

/// What a person should mend, by the rule of a Verdict; empty when nothing is to be done or the
/// rule is unknown. Points to static storage.
[[nodiscard]] std::string_view remedy_for(std::string_view rule) noexcept;

}  // namespace fanfare
