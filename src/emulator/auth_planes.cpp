#include "emulator/auth_planes.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "emulator/url.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

std::string value_of(std::string_view form, std::string_view name) {
  return query_value(form, name).value_or("");
}

bool is_gone(Fault fault) {
  return fault == Fault::revoked_key || fault == Fault::account_gone;
}

constexpr std::string_view access_token_type = "urn:ietf:params:oauth:token-type:access_token";
constexpr std::string_view all_of_google = "https://www.googleapis.com/auth/cloud-platform";

// --- metadata ---

constexpr std::string_view metadata_prefix = "/computeMetadata/v1/";
constexpr std::string_view default_account = "instance/service-accounts/default/";

http2::Response metadata(int status, std::string_view type, std::string body) {
  http2::Response response;
  response.status = status;
  response.headers = {{"content-type", std::string(type)},
                      {"metadata-flavor", "Google"},
                      {"server", "Metadata Server for VM"}};
  response.body = std::move(body);
  return response;
}

http2::Response metadata_text(std::string_view text) {
  return metadata(200, "application/text", std::string(text));
}

http2::Response metadata_not_found() {
  return metadata(404, "text/html; charset=UTF-8", "<!DOCTYPE html>\n<title>404</title>\n");
}

/// Scopes are separated by commas here.
http2::Response metadata_token(std::string_view query, TokenEndpoint& tokens, SystemTime now) {
  auto wanted = value_of(query, "scopes");
  std::replace(wanted.begin(), wanted.end(), ',', ' ');
  const auto scopes = parse_scopes(wanted.empty() ? all_of_google : std::string_view(wanted));
  if (!scopes) return metadata(400, "application/text", "invalid scopes");
  const json::object body{{"access_token", tokens.issue(now, *scopes)},
                          {"expires_in", tokens.life().count()},
                          {"token_type", "Bearer"}};
  return metadata(200, "application/json", json::serialize(body));
}

http2::Response account_metadata(std::string_view what, std::string_view query,
                                 const MetadataServer& server, TokenEndpoint* tokens,
                                 SystemTime now) {
  if (server.client_email.empty() || tokens == nullptr) return metadata_not_found();
  if (what == "token") return metadata_token(query, *tokens, now);
  if (what == "email") return metadata_text(server.client_email);
  if (what == "aliases") return metadata_text("default\n");
  if (what == "scopes") return metadata_text(fmt::format("{}\n", all_of_google));
  if (what.empty() && query_value(query, "recursive") == "true") {
    const json::object body{
        {"aliases", {"default"}}, {"email", server.client_email}, {"scopes", {all_of_google}}};
    return metadata(200, "application/json", json::serialize(body));
  }
  return what.empty() ? metadata_text("aliases\nemail\nscopes\ntoken\n") : metadata_not_found();
}

// --- impersonation ---

/// "3600s"; absent is an hour. Nothing for what is no duration of 1 to 3,600 seconds.
std::optional<std::chrono::seconds> lifetime_of(const json::object& body) {
  const auto* value = body.if_contains("lifetime");
  if (value == nullptr) return 3'600s;
  if (!value->is_string()) return std::nullopt;
  const std::string text(value->get_string());
  if (!text.ends_with('s') || text.size() > 6) return std::nullopt;
  const auto digits = text.substr(0, text.size() - 1);
  const auto seconds = page_size(digits, 0, 3'601);  // A count, and no more than that.
  if (!seconds || *seconds == 0 || *seconds > 3'600) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

std::string scopes_in(const json::object& body) {
  const auto* value = body.if_contains("scope");
  std::string scopes;
  if (value == nullptr || !value->is_array()) return scopes;
  for (const auto& one : value->get_array()) {
    if (one.is_string()) scopes.append(std::string_view(one.get_string())).append(" ");
  }
  return scopes;
}

}  // namespace

http2::Response refresh_token(std::string_view form, const Identities& identities,
                              TokenEndpoint& tokens, SystemTime now, Fault fault) {
  for (const std::string_view name : {"refresh_token", "client_id", "client_secret"}) {
    if (!value_of(form, name).empty()) continue;
    return oauth_refusal(400, "invalid_request",
                         fmt::format("Missing required parameter: {}", name));
  }
  if (value_of(form, "client_id") != identities.client_id) {
    return oauth_refusal(401, "invalid_client", "The OAuth client was not found.");
  }
  if (value_of(form, "client_secret") != identities.client_secret.reveal()) {
    return oauth_refusal(401, "invalid_client", "Unauthorized");
  }
  if (is_gone(fault)) {
    return oauth_refusal(400, "invalid_grant", "Token has been expired or revoked.");
  }
  if (value_of(form, "refresh_token") != identities.refresh_token.reveal()) {
    return oauth_refusal(400, "invalid_grant", "Bad Request");
  }
  return oauth_answer(200, {{"access_token", tokens.issue(now, Scopes{true, true})},
                            {"expires_in", tokens.life().count()},
                            {"scope", all_of_google},
                            {"token_type", "Bearer"}});
}

http2::Response exchange_subject_token(std::string_view form, const Identities& identities,
                                       TokenEndpoint& tokens, SystemTime now, Fault fault) {
  if (value_of(form, "grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange") {
    return oauth_refusal(400, "unsupported_grant_type", "Unsupported grant type.");
  }
  for (const std::string_view name : {"audience", "subject_token", "subject_token_type"}) {
    if (!value_of(form, name).empty()) continue;
    return oauth_refusal(400, "invalid_request", fmt::format("Missing parameter: {}.", name));
  }
  const auto requested = value_of(form, "requested_token_type");
  if (!requested.empty() && requested != access_token_type) {
    return oauth_refusal(400, "invalid_request", "Invalid value for \"requested_token_type\".");
  }
  if (value_of(form, "audience") != identities.audience) {
    return oauth_refusal(400, "invalid_target",
                         "The target service indicated by the \"audience\" parameters is invalid.");
  }
  if (is_gone(fault) || value_of(form, "subject_token") != identities.subject_token.reveal()) {
    return oauth_refusal(400, "invalid_grant", "The subject token is invalid or expired.");
  }
  const auto scopes = parse_scopes(value_of(form, "scope"));
  if (!scopes) return oauth_refusal(400, "invalid_scope", "Invalid value for \"scope\".");
  return oauth_answer(200, {{"access_token", tokens.issue(now, *scopes)},
                            {"issued_token_type", access_token_type},
                            {"token_type", "Bearer"},
                            {"expires_in", tokens.life().count()}});
}

std::optional<std::string> parse_impersonation_path(std::string_view path) {
  constexpr std::string_view before = "/v1/projects/-/serviceAccounts/";
  constexpr std::string_view after = ":generateAccessToken";
  if (!path.starts_with(before) || !path.ends_with(after)) return std::nullopt;
  if (path.size() <= before.size() + after.size()) return std::nullopt;
  path.remove_prefix(before.size());
  path.remove_suffix(after.size());
  return percent_decode(path);
}

Answer impersonate(std::string_view email, const std::string& text, const Identities& identities,
                   TokenEndpoint& tokens, SystemTime now, Fault fault) {
  boost::system::error_code error;
  const auto value = json::parse(text, error);
  if (error || !value.is_object()) return malformed_json(text, error ? text.size() : 0);
  const auto& body = value.get_object();
  const auto scopes = parse_scopes(scopes_in(body));
  const auto life = lifetime_of(body);
  if (!scopes || !life) return bare_invalid_argument();
  if (email != identities.client_email || fault == Fault::account_gone) return bare_not_found();
  Answer answer;
  answer.body = {
      {"accessToken", tokens.issue(now, *scopes, life)},
      {"expireTime", format_rfc3339(std::chrono::floor<std::chrono::seconds>(now) + *life)}};
  return answer;
}

std::optional<http2::Response> answer_metadata(const http2::Request& request, std::string_view path,
                                               std::string_view query, const MetadataServer& server,
                                               TokenEndpoint* tokens, SystemTime now) {
  const bool asked = http2::find_header(request.headers, "metadata-flavor") == "Google";
  if (path == "/" && asked && request.method == "GET") return metadata_text("computeMetadata/\n");
  if (!path.starts_with(metadata_prefix) || request.method != "GET") return std::nullopt;
  if (!asked)
    return metadata(403, "text/html; charset=UTF-8", "Missing Metadata-Flavor:Google header.\n");
  auto what = path.substr(metadata_prefix.size());
  if (what == "project/project-id") return metadata_text(server.project);
  if (what == "project/numeric-project-id") return metadata_text(server.project_number);
  if (what == "universe/universe-domain") return metadata_text("googleapis.com");
  if (!what.starts_with(default_account)) return metadata_not_found();
  what.remove_prefix(default_account.size());
  return account_metadata(what, query, server, tokens, now);
}

}  // namespace fanfare::emulator
