#include "fcm/probe.h"

#include <string_view>

#include "fcm/rules.h"

namespace fanfare::fcm {
namespace {

Verdict settled_as(std::string_view rule, const Verdict& words) {
  Verdict verdict = make_verdict(*find_rule(rule));
  verdict.code = words.code;
  verdict.field = words.field;
  verdict.text = words.text;
  return verdict;
}

}  // namespace

EncodedMessage probe_message() {
  return EncodedMessage(Message{}, /*validate_only=*/true);
}

Verdict blame_message(const Verdict& suspect) {
  return settled_as("message.probe_passed", suspect);
}

Verdict settle_suspect(const Verdict& suspect, const Verdict& probe, bool passes_elsewhere) {
  switch (probe.kind) {
    case VerdictKind::accepted:
      return blame_message(suspect);
    case VerdictKind::device_gone:
      return settled_as("token.probe_unregistered", probe);
    case VerdictKind::device_malformed:
      return settled_as("token.probe_malformed", probe);
    case VerdictKind::device_foreign:
      return settled_as("token.probe_sender_id_mismatch", probe);
    case VerdictKind::device_suspect:
      return passes_elsewhere ? settled_as("token.probe_refused", probe) : suspect;
    case VerdictKind::message_invalid:
    case VerdictKind::platform_blocked:
    case VerdictKind::credential_stale:
    case VerdictKind::project_blocked:
    case VerdictKind::throttled_project:
    case VerdictKind::throttled_target:
    case VerdictKind::service_unavailable:
    case VerdictKind::unknown_outcome:
    case VerdictKind::unsent:
      return suspect;
  }
  return suspect;
}

}  // namespace fanfare::fcm
