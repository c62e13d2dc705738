// The body of an answer, read into what judge() asks for. Reads, and decides nothing.
//
// The envelope is google.rpc.Status: {"error": {code, message, status, details: [{"@type": …}]}}.
// The order of `details` is not stable, and any part may be missing or of another type; such a
// part is as good as absent. docs/protocol.md, "Error bodies", has the types and both generations.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fanfare::fcm {

/// Larger bodies are not parsed: FCM's own have a few hundred bytes, so it is not FCM's.
inline constexpr std::size_t max_parsed_body_bytes = 64U << 10;

/// An entry of google.rpc.BadRequest; empty where the answer gave nothing.
struct FieldViolation {
  std::string field;
  std::string description;
};

/// google.firebase.fcm.v1.ApnsError: what Apple said to FCM.
struct ApnsError {
  int status = 0;      ///< Of APNs, not of FCM; 0: not given.
  std::string reason;  ///< "BadDeviceToken", …; empty: not given.
};

struct AnswerBody {
  bool is_page = false;  ///< Starts like no JSON document: HTML, plain text. Not FCM's own.
  // All of these are empty when the body is a page, cut, too large, or empty.
  std::string name;                     ///< Of an accepted message.
  std::string status;                   ///< google.rpc.Code by name, "NOT_FOUND".
  std::string message;                  ///< For people. Of a flat {"error": "text"} that text.
  std::string fcm_error;                ///< FcmError's code; empty: there is no such entry.
  std::optional<ApnsError> apns_error;  ///< The first of its kind, like all here.
  bool has_bad_request = false;         ///< May be true without any violation.
  std::vector<FieldViolation> violations;
  std::string error_info_reason;  ///< google.rpc.ErrorInfo, "SERVICE_DISABLED".
  std::optional<std::chrono::seconds> retry_delay;
};

/// Never fails and never throws: what can't be read is absent.
[[nodiscard]] AnswerBody read_answer_body(std::string_view body);

}  // namespace fanfare::fcm
