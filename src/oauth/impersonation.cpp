#include "oauth/impersonation.h"

#include <algorithm>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "oauth/endpoint_url.h"
#include "oauth/json_fields.h"

namespace fanfare::oauth {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr std::string_view method_suffix = ":generateAccessToken";
constexpr std::string_view accounts_part = "/serviceAccounts/";
// What generateAccessToken takes: above an hour only by an organization's policy.
constexpr seconds shortest_lifetime{600};
constexpr seconds longest_lifetime{43'200};

std::unexpected<Error> malformed(std::string_view path, std::string_view fault) {
  return fail(Error::Kind::input, fmt::format("credentials file {}: {}", path, fault),
              "create the file again with gcloud");
}

std::unexpected<TokenError> failure(TokenFault fault, std::string what, std::string remedy = {}) {
  return std::unexpected(TokenError{fault, std::move(what), std::move(remedy)});
}

Secret body_of(const Impersonation& impersonation, std::string_view scope) {
  json::array delegates;
  for (const auto& delegate : impersonation.delegates) delegates.emplace_back(delegate);
  return Secret(json::serialize(
      json::object{{"delegates", std::move(delegates)},
                   {"scope", json::array{json::string_view(scope.data(), scope.size())}},
                   {"lifetime", fmt::format("{}s", impersonation.lifetime.count())}}));
}

// Google's envelope is {"error":{"code":403,"message":"…","status":"PERMISSION_DENIED"}}.
std::string words_of(const json::object* body, int status) {
  const auto* error = body != nullptr ? object_of(*body, "error") : nullptr;
  if (error == nullptr) return fmt::format("status {}", status);
  return fmt::format("status {}, {} ({})", status, quote_safely(text_of(*error, "status")),
                     quote_safely(text_of(*error, "message")));
}

std::unexpected<TokenError> refused(int status, const json::object* body,
                                    const std::string& email) {
  const auto words = words_of(body, status);
  if (status == 403) {
    return failure(TokenFault::configuration,
                   fmt::format("these credentials may not impersonate {}: {}", email, words),
                   "grant them roles/iam.serviceAccountTokenCreator on that account, and enable "
                   "iamcredentials.googleapis.com");
  }
  if (status == 404) {
    return failure(TokenFault::wrong_account,
                   fmt::format("the account to impersonate, {}, does not exist: {}", email, words),
                   "correct service_account_impersonation_url, or restore the account");
  }
  return failure(TokenFault::configuration,
                 fmt::format("the impersonation of {} was refused: {}", email, words),
                 "check service_account_impersonation_url, delegates and the lifetime");
}

}  // namespace

std::string impersonated_email(std::string_view url) {
  const auto begin = url.find(accounts_part);
  if (begin == std::string_view::npos) return {};
  url.remove_prefix(begin + accounts_part.size());
  return std::string(url.substr(0, url.find(':')));
}

Result<Impersonation> parse_impersonation(const json::object& file, std::string_view path) {
  Impersonation impersonation;
  impersonation.url = text_of(file, "service_account_impersonation_url");
  if (!is_safe_url(impersonation.url) || !impersonation.url.ends_with(method_suffix) ||
      impersonated_email(impersonation.url).empty()) {
    return malformed(path,
                     "\"service_account_impersonation_url\" is not an https URL that ends in "
                     "/serviceAccounts/EMAIL:generateAccessToken");
  }
  if (const auto* delegates = file.if_contains("delegates")) {
    const auto* list = delegates->if_array();
    if (list == nullptr && !delegates->is_null()) {
      return malformed(path, "\"delegates\" is not a list");
    }
    for (const auto& delegate : list != nullptr ? *list : json::array()) {
      if (!delegate.is_string()) return malformed(path, "\"delegates\" holds something not text");
      impersonation.delegates.emplace_back(delegate.get_string());
    }
  }
  const auto* options = object_of(file, "service_account_impersonation");
  const auto* lifetime =
      options != nullptr ? options->if_contains("token_lifetime_seconds") : nullptr;
  if (lifetime != nullptr) {
    const auto* count = lifetime->if_int64();
    if (count == nullptr || *count < shortest_lifetime.count() ||
        *count > longest_lifetime.count()) {
      return malformed(path, "\"token_lifetime_seconds\" is not a number from 600 to 43200");
    }
    impersonation.lifetime = seconds(*count);
  }
  return impersonation;
}

std::expected<AccessToken, TokenError> parse_impersonation_answer(int status, std::string_view text,
                                                                  SystemTime asked_at,
                                                                  const Impersonation& asked) {
  if (status >= 500 || status == 429 || status == 408) {
    return failure(TokenFault::service,
                   fmt::format("the impersonation endpoint is unavailable (status {})", status));
  }
  boost::system::error_code error;
  const auto document = json::parse({text.data(), text.size()}, error);
  const auto* body = error ? nullptr : document.if_object();
  if (status != 200) return refused(status, body, quote_safely(impersonated_email(asked.url)));
  const auto token = body != nullptr ? text_of(*body, "accessToken") : std::string_view();
  if (!fits_a_header(token)) {
    return failure(TokenFault::service,
                   "the impersonation endpoint answered 200, but without a usable accessToken");
  }
  const auto expires_at = parse_rfc3339(text_of(*body, "expireTime"));
  if (!expires_at) {
    return failure(TokenFault::service,
                   "the impersonation endpoint answered 200, but expireTime is not a time");
  }
  if (*expires_at <= asked_at) {
    return failure(TokenFault::clock_skew,
                   "the impersonated account's token would have expired already",
                   "set this machine's clock (NTP); it seems to be ahead");
  }
  return AccessToken{Secret(std::string(token)), std::min(*expires_at, asked_at + asked.lifetime)};
}

ImpersonatingCredential::ImpersonatingCredential(std::shared_ptr<Credential> source,
                                                 Impersonation impersonation)
    : source_(std::move(source)),
      impersonation_(std::make_shared<const Impersonation>(std::move(impersonation))) {}

Progress ImpersonatingCredential::begin(SystemTime now, std::string_view scope) {
  const auto impersonate = [asked = impersonation_, scope = std::string(scope)](
                               const AccessToken& token, SystemTime asked_at) -> Progress {
    TokenRequest request;
    request.url = asked->url;
    request.body = body_of(*asked, scope);
    request.headers = {{"content-type", Secret("application/json")},
                       {"authorization", Secret(fmt::format("Bearer {}", token.value.reveal()))}};
    return {Step{std::move(request), [asked, asked_at](const TokenReply& reply) {
                   if (!reply.answered) return unreachable("the impersonation endpoint", reply);
                   return ended(
                       parse_impersonation_answer(reply.status, reply.body, asked_at, *asked));
                 }}};
  };
  return with_token(source_->begin(now, cloud_scope), now, impersonate);
}

}  // namespace fanfare::oauth
