// From the body of a request to a submission for the queue: what POST …/messages takes.
//
//   {"message": {…}, "to": {"token": "…"}}                      one message to one target
//   {"message": {…}, "to": [{"token": "…"}, {"user": "u-7"}]}    one message to many
//   {"messages": [{"message": {…}, "to": {…}}, …]}               many messages
//
// `message` is FCM's `Message`; its target may also stand inside, as FCM has it. Options stand
// beside: priority, send_at, expires_at or expires_in, on_unknown, collapse, order_key, labels,
// idempotency_key, validate_only.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "fanfare/message.h"

#include "gateway/api.h"
#include "queue/message.h"

namespace fanfare::gateway {

struct SubmissionLimits {
  std::size_t targets = 10'000;                                      ///< Of one request.
  std::chrono::seconds default_expiry{std::chrono::hours(24 * 28)};  ///< FCM keeps none longer.
  std::chrono::seconds furthest{std::chrono::hours(24 * 365)};       ///< send_at, at most ahead.
};

/// A message to somebody whose devices the registry knows.
struct ToUser {
  std::string user;
  std::string message;  ///< As in queue::NewMessage.
};

struct ReadSubmission {
  queue::Submission submission;
  std::vector<ToUser> users;
  std::string audience;  ///< A filter: then nothing else is asked for, see `to_audience`.
  bool to_audience = false;
};

/// Without the project, the fingerprint and what comes in headers.
[[nodiscard]] std::expected<ReadSubmission, Refusal> read_submission(
    const boost::json::object& body, const SubmissionLimits& limits, SystemTime now);

/// The user's own "labels" of a message or a campaign, as JSON: a small object of strings. Empty:
/// there are none, or they are refused.
[[nodiscard]] std::string read_labels(Fields& fields);

/// A message as FCM's JSON, checked and written in our normal form without its target. `where` is
/// the field it stands in ("messages[3].message").
struct ReadFcmMessage {
  std::string written;
  std::optional<Target> target;
  bool collapsible = false;
};
[[nodiscard]] std::expected<ReadFcmMessage, Refusal> read_fcm_message(
    const boost::json::value& message, const std::string& collapse, const std::string& where);

}  // namespace fanfare::gateway
