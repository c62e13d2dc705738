// What the body of an answer says, as values: FCM's code, Apple's reason, the fields at fault, the
// wait. judge() decides from it; programs may show it.
//
//   const auto body = fanfare::read_answer_body(outcome.answer.body);
//   if (body.apns_error) … body.apns_error->reason …
//
// The envelope is google.rpc.Status: {"error": {code, message, status, details: [{"@type": …}]}}.
// The order of `details` is not stable, and any part may be missing or of another type; such a
// part is as good as absent.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanfare {

/// An entry of google.rpc.BadRequest; empty where the answer gave nothing.
struct FieldViolation {
  std::string field;        ///< "message.android.ttl".
  std::string description;  ///< FCM's words.
};

/// google.firebase.fcm.v1.ApnsError: what Apple said to FCM.
struct ApnsError {
  int status = 0;      ///< Of APNs, not of FCM; 0: not given.
  std::string reason;  ///< "BadDeviceToken", …; empty: not given.
};

/// What a body holds. All but the first are empty when it is a page, cut, larger than 64 KiB, or
/// empty.
struct AnswerBody {
  bool is_page = false;   ///< Starts like no JSON document: HTML, plain text. Not FCM's own.
  std::string name;       ///< Of an accepted message.
  std::string status;     ///< google.rpc.Code by name, "NOT_FOUND".
  std::string message;    ///< For people. Of a flat {"error": "text"} that text.
  std::string fcm_error;  ///< FcmError's code; empty: there is no such entry.
  std::optional<ApnsError> apns_error;              ///< The first of its kind, like all here.
  bool has_bad_request = false;                     ///< May be true without any violation.
  std::vector<FieldViolation> violations;           ///< In the order of the answer.
  std::string error_info_reason;                    ///< google.rpc.ErrorInfo, "SERVICE_DISABLED".
  std::optional<std::chrono::seconds> retry_delay;  ///< google.rpc.RetryInfo, rounded up.
};

/// Reads the body of an answer. Never fails and never throws: what can't be read is absent.
[[nodiscard]] AnswerBody read_answer_body(std::string_view body);

}  // namespace fanfare
