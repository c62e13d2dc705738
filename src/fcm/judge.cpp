#include "fcm/judge.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "fanfare/answer_body.h"
#include "fanfare/verdict.h"

#include "base/latest.h"
#include "fcm/retry_after.h"
#include "fcm/rules.h"
#include "fcm/utf8.h"

// The order of the questions is the design: who is certainly not the device comes first, and a
// device is only blamed by evidence that names it. docs/protocol.md, "Decision table", has the same
// steps with their sources; docs/verdicts.md tells each rule to users.
namespace fanfare {
namespace {

using fcm::Rule;
using fcm::rule;

constexpr std::size_t max_text_bytes = 512;
constexpr std::size_t max_field_bytes = 256;
constexpr std::size_t max_code_bytes = 64;

// What one 3xx to 5xx answer is judged by.
struct Case {
  int status = 0;
  TargetKind target = TargetKind::token;
  const AnswerBody& body;
};

template <std::size_t N>
bool is_one_of(std::string_view text, const std::array<std::string_view, N>& list) {
  return std::ranges::find(list, text) != list.end();
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// "ttl" as a word of its own: "throttled" contains it too.
bool contains_word(std::string_view text, std::string_view word) {
  const auto is_letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const auto end = at + word.size();
    if ((at == 0 || !is_letter(text[at - 1])) && (end == text.size() || !is_letter(text[end]))) {
      return true;
    }
  }
  return false;
}

// What FCM says in prose, in lower case: the message and what the violations add to it.
std::string prose_of(const AnswerBody& body) {
  std::string prose = to_lower(body.message);
  for (const FieldViolation& violation : body.violations) {
    prose += '\n';
    prose += to_lower(violation.description);
  }
  return prose;
}

// --- APNs reasons (Apple: "Handling notification responses from APNs") ---

constexpr std::array<std::string_view, 2> apns_gone = {"Unregistered", "ExpiredToken"};
constexpr std::array<std::string_view, 2> apns_other_build = {"BadDeviceToken",
                                                              "DeviceTokenNotForTopic"};
constexpr std::array<std::string_view, 3> apns_topic = {"BadTopic", "MissingTopic",
                                                        "TopicDisallowed"};
constexpr std::array<std::string_view, 6> apns_options = {"PayloadEmpty",      "BadPriority",
                                                          "BadExpirationDate", "BadCollapseId",
                                                          "InvalidPushType",   "BadMessageId"};
constexpr std::array<std::string_view, 3> apns_down = {"InternalServerError", "ServiceUnavailable",
                                                       "Shutdown"};
constexpr std::array<std::string_view, 8> apns_credential = {
    "InvalidProviderToken",        "ExpiredProviderToken",
    "MissingProviderToken",        "BadEnvironmentKeyInToken",
    "BadEnvironmentKeyIdInToken",  "UnrelatedKeyIdInToken",
    "TooManyProviderTokenUpdates", "Forbidden"};

std::string_view apns_reason(const AnswerBody& body) {
  return body.apns_error ? std::string_view(body.apns_error->reason) : std::string_view();
}

bool blames_apns_credential(const AnswerBody& body) {
  const std::string_view reason = apns_reason(body);
  return is_one_of(reason, apns_credential) || reason.starts_with("BadCertificate");
}

// Without the credentials, which step 2 has asked about; nullptr: the reason decides nothing.
const Rule* judge_apns_error(const AnswerBody& body) {
  if (!body.apns_error) return nullptr;
  const std::string_view reason = body.apns_error->reason;
  if (is_one_of(reason, apns_gone)) return &rule("token.apns_unregistered");
  if (is_one_of(reason, apns_other_build)) return &rule("token.wrong_environment");
  if (reason == "PayloadTooLarge") return &rule("message.apns_too_large");
  if (is_one_of(reason, apns_topic)) return &rule("message.apns_topic");
  if (is_one_of(reason, apns_options)) return &rule("message.apns_options");
  if (is_one_of(reason, apns_down)) return &rule("service.apns");
  if (reason == "TooManyRequests") return &rule("quota.apns");
  // APNs answers 410 for dead tokens only, so without a reason the status is enough.
  if (reason.empty() && body.apns_error->status == 410) return &rule("token.apns_unregistered");
  return nullptr;
}

// --- 400: device or message? (step 4) ---

// True for "message.token" and "message.fid", bare or below another prefix, in any case. Not for
// "message.data.token": there the app's own data is at fault, and a device would die for it.
bool names_registration(const FieldViolation& violation) {
  const std::string lower = to_lower(violation.field);
  const std::string_view path = lower;
  const auto dot = path.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? path : path.substr(dot + 1);
  const std::string_view parent = dot == std::string_view::npos ? "" : path.substr(0, dot);
  if (last != "token" && last != "fid") return false;
  return parent.empty() || parent == "message" || parent.ends_with(".message");
}

// Texts are the last resort, for they change; both known generations of each are here.
const Rule* judge_device_text(std::string_view prose) {
  if (contains(prose, "device token is disabled")) return &rule("token.apns_unregistered");
  if (contains(prose, "not a valid fcm registration token") ||
      contains(prose, "invalid registration token")) {
    return &rule("token.malformed");
  }
  return nullptr;
}

const Rule* judge_message_text(std::string_view prose) {
  if (contains(prose, "too large") || contains(prose, "too big")) {
    return &rule("message.too_large");
  }
  if (contains(prose, "data payload key")) return &rule("message.data_key");
  if (contains(prose, "invalid value at") || contains(prose, "invalid json payload")) {
    return &rule("message.parse");
  }
  if (contains(prose, "recipient of the message is not set")) return &rule("message.recipient");
  if (contains(prose, "topic name")) return &rule("message.topic");
  if (contains_word(prose, "ttl")) return &rule("message.ttl");
  return nullptr;
}

const Rule& message_text_or(std::string_view prose, const Rule& otherwise) {
  const Rule* found = judge_message_text(prose);
  return found == nullptr ? otherwise : *found;
}

// What is left when nobody is named: of a device we can find out more, of a topic or a condition
// only the message can be wrong.
const Rule& nobody_named(TargetKind target) {
  switch (target) {
    case TargetKind::token:
    case TargetKind::fid:
      return rule("token.suspect");
    case TargetKind::topic:
      return rule("message.topic");
    case TargetKind::condition:
      return rule("message.condition");
  }
  return rule("message.topic");
}

const Rule& judge_bad_request(const Case& it) {
  const AnswerBody& body = it.body;
  const std::string prose = prose_of(body);
  // The parser spoke, not FCM. It never saw the registration as such.
  if (body.has_bad_request && body.fcm_error.empty()) {
    return message_text_or(prose, rule("message.parse"));
  }
  if (std::ranges::any_of(body.violations, names_registration)) return rule("token.malformed");
  if (const Rule* found = judge_apns_error(body)) return *found;
  const bool names_other_field = std::ranges::any_of(
      body.violations, [](const FieldViolation& violation) { return !violation.field.empty(); });
  if (names_other_field) return message_text_or(prose, rule("message.field"));
  if (const Rule* found = judge_device_text(prose)) return *found;
  if (const Rule* found = judge_message_text(prose)) return *found;
  if (!body.violations.empty()) return rule("message.field");
  return nobody_named(it.target);
}

// --- The other statuses ---

const Rule& judge_unauthenticated(const AnswerBody& body) {
  if (body.error_info_reason == "ACCESS_TOKEN_EXPIRED") return rule("oauth.expired");
  if (body.error_info_reason == "CREDENTIALS_MISSING" ||
      contains(to_lower(body.message), "missing required authentication credential")) {
    return rule("oauth.missing");
  }
  return rule("oauth.invalid");
}

const Rule& judge_forbidden(const AnswerBody& body) {
  const std::string text = to_lower(body.message);
  const std::string_view reason = body.error_info_reason;
  if (reason == "RATE_LIMIT_EXCEEDED") return rule("quota.project");
  if (reason == "SERVICE_DISABLED" || contains(text, "or it is disabled")) {
    return rule("project.api_disabled");
  }
  if (reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT" ||
      contains(text, "insufficient authentication scopes")) {
    return rule("project.scope");
  }
  if (reason == "IAM_PERMISSION_DENIED" ||
      (contains(text, "permission '") && contains(text, "denied"))) {
    return rule("project.iam");
  }
  return rule("project.permission");
}

const Rule& judge_quota(const AnswerBody& body) {
  if (apns_reason(body) == "TooManyRequests") return rule("quota.apns");
  if (body.error_info_reason == "RATE_LIMIT_EXCEEDED" ||
      contains(to_lower(body.message), "quota exceeded for quota metric")) {
    return rule("quota.project");
  }
  return rule("quota.other");
}

const Rule& judge_server_error(int status) {
  switch (status) {
    case 500:
      return rule("service.internal");
    case 502:
      return rule("service.bad_gateway");
    case 503:
      return rule("service.unavailable");
    case 504:
      return rule("service.timeout");
    default:
      return rule("service.other");
  }
}

// FCM sends the codes that end a device's life with these statuses. With any other (a 401, a 429,
// a 5xx) the two halves of the answer contradict each other, and the status is believed: it costs
// a retry, while the code would cost the device.
bool may_end_a_device(int status) {
  return status == 400 || status == 403 || status == 404 || status == 410;
}

// FcmError first, as it is finer than the status; nullptr: the status decides.
const Rule* judge_fcm_error(const Case& it) {
  const std::string_view code = it.body.fcm_error;
  if (code == "UNREGISTERED" && may_end_a_device(it.status)) return &rule("token.unregistered");
  if (code == "SENDER_ID_MISMATCH" && may_end_a_device(it.status)) {
    return &rule("token.sender_id_mismatch");
  }
  if (code == "QUOTA_EXCEEDED") return &rule("quota.target");
  // "Too many" is said by the status alone; the wait is longer, so it wins over these two.
  if (it.status == 429) return nullptr;
  if (code == "INTERNAL") return &rule("service.internal");
  if (code == "UNAVAILABLE") return &rule("service.unavailable");
  return nullptr;
}

const Rule& judge_status(const Case& it) {
  const auto& [status, target, body] = it;
  if (status >= 500) return judge_server_error(status);
  switch (status) {
    case 400:
      return judge_bad_request(it);
    case 401:
      return judge_unauthenticated(body);
    case 403:
      return judge_forbidden(body);
    case 404:
      // Without FcmError a 404 is about the project or the address, never about the device.
      return body.is_page ? rule("project.wrong_url") : rule("project.not_found");
    case 409:
      return body.status == "ALREADY_EXISTS" ? rule("topic.already_subscribed")
                                             : rule("http.unexpected");
    case 408:  // A proxy's: FCM has none of these two.
      return rule("service.timeout");
    case 413:
      return rule("message.too_large");
    case 429:
      return judge_quota(body);
    default:
      return rule("http.unexpected");
  }
}

// A topic or a condition is no device: what would end one is the message's fault there.
const Rule& for_target(const Rule& found, TargetKind target) {
  if (is_registration(target) || found.domain != FaultDomain::device) return found;
  return rule("message.target");
}

const Rule& judge_refusal(const Case& it) {
  if (it.status < 400) return rule("http.redirect");
  const std::string_view code = it.body.fcm_error;
  if (blames_apns_credential(it.body)) return rule("platform.apns_key");
  if (code == "THIRD_PARTY_AUTH_ERROR" || code == "APNS_AUTH_ERROR") {
    return rule("platform.third_party_auth");
  }
  const Rule* found = judge_fcm_error(it);
  return for_target(found == nullptr ? judge_status(it) : *found, it.target);
}

const Rule& judge_answered(const Answer& answer, const AnswerBody& body, TargetKind target) {
  // An answer without a final status is none, whatever the transport believes.
  if (answer.status < 200) return rule("outcome.unanswered");
  if (answer.status < 300)
    return body.name.empty() ? rule("outcome.no_name") : rule("send.accepted");
  return judge_refusal({.status = answer.status, .target = target, .body = body});
}

// The field at fault; where the device is, it is the registration's, wherever it stands.
std::string_view field_at_fault(const AnswerBody& body, FaultDomain domain) {
  const auto named = std::ranges::find_if(body.violations, [&](const FieldViolation& violation) {
    return domain == FaultDomain::device ? names_registration(violation) : !violation.field.empty();
  });
  return named == body.violations.end() ? std::string_view() : named->field;
}

Verdict judge_answer(const Answer& answer, TargetKind target) {
  AnswerBody body = read_answer_body(answer.body);
  Verdict verdict = fcm::make_verdict(judge_answered(answer, body, target));
  if (verdict.kind == VerdictKind::accepted) {
    verdict.name = std::move(body.name);
    return verdict;
  }
  verdict.code =
      fcm::clean_prefix(body.fcm_error.empty() ? body.status : body.fcm_error, max_code_bytes);
  verdict.field = fcm::clean_prefix(field_at_fault(body, verdict.fault_domain), max_field_bytes);
  verdict.text = fcm::clean_prefix(body.message, max_text_bytes);
  verdict.retry_after = fcm::parse_retry_after(answer.retry_after, answer.received_at);
  if (!verdict.retry_after) verdict.retry_after = body.retry_delay;
  return verdict;
}

constexpr bool is_space(char c) noexcept {
  return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

// Takes `text` off the front, behind any space; false, with nothing certain left, when it is not
// there.
bool take(std::string_view& body, std::string_view text) noexcept {
  while (!body.empty() && is_space(body.front())) body.remove_prefix(1);
  if (!body.starts_with(text)) return false;
  body.remove_prefix(text.size());
  return true;
}

// As FCM writes it.
constexpr std::string_view usual_begin = "{\n  \"name\": \"";
constexpr std::string_view usual_end = "\"\n}\n";

// The name in {"name": "…"}, whatever the spaces; empty when the body is anything else, or needs a
// parser's care: then the parser decides.
std::string_view name_of_plain_acceptance(std::string_view body) noexcept {
  if (body.starts_with(usual_begin) && body.ends_with(usual_end) &&
      body.size() >= usual_begin.size() + usual_end.size()) {
    const std::string_view name =
        body.substr(usual_begin.size(), body.size() - usual_begin.size() - usual_end.size());
    if (fcm::is_plain_json(name)) return name;  // Without a quote, so it ends where it should.
  }
  if (!take(body, "{") || !take(body, R"("name")") || !take(body, ":") || !take(body, R"(")")) {
    return {};
  }
  const auto end = body.find('"');
  if (end == std::string_view::npos) return {};
  const std::string_view name = body.substr(0, end);
  if (!fcm::is_plain_json(name)) return {};
  body.remove_prefix(end);
  if (!take(body, R"(")") || !take(body, "}") || !take(body, "")) return {};
  return body.empty() ? name : std::string_view();
}

Verdict judge_silence(const Answer& answer, const Rule& row) {
  Verdict verdict = fcm::make_verdict(row);
  verdict.text = fcm::clean_prefix(answer.reason, max_text_bytes);
  return verdict;
}

struct Refusal {
  int status = 0;  // No answer's.
  TargetKind target = TargetKind::token;
  std::string body;
  Verdict verdict;
};

// A fleet's dead are told in a few texts, word for word.
void judge_refusal_into(Verdict& verdict, const Answer& answer, TargetKind target) {
  thread_local Latest<Refusal, 8> latest;
  constexpr std::size_t most_kept_bytes = 4'096;
  // A Retry-After may be a date, which means something else each second.
  const bool repeats = answer.retry_after.empty() && answer.body.size() <= most_kept_bytes;
  const Refusal* known = !repeats ? nullptr : latest.find([&](const Refusal& refusal) {
    return refusal.status == answer.status && refusal.target == target &&
           refusal.body == answer.body;
  });
  if (known != nullptr) {
    verdict = known->verdict;
    return;
  }
  verdict = judge(answer, target);
  if (repeats) latest.keep({answer.status, target, answer.body, verdict});
}

}  // namespace

void fcm::judge_into(Verdict& verdict, const Answer& answer, TargetKind target) {
  const bool answered = answer.transport == Answer::Transport::answered;
  if (answered && answer.status >= 300) return judge_refusal_into(verdict, answer, target);
  const std::string_view name =
      answered && answer.status >= 200 ? name_of_plain_acceptance(answer.body) : "";
  if (name.empty()) {
    verdict = judge(answer, target);
    return;
  }
  static const Rule& accepted = rule("send.accepted");
  verdict.kind = accepted.kind;
  verdict.rule = accepted.id;
  verdict.fault_domain = accepted.domain;
  verdict.action = action_of(accepted.kind);
  verdict.code.clear();
  verdict.field.clear();
  verdict.name = name;
  verdict.text.clear();
  verdict.retry_after.reset();
}

Verdict judge(const Answer& answer, TargetKind target) {
  switch (answer.transport) {
    case Answer::Transport::answered:
      return judge_answer(answer, target);
    case Answer::Transport::unsent:
      return judge_silence(answer, rule("transport.unsent"));
    case Answer::Transport::unknown:
      return judge_silence(answer, rule("outcome.unanswered"));
  }
  return judge_silence(answer, rule("outcome.unanswered"));
}

Action action_of(VerdictKind kind) noexcept {
  switch (kind) {
    case VerdictKind::accepted:
      return Action::record;
    case VerdictKind::device_gone:
    case VerdictKind::device_malformed:
    case VerdictKind::device_foreign:
      return Action::retire_device;
    case VerdictKind::device_suspect:
      return Action::probe_device;
    case VerdictKind::message_invalid:
      return Action::fail_message;
    case VerdictKind::platform_blocked:
      return Action::hold_platform;
    case VerdictKind::credential_stale:
      return Action::refresh_credential;
    case VerdictKind::project_blocked:
      return Action::hold_project;
    case VerdictKind::throttled_project:
      return Action::wait_project;
    case VerdictKind::throttled_target:
      return Action::wait_target;
    case VerdictKind::service_unavailable:
      return Action::retry;
    case VerdictKind::unknown_outcome:
      return Action::follow_policy;
    case VerdictKind::unsent:
      return Action::resend;
  }
  return Action::follow_policy;
}

}  // namespace fanfare
