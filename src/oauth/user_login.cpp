#include "oauth/user_login.h"

#include <fmt/format.h>

#include "oauth/basic_auth.h"
#include "oauth/endpoint_url.h"
#include "oauth/form.h"
#include "oauth/json_fields.h"

namespace fanfare::oauth {
namespace {

namespace json = boost::json;

constexpr std::string_view login_remedy = "log in again: gcloud auth application-default login";

std::unexpected<Error> malformed(std::string_view path, std::string_view fault) {
  return fail(Error::Kind::input, fmt::format("credentials file {}: {}", path, fault),
              std::string(login_remedy));
}

Result<UserLogin> parse_login(const json::object& file, std::string_view path,
                              std::string_view url_field, std::string_view default_url) {
  for (const std::string_view name : {"client_id", "client_secret", "refresh_token"}) {
    if (text_of(file, name).empty()) {
      return malformed(path, fmt::format("the field \"{}\" is missing or not text", name));
    }
  }
  UserLogin login;
  login.client_id = text_of(file, "client_id");
  login.client_secret = Secret(std::string(text_of(file, "client_secret")));
  login.refresh_token = Secret(std::string(text_of(file, "refresh_token")));
  login.token_url = file.contains(url_field) ? text_of(file, url_field) : default_url;
  if (!is_safe_url(login.token_url)) {
    return malformed(
        path,
        fmt::format("\"{}\" is not an https URL (http is taken to localhost only)", url_field));
  }
  return login;
}

}  // namespace

Result<UserLogin> parse_authorized_user(const json::object& file, std::string_view path) {
  return parse_login(file, path, "token_uri", default_token_uri);
}

Result<UserLogin> parse_workforce_user(const json::object& file, std::string_view path) {
  auto login = parse_login(file, path, "token_url", "https://sts.googleapis.com/v1/oauthtoken");
  if (login) login->basic_auth = true;
  return login;
}

TokenError judge_login_refusal(std::string_view code, std::string_view description) {
  // Google reports a password change, a withdrawn consent and six idle months in the same way.
  if (code == "invalid_grant" || code == "invalid_rapt") {
    return {TokenFault::revoked_key,
            refusal_text("the login has expired or was revoked", code, description),
            std::string(login_remedy)};
  }
  if (code == "invalid_client" || code == "unauthorized_client") {
    return {
        TokenFault::configuration,
        refusal_text("client_id or client_secret of the login is not accepted", code, description),
        std::string(login_remedy)};
  }
  return {TokenFault::configuration,
          refusal_text("the token endpoint refused the login", code, description),
          std::string(login_remedy)};
}

Progress UserCredential::begin(SystemTime now, std::string_view) {
  std::vector<std::pair<std::string_view, std::string_view>> fields{
      {"grant_type", "refresh_token"}};
  if (!login_.basic_auth) {
    fields.emplace_back("client_id", login_.client_id);
    fields.emplace_back("client_secret", login_.client_secret.reveal());
  }
  fields.emplace_back("refresh_token", login_.refresh_token.reveal());
  auto request = form_request(login_.token_url, make_form(fields));
  if (login_.basic_auth) {
    request.headers.push_back(
        {"authorization", basic_auth(login_.client_id, login_.client_secret.reveal())});
  }
  return {Step{std::move(request), [now](const TokenReply& reply) {
                 if (!reply.answered) return unreachable("the token endpoint", reply);
                 return ended(
                     parse_token_answer(reply.status, reply.body, now, judge_login_refusal));
               }}};
}

}  // namespace fanfare::oauth
