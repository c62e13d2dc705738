#include "gateway/api.h"

#include <boost/json/serialize.hpp>

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

http2::Response respond(int status, std::string body) {
  http2::Response response;
  response.status = status;
  response.headers = {{"content-type", "application/json"}, {"cache-control", "no-store"}};
  response.body = std::move(body);
  return response;
}

}  // namespace

const std::string& Call::part(std::string_view name) const {
  static const std::string none;
  const auto at = path.find(name);
  return at == path.end() ? none : at->second;
}

http2::Response answer(int status, const json::value& body) {
  return respond(status, json::serialize(body));
}

http2::Response no_content() {
  http2::Response response;
  response.status = 204;
  return response;
}

http2::Response refuse(const Refusal& refusal) {
  json::object error{
      {"code", refusal.code}, {"status", refusal.status}, {"message", refusal.message}};
  if (!refusal.remedy.empty()) error["remedy"] = refusal.remedy;
  if (!refusal.field.empty()) error["field"] = refusal.field;
  auto response = answer(refusal.code, json::object{{"error", std::move(error)}});
  if (refusal.retry_after_s) {
    response.headers.push_back({"retry-after", std::to_string(*refusal.retry_after_s)});
  }
  if (refusal.code == 401) response.headers.push_back({"www-authenticate", "Bearer"});
  return response;
}

http2::Response refuse(const Error& error) {
  Refusal refusal{.message = error.what, .remedy = error.remedy};
  switch (error.kind) {
    case Error::Kind::usage:
    case Error::Kind::input:
      break;
    case Error::Kind::storage:
      refusal.code = 503;
      refusal.status = "UNAVAILABLE";
      refusal.retry_after_s = 5;
      break;
    case Error::Kind::credentials:
      refusal.code = 412;
      refusal.status = "FAILED_PRECONDITION";
      break;
    case Error::Kind::network:
      refusal.code = 502;
      refusal.status = "UNAVAILABLE";
      break;
  }
  return refuse(refusal);
}

}  // namespace fanfare::gateway
