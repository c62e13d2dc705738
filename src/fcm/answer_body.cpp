#include "fanfare/answer_body.h"

#include <cstdint>

#include <simdjson.h>

#include "fcm/retry_after.h"

namespace fanfare {
namespace {

namespace dom = simdjson::dom;

// Larger bodies are not parsed: FCM's own have a few hundred bytes, so it is not FCM's.
constexpr std::size_t max_parsed_body_bytes = 64U << 10;

// A lookup that treats every surprise (no object, no such member, another type) as absence.
std::string_view text_at(dom::element element, std::string_view name) {
  std::string_view text;
  if (element[name].get(text) != simdjson::SUCCESS) return {};
  return text;
}

// "type.googleapis.com/google.rpc.BadRequest" is "BadRequest": the host and the package are as
// little promised as the order of the entries.
std::string_view last_part(std::string_view type) {
  const auto cut = type.find_last_of("./");
  return cut == std::string_view::npos ? type : type.substr(cut + 1);
}

void set_if_empty(std::string& out, std::string_view text) {
  if (out.empty()) out = text;
}

void read_fcm_error(dom::element detail, AnswerBody& out) {
  set_if_empty(out.fcm_error, text_at(detail, "errorCode"));
  set_if_empty(out.fcm_error, text_at(detail, "error_code"));
  // The entry is there but names nothing: FCM's own word for that.
  set_if_empty(out.fcm_error, "UNSPECIFIED_ERROR");
}

void read_apns_error(dom::element detail, AnswerBody& out) {
  if (out.apns_error) return;
  ApnsError& apns = out.apns_error.emplace();
  apns.reason = text_at(detail, "reason");
  std::int64_t status = 0;
  if (detail["statusCode"].get(status) != simdjson::SUCCESS) {
    status = detail["status_code"].get(status) == simdjson::SUCCESS ? status : 0;
  }
  apns.status = status >= 100 && status <= 599 ? static_cast<int>(status) : 0;
}

void read_bad_request(dom::element detail, AnswerBody& out) {
  out.has_bad_request = true;
  dom::array violations;
  if (detail["fieldViolations"].get(violations) != simdjson::SUCCESS &&
      detail["field_violations"].get(violations) != simdjson::SUCCESS) {
    return;
  }
  for (const dom::element violation : violations) {
    out.violations.push_back({.field = std::string(text_at(violation, "field")),
                              .description = std::string(text_at(violation, "description"))});
  }
}

void read_retry_info(dom::element detail, AnswerBody& out) {
  if (out.retry_delay) return;
  out.retry_delay = fcm::parse_retry_delay(text_at(detail, "retryDelay"));
  if (!out.retry_delay) out.retry_delay = fcm::parse_retry_delay(text_at(detail, "retry_delay"));
}

void read_detail(dom::element detail, AnswerBody& out) {
  const std::string_view type = last_part(text_at(detail, "@type"));
  if (type == "FcmError") {
    read_fcm_error(detail, out);
  } else if (type == "ApnsError") {
    read_apns_error(detail, out);
  } else if (type == "BadRequest") {
    read_bad_request(detail, out);
  } else if (type == "ErrorInfo") {
    set_if_empty(out.error_info_reason, text_at(detail, "reason"));
  } else if (type == "RetryInfo") {
    read_retry_info(detail, out);
  }
}

void read_error(dom::element error, AnswerBody& out) {
  std::string_view flat;
  if (error.get(flat) == simdjson::SUCCESS) {
    out.message = flat;
    return;
  }
  out.status = text_at(error, "status");
  out.message = text_at(error, "message");
  dom::array details;
  if (error["details"].get(details) != simdjson::SUCCESS) return;
  for (const dom::element detail : details) read_detail(detail, out);
}

// Parses a copy with the padding that simdjson wants. Both buffers are kept per thread: an error
// body is parsed for every dead device, and allocating would cost more than parsing.
simdjson::simdjson_result<dom::element> parse(std::string_view body) {
  thread_local dom::parser parser(max_parsed_body_bytes + simdjson::SIMDJSON_PADDING);
  thread_local std::string padded;
  padded.assign(body);
  padded.append(simdjson::SIMDJSON_PADDING, '\0');
  return parser.parse(padded.data(), body.size(), false);
}

}  // namespace

AnswerBody read_answer_body(std::string_view body) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (body.starts_with(byte_order_mark)) body.remove_prefix(byte_order_mark.size());
  AnswerBody out;
  const auto first = body.find_first_not_of(" \t\r\n");
  out.is_page = first != std::string_view::npos && body[first] != '{' && body[first] != '[';
  dom::element root;
  if (body.size() > max_parsed_body_bytes || parse(body).get(root) != simdjson::SUCCESS) return out;
  out.name = text_at(root, "name");
  dom::element error;
  if (root["error"].get(error) == simdjson::SUCCESS) read_error(error, out);
  return out;
}

}  // namespace fanfare
