#include "gateway/fcm_words.h"

#include <string>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

http2::Response respond(int status, std::string body) {
  http2::Response response;
  response.status = status;
  response.headers = {{"content-type", "application/json; charset=UTF-8"}};
  response.body = std::move(body);
  return response;
}

}  // namespace

http2::Response fcm_refusal(int code, std::string_view status, std::string_view error_code,
                            std::string_view message, std::string_view field) {
  json::array details{json::object{{"@type", "type.googleapis.com/google.firebase.fcm.v1.FcmError"},
                                   {"errorCode", error_code}}};
  if (!field.empty()) {
    details.push_back(
        json::object{{"@type", "type.googleapis.com/google.rpc.BadRequest"},
                     {"fieldViolations",
                      json::array{json::object{{"field", field}, {"description", message}}}}});
  }
  const json::object body{{"error", json::object{{"code", code},
                                                 {"message", message},
                                                 {"status", status},
                                                 {"details", std::move(details)}}}};
  auto response = respond(code, json::serialize(body));
  if (code == 429 || code == 503) response.headers.push_back({"retry-after", "30"});
  return response;
}

http2::Response fcm_answer(const Answer& answer, const Verdict& verdict) {
  if (answer.transport == Answer::Transport::answered && answer.status != 0) {
    auto response = respond(answer.status, answer.body);
    if (!answer.retry_after.empty()) {
      response.headers.push_back({"retry-after", answer.retry_after});
    }
    return response;
  }
  if (verdict.kind == VerdictKind::message_invalid) {
    return fcm_refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", verdict.text, verdict.field);
  }
  if (verdict.kind == VerdictKind::project_blocked) {
    return fcm_refusal(403, "PERMISSION_DENIED", "UNSPECIFIED_ERROR", verdict.text);
  }
  return fcm_refusal(503, "UNAVAILABLE", "UNAVAILABLE",
                     "FCM could not be reached: " + answer.reason);
}

}  // namespace fanfare::gateway
