#include "emulator/answers.h"

#include <algorithm>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <fmt/format.h>

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

constexpr std::string_view fcm_error_type = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
constexpr std::string_view invalid_argument = "INVALID_ARGUMENT";
constexpr std::string_view bare_text = "Request contains an invalid argument.";

json::object detail(std::string_view rpc_type) {
  return {{"@type", fmt::format("type.googleapis.com/google.rpc.{}", rpc_type)}};
}

json::object fcm_error(std::string_view code) {
  return {{"@type", fcm_error_type}, {"errorCode", code}};
}

json::object apns_error(int status, std::string_view reason) {
  return {{"@type", "type.googleapis.com/google.firebase.fcm.v1.ApnsError"},
          {"statusCode", status},
          {"reason", reason}};
}

json::object violation(std::string_view field, std::string_view description) {
  json::object one;
  if (!field.empty()) one["field"] = field;
  one["description"] = description;
  return one;
}

json::object bad_request(json::array violations) {
  auto entry = detail("BadRequest");
  entry["fieldViolations"] = std::move(violations);
  return entry;
}

json::object error_info(std::string_view reason, std::string_view domain, json::object metadata) {
  auto entry = detail("ErrorInfo");
  entry["reason"] = reason;
  entry["domain"] = domain;
  entry["metadata"] = std::move(metadata);
  return entry;
}

json::object help(std::string_view description, std::string_view url) {
  auto entry = detail("Help");
  entry["links"] = json::array{json::object{{"description", description}, {"url", url}}};
  return entry;
}

/// The envelope; `fcm_code` is only for the books, the details say it on the wire.
Answer refuse(int code, std::string_view status, std::string_view message, json::array details = {},
              std::string_view fcm_code = {}) {
  json::object error{{"code", code}, {"message", message}, {"status", status}};
  if (!details.empty()) error["details"] = std::move(details);
  Answer answer;
  answer.status = code;
  answer.body["error"] = std::move(error);
  answer.fcm_code = fcm_code;
  return answer;
}

json::object method_metadata() {
  return {{"method", "google.firebase.fcm.v1.FcmService.SendMessage"},
          {"service", "fcm.googleapis.com"}};
}

Answer unauthenticated(std::string_view message, json::array details) {
  auto answer = refuse(401, "UNAUTHENTICATED", message, std::move(details));
  answer.headers.push_back(
      {"www-authenticate",
       R"(Bearer realm="https://accounts.google.com/", error="invalid_token")"});
  return answer;
}

constexpr std::string_view expected_token =
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project.";

/// The text around a fault, one line of printable ASCII, and a caret under the place.
std::string excerpt(std::string_view body, std::size_t where) {
  constexpr std::size_t around = 20;
  where = std::min(where, body.size());
  const auto start = where > around ? where - around : 0;
  std::string line(body.substr(start, where - start + around));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = ' ';
  }
  return fmt::format("{}\n{}^", line, std::string(where - start, ' '));
}

void append_pretty(std::string& out, const json::value& value, std::size_t depth);

void append_indent(std::string& out, std::size_t depth) {
  out.push_back('\n');
  out.append(2 * depth, ' ');
}

void append_text(std::string& out, std::string_view text) {
  const auto plain = std::all_of(text.begin(), text.end(), [](char c) {
    return c >= ' ' && c != '"' && c != '\\' && c <= '~';
  });
  if (plain) {
    out.append("\"").append(text).append("\"");
  } else {
    out.append(json::serialize(json::string(text)));
  }
}

void append_object(std::string& out, const json::object& object, std::size_t depth) {
  out.push_back('{');
  for (std::string_view comma = ""; const auto& member : object) {
    out.append(std::exchange(comma, ","));
    append_indent(out, depth + 1);
    append_text(out, member.key());
    out.append(": ");
    append_pretty(out, member.value(), depth + 1);
  }
  if (!object.empty()) append_indent(out, depth);
  out.push_back('}');
}

void append_array(std::string& out, const json::array& array, std::size_t depth) {
  out.push_back('[');
  for (std::string_view comma = ""; const auto& item : array) {
    out.append(std::exchange(comma, ","));
    append_indent(out, depth + 1);
    append_pretty(out, item, depth + 1);
  }
  if (!array.empty()) append_indent(out, depth);
  out.push_back(']');
}

void append_pretty(std::string& out, const json::value& value, std::size_t depth) {
  if (const auto* object = value.if_object()) {
    append_object(out, *object, depth);
  } else if (const auto* array = value.if_array()) {
    append_array(out, *array, depth);
  } else if (const auto* text = value.if_string()) {
    append_text(out, *text);
  } else {
    out.append(json::serialize(value));
  }
}

// Those of Google's front end without alt-svc: a client that followed it would leave for HTTP/3 on
// port 443, where nobody listens.
http2::Headers common_headers(bool html, std::string_view date) {
  http2::Headers headers;
  headers.reserve(12);
  headers.push_back(
      {"content-type", html ? "text/html; charset=UTF-8" : "application/json; charset=UTF-8"});
  headers.push_back({"vary", "Origin, X-Origin, Referer"});
  headers.push_back({"date", std::string(date)});
  headers.push_back({"server", "scaffolding on HTTPServer2"});
  headers.push_back({"cache-control", "private"});
  headers.push_back({"x-xss-protection", "0"});
  headers.push_back({"x-frame-options", "SAMEORIGIN"});
  headers.push_back({"x-content-type-options", "nosniff"});
  return headers;
}

std::string html_page(std::string_view title, std::string_view text) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>{0}</title>\n"
      "  <p><b>{1}</b> <ins>That’s an error.</ins>\n  <p>{2}\n",
      title, title.substr(6, 3), text);
}

std::string escape_html(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '<') {
      escaped.append("&lt;");
    } else if (c == '>') {
      escaped.append("&gt;");
    } else if (c == '&') {
      escaped.append("&amp;");
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

}  // namespace

std::string kind_of(const Answer& answer) {
  if (!answer.spoilt.empty()) return fmt::format("{} {}", name_of(answer.fault), answer.spoilt);
  if (answer.fault != Fault::none && answer.status == 0) return std::string(name_of(answer.fault));
  if (answer.status == 0) return "cut";
  auto kind = std::to_string(answer.status);
  // Somebody else's 200: the books must not take it for an acceptance.
  if (answer.status == 200 && !answer.html.empty()) kind += " HTML";
  if (!answer.fcm_code.empty()) kind.append(" ").append(answer.fcm_code);
  return kind;
}

bool counts_for_quota(const Answer& answer) {
  return answer.status == 200 ||
         (answer.status >= 400 && answer.status < 500 && answer.status != 429);
}

Blame blame_of(const Answer& answer) {
  const auto* error = object_in(answer.body, "error");
  if (error == nullptr) return {text_in(answer.body, "error"), {}};
  Blame blame{text_in(*error, "message"), {}};
  const auto* details = error->if_contains("details");
  if (details == nullptr) return blame;
  for (const auto& detail : details->get_array()) {
    const auto& fields = detail.get_object();
    if (const auto reason = text_in(fields, "reason"); fields.contains("statusCode")) {
      blame.field = reason;
    }
    const auto* violations = fields.if_contains("fieldViolations");
    if (violations == nullptr || violations->get_array().empty()) continue;
    blame.field = text_in(violations->get_array().front().get_object(), "field");
  }
  return blame;
}

CommonHeaders::CommonHeaders(std::string_view date)
    : of_json(std::make_shared<const http2::Headers>(common_headers(false, date))),
      of_html(std::make_shared<const http2::Headers>(common_headers(true, date))) {}

http2::Response render(const Answer& answer, bool pretty, const CommonHeaders& common) {
  http2::Response response;
  response.status = answer.status;
  response.common = answer.html.empty() ? common.of_json : common.of_html;
  response.headers = answer.headers;
  if (answer.no_body) return response;
  if (!answer.html.empty()) {
    response.body = answer.html;
  } else if (pretty) {
    append_object(response.body, answer.body, 0);
    response.body.push_back('\n');
  } else {
    response.body = json::serialize(answer.body);
  }
  return response;
}

std::string pretty_print(const json::value& value) {
  std::string text;
  append_pretty(text, value, 0);
  text.push_back('\n');
  return text;
}

Answer accepted(std::string_view name) {
  Answer answer;
  answer.body["name"] = name;
  return answer;
}

Answer malformed_json(std::string_view body, std::size_t where) {
  const auto text =
      fmt::format("Invalid JSON payload received. {}\n{}",
                  where >= body.size() ? "Unexpected end of string." : "Unexpected token.",
                  excerpt(body, where));
  return refuse(400, invalid_argument, text, {bad_request({violation("", text)})});
}

Answer schema_faults(std::span<const FieldFault> faults) {
  std::string message;
  json::array violations;
  for (const auto& fault : faults) {
    message.append(message.empty() ? "" : "\n").append(fault.text);
    violations.push_back(violation(fault.field, fault.text));
  }
  return refuse(400, invalid_argument, message, {bad_request(std::move(violations))});
}

Answer invalid_field(std::string_view field, std::string_view text) {
  return refuse(400, invalid_argument, text,
                {bad_request({violation(field, text)}), fcm_error(invalid_argument)},
                invalid_argument);
}

// The one 400 with its details the other way round.
Answer bad_registration(std::string_view field, Texts texts) {
  if (texts == Texts::older) {
    return refuse(400, invalid_argument, bare_text,
                  {fcm_error(invalid_argument),
                   bad_request({violation(field, "Invalid registration token")})},
                  invalid_argument);
  }
  constexpr std::string_view text = "The registration token is not a valid FCM registration token";
  return refuse(400, invalid_argument, text,
                {fcm_error(invalid_argument), bad_request({violation(field, text)})},
                invalid_argument);
}

Answer reserved_key(std::string_view key) {
  return refuse(400, invalid_argument, fmt::format("Invalid data payload key: {}", key),
                {fcm_error(invalid_argument)}, invalid_argument);
}

Answer too_large(Texts texts) {
  if (texts == Texts::older) {
    return refuse(400, invalid_argument, "Android message is too big",
                  {fcm_error(invalid_argument)}, invalid_argument);
  }
  return refuse(400, invalid_argument, "Message is too large. The maximum is 4K (4096 bytes).",
                {detail("BadRequest"), fcm_error(invalid_argument)}, invalid_argument);
}

Answer bare_invalid_argument() {
  return refuse(400, invalid_argument, bare_text);
}

Answer apns_disabled() {
  return refuse(400, invalid_argument, "APNs device token is disabled.",
                {fcm_error(invalid_argument), apns_error(410, "Unregistered")}, invalid_argument);
}

Answer missing_credentials() {
  return unauthenticated(
      fmt::format("Request is missing required authentication credential. {}", expected_token),
      {error_info("CREDENTIALS_MISSING", "googleapis.com", method_metadata())});
}

Answer invalid_credentials() {
  return unauthenticated(
      fmt::format("Request had invalid authentication credentials. {}", expected_token), {});
}

Answer expired_credentials() {
  return unauthenticated(
      fmt::format("Request had invalid authentication credentials. {}", expected_token),
      {error_info("ACCESS_TOKEN_EXPIRED", "googleapis.com", method_metadata())});
}

Answer third_party_auth(Texts texts) {
  constexpr std::string_view code = "THIRD_PARTY_AUTH_ERROR";
  const auto text = texts == Texts::older ? "Invalid APNs credential."
                                          : "Auth error from APNS or Web Push Service";
  return refuse(401, "UNAUTHENTICATED", text,
                {fcm_error(code), apns_error(403, "InvalidProviderToken")}, code);
}

Answer sender_mismatch() {
  constexpr std::string_view code = "SENDER_ID_MISMATCH";
  return refuse(403, "PERMISSION_DENIED", "SenderId mismatch", {fcm_error(code)}, code);
}

Answer permission_denied(std::string_view project) {
  constexpr std::string_view permission = "cloudmessaging.messages.create";
  constexpr std::string_view domain = "cloudresourcemanager.googleapis.com";
  return refuse(
      403, "PERMISSION_DENIED",
      fmt::format("Permission '{}' denied on resource '//{}/projects/{}' (or it may not exist).",
                  permission, domain, project),
      {error_info(
          "IAM_PERMISSION_DENIED", domain,
          {{"permission", permission}, {"resource", fmt::format("projects/{}", project)}})});
}

Answer api_disabled(std::string_view project_number) {
  const auto url = fmt::format(
      "https://console.developers.google.com/apis/api/fcm.googleapis.com/overview?project={}",
      project_number);
  return refuse(
      403, "PERMISSION_DENIED",
      fmt::format("Firebase Cloud Messaging API has not been used in project {} before or it is "
                  "disabled. Enable it by visiting {} then retry. If you enabled this API "
                  "recently, wait a few minutes for the action to propagate to our systems and "
                  "retry.",
                  project_number, url),
      {help("Google developers console API activation", url),
       error_info("SERVICE_DISABLED", "googleapis.com",
                  {{"service", "fcm.googleapis.com"},
                   {"consumer", fmt::format("projects/{}", project_number)}})});
}

Answer scope_insufficient() {
  auto answer =
      refuse(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.",
             {error_info("ACCESS_TOKEN_SCOPE_INSUFFICIENT", "googleapis.com", method_metadata())});
  answer.headers.push_back({"www-authenticate", R"(Bearer realm="https://accounts.google.com/", )"
                                                R"(error="insufficient_scope")"});
  return answer;
}

Answer unregistered(Texts texts) {
  constexpr std::string_view code = "UNREGISTERED";
  const auto text = texts == Texts::newer ? "NotRegistered" : "Requested entity was not found.";
  return refuse(404, "NOT_FOUND", text, {fcm_error(code)}, code);
}

Answer apns_unregistered() {
  constexpr std::string_view code = "UNREGISTERED";
  return refuse(404, "NOT_FOUND", "Requested entity was not found.",
                {fcm_error(code), apns_error(410, "Unregistered")}, code);
}

Answer bare_not_found() {
  return refuse(404, "NOT_FOUND", "Requested entity was not found.");
}

Answer html_not_found(std::string_view path) {
  Answer answer;
  answer.status = 404;
  answer.html =
      html_page("Error 404 (Not Found)!!1",
                fmt::format("The requested URL <code>{}</code> was not found on this server. "
                            "<ins>That’s all we know.</ins>",
                            escape_html(path)));
  return answer;
}

Answer already_exists() {
  return refuse(409, "ALREADY_EXISTS", "Requested entity already exists");
}

// A limit that no wait lifts, so not the 429 of a rate.
Answer too_many_topics() {
  constexpr std::string_view code = "TOO_MANY_TOPICS";
  return refuse(400, "FAILED_PRECONDITION", "The registration has too many topics.",
                {fcm_error(code)}, code);
}

Answer subscription_quota() {
  constexpr std::string_view code = "RESOURCE_EXHAUSTED";
  return refuse(429, code, "Topic subscription quota exceeded.", {fcm_error(code)}, code);
}

Answer project_quota(std::string_view project_number, std::uint64_t limit) {
  return refuse(
      429, "RESOURCE_EXHAUSTED",
      fmt::format("Quota exceeded for quota metric 'Send requests' and limit 'Send requests per "
                  "minute' of service 'fcm.googleapis.com' for consumer 'project_number:{}'.",
                  project_number),
      {error_info("RATE_LIMIT_EXCEEDED", "googleapis.com",
                  {{"quota_limit_value", std::to_string(limit)},
                   {"consumer", fmt::format("projects/{}", project_number)},
                   {"quota_metric", "fcm.googleapis.com/send_requests"},
                   {"quota_unit", "1/min/{project}"},
                   {"service", "fcm.googleapis.com"},
                   {"quota_location", "global"},
                   {"quota_limit", "SendsPerMinutePerProject"}}),
       help("Request a higher quota limit.",
            "https://cloud.google.com/docs/quotas/help/request_increase")});
}

Answer topic_quota(std::string_view topic) {
  constexpr std::string_view code = "QUOTA_EXCEEDED";
  constexpr std::string_view text = "Topic quota exceeded.";
  auto quota = detail("QuotaFailure");
  quota["violations"] =
      json::array{json::object{{"subject", fmt::format("topic:{}", topic)}, {"description", text}}};
  auto retry = detail("RetryInfo");
  retry["retryDelay"] = "60s";
  return refuse(429, "RESOURCE_EXHAUSTED", text,
                {fcm_error(code), std::move(quota), std::move(retry)}, code);
}

// The shape of "Topic quota exceeded."; the text for a device was not captured.
Answer device_quota() {
  constexpr std::string_view code = "QUOTA_EXCEEDED";
  constexpr std::string_view text = "Device message rate exceeded.";
  auto quota = detail("QuotaFailure");
  quota["violations"] = json::array{json::object{{"subject", "device"}, {"description", text}}};
  auto retry = detail("RetryInfo");
  retry["retryDelay"] = "1s";
  return refuse(429, "RESOURCE_EXHAUSTED", text,
                {fcm_error(code), std::move(quota), std::move(retry)}, code);
}

Answer unavailable() {
  constexpr std::string_view code = "UNAVAILABLE";
  return refuse(503, code, "The service is currently unavailable.", {fcm_error(code)}, code);
}

Answer internal_error() {
  constexpr std::string_view code = "INTERNAL";
  return refuse(500, code, "Internal error encountered.", {fcm_error(code)}, code);
}

Answer html_unavailable() {
  Answer answer;
  answer.status = 503;
  answer.html = html_page("Error 503 (Service Unavailable)!!1",
                          "The service you requested is not available at this time.<p>Service "
                          "error -27. <ins>That’s all we know.</ins>");
  return answer;
}

// What a captive portal or a proxy says in FCM's place.
Answer html_welcome() {
  Answer answer;
  answer.html =
      "<!DOCTYPE html>\n<html lang=en><title>Welcome</title><p>Please sign in to use "
      "this network.</html>\n";
  return answer;
}

Answer html_bad_gateway() {
  Answer answer;
  answer.status = 502;
  answer.html = html_page("Error 502 (Server Error)!!1",
                          "The server encountered a temporary error and could not complete your "
                          "request.<p>Please try again in 30 seconds. <ins>That’s all we "
                          "know.</ins>");
  return answer;
}

Answer flat_error(int status, std::string_view error) {
  Answer answer;
  answer.status = status;
  answer.body["error"] = error;
  return answer;
}

Answer with_retry_after(Answer answer, std::chrono::seconds wait, bool as_date, SystemTime now) {
  answer.headers.push_back(
      {"retry-after", as_date ? format_http_date(now + wait) : std::to_string(wait.count())});
  return answer;
}

Answer cut_connection() {
  return no_answer(Fault::none, http2::Mishap::cut);
}

Answer no_answer(Fault fault, http2::Mishap mishap) {
  Answer answer;
  answer.status = 0;
  answer.fault = fault;
  answer.mishap = mishap;
  return answer;
}

}  // namespace fanfare::emulator
