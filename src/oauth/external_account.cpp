#include "oauth/external_account.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "oauth/basic_auth.h"
#include "oauth/endpoint_url.h"
#include "oauth/form.h"
#include "oauth/impersonation.h"
#include "oauth/json_fields.h"

namespace fanfare::oauth {
namespace {

namespace json = boost::json;

constexpr std::string_view exchange_endpoint = "https://sts.googleapis.com/v1/token";

std::unexpected<Error> malformed(std::string_view path, std::string_view fault) {
  return fail(Error::Kind::input, fmt::format("credentials file {}: {}", path, fault),
              "create the file again: gcloud iam workload-identity-pools create-cred-config");
}

TokenRequest exchange_request(const ExternalAccount& account, const Secret& subject,
                              std::string_view scope) {
  std::vector<std::pair<std::string_view, std::string_view>> fields{
      {"grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"},
      {"audience", account.audience},
      {"scope", scope},
      {"requested_token_type", "urn:ietf:params:oauth:token-type:access_token"},
      {"subject_token", subject.reveal()},
      {"subject_token_type", account.subject_token_type}};
  // A client names its project itself; without one the file must.
  std::string options;
  if (!account.workforce_project.empty() && account.client_id.empty()) {
    options = json::serialize(json::object{{"userProject", account.workforce_project}});
    fields.emplace_back("options", options);
  }
  auto request = form_request(account.token_url, make_form(fields));
  if (!account.client_id.empty()) {
    request.headers.push_back(
        {"authorization", basic_auth(account.client_id, account.client_secret.reveal())});
  }
  return request;
}

}  // namespace

Result<ExternalAccount> parse_external_account(const json::object& file, std::string_view path,
                                               const Environment& environment) {
  for (const std::string_view name : {"audience", "subject_token_type"}) {
    if (text_of(file, name).empty()) {
      return malformed(path, fmt::format("the field \"{}\" is missing or not text", name));
    }
  }
  ExternalAccount account;
  account.audience = text_of(file, "audience");
  account.subject_token_type = text_of(file, "subject_token_type");
  account.token_url = file.contains("token_url") ? text_of(file, "token_url") : exchange_endpoint;
  account.client_id = text_of(file, "client_id");
  account.client_secret = Secret(std::string(text_of(file, "client_secret")));
  account.workforce_project = text_of(file, "workforce_pool_user_project");
  if (!is_safe_url(account.token_url)) {
    return malformed(path, "\"token_url\" is not an https URL (http is taken to localhost only)");
  }
  const SubjectContext context{
      account.audience, account.subject_token_type,
      impersonated_email(text_of(file, "service_account_impersonation_url"))};
  auto source = parse_subject_source(file, path, context, environment);
  if (!source) return std::unexpected(std::move(source).error());
  account.source = *std::move(source);
  return account;
}

TokenError judge_exchange_refusal(std::string_view code, std::string_view description) {
  if (code == "invalid_target") {
    return {TokenFault::configuration,
            refusal_text("the workload identity pool or provider does not exist or is disabled",
                         code, description),
            "correct \"audience\" in the credentials file"};
  }
  if (code == "invalid_grant") {
    return {TokenFault::configuration,
            refusal_text("the subject token is not accepted", code, description),
            "check that it has not expired, and that the provider's issuer, audience and "
            "attribute condition fit it"};
  }
  if (code == "unauthorized_client" || code == "access_denied") {
    return {TokenFault::configuration,
            refusal_text("the pool does not let this subject in", code, description),
            "check the provider's attribute condition and the pool's bindings"};
  }
  return {TokenFault::configuration,
          refusal_text("the token exchange was refused", code, description),
          "compare the credentials file with the provider's settings"};
}

Progress ExternalCredential::begin(SystemTime now, std::string_view scope) {
  const auto exchange = [account = account_, scope = std::string(scope)](
                            const Secret& subject, SystemTime asked_at) -> Progress {
    return {Step{exchange_request(*account, subject, scope), [asked_at](const TokenReply& reply) {
                   if (!reply.answered) return unreachable("the token exchange", reply);
                   return ended(parse_token_answer(reply.status, reply.body, asked_at,
                                                   judge_exchange_refusal));
                 }}};
  };
  return with_subject(account_->source, now, exchange);
}

}  // namespace fanfare::oauth
