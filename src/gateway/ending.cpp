#include "gateway/ending.h"

#include "base/json_text.h"
#include "delivery/evidence.h"

namespace fanfare::gateway {

queue::State end_state(VerdictKind kind, bool expired) noexcept {
  switch (kind) {
    case VerdictKind::accepted:
      return queue::State::delivered;
    case VerdictKind::device_gone:
    case VerdictKind::device_malformed:
    case VerdictKind::device_foreign:
    case VerdictKind::device_suspect:
    case VerdictKind::message_invalid:
      return queue::State::rejected;
    case VerdictKind::unknown_outcome:
      return queue::State::unknown;
    case VerdictKind::platform_blocked:
    case VerdictKind::credential_stale:
    case VerdictKind::project_blocked:
    case VerdictKind::throttled_project:
    case VerdictKind::throttled_target:
    case VerdictKind::service_unavailable:
    case VerdictKind::unsent:
      return expired ? queue::State::expired : queue::State::dropped;
  }
  return queue::State::dropped;
}

queue::Ending ending_of(const client::Delivery& result, const queue::Leased& message,
                        SystemTime now) {
  const Verdict& verdict = result.verdict;
  // The loop gives up what could only be tried again after its expiry.
  const bool out_of_time = message.expires_at && (now >= *message.expires_at || !message.once);
  queue::Ending ending{.id = message.id,
                       .state = end_state(verdict.kind, out_of_time),
                       .rule = std::string(verdict.rule),
                       .status = result.answer.status,
                       .attempts = result.attempts,
                       .name = verdict.name};
  if (ending.state != queue::State::delivered) {
    ending.evidence = delivery::make_evidence(result.answer, result.attempts, 0);
  }
  return ending;
}

queue::Ending ending_of(const Verdict& verdict, const queue::Leased& message) {
  std::string evidence = R"({"unsent":)";
  append_json_string(evidence, verdict.text);
  evidence += '}';
  return {.id = message.id,
          .state = end_state(verdict.kind, false),
          .rule = std::string(verdict.rule),
          .attempts = message.attempts,
          .evidence = std::move(evidence)};
}

}  // namespace fanfare::gateway
