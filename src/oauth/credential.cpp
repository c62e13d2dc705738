#include "oauth/credential.h"

#include <fmt/format.h>

#include "oauth/assertion.h"
#include "oauth/form.h"

namespace fanfare::oauth {

TokenRequest form_request(std::string url, Secret form) {
  TokenRequest request;
  request.url = std::move(url);
  request.body = std::move(form);
  request.headers = {{"content-type", Secret("application/x-www-form-urlencoded")}};
  return request;
}

Progress with_token(Progress progress, SystemTime now,
                    std::function<Progress(const AccessToken&, SystemTime)> use) {
  if (const auto* token = std::get_if<AccessToken>(&progress.state)) return use(*token, now);
  if (auto* step = std::get_if<Step>(&progress.state)) {
    step->then = [then = std::move(step->then), use = std::move(use)](const TokenReply& reply) {
      return with_token(then(reply), reply.received_at, use);
    };
  }
  return progress;
}

Progress ended(std::expected<AccessToken, TokenError> answer) {
  if (answer) return {*std::move(answer)};
  return {std::move(answer).error()};
}

Progress unreachable(std::string_view place, const TokenReply& reply) {
  return {TokenError{TokenFault::network,
                     fmt::format("{} can't be reached: {}", place, reply.reason), ""}};
}

Progress ServiceAccountCredential::begin(SystemTime now, std::string_view scope) {
  const auto assertion = make_assertion(account_, scope, now);
  if (!assertion) {
    return {
        TokenError{TokenFault::configuration, assertion.error().what, assertion.error().remedy}};
  }
  auto form = make_form({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                         {"assertion", assertion->reveal()}});
  return {Step{form_request(account_.token_uri, std::move(form)), [now](const TokenReply& reply) {
                 if (!reply.answered) return unreachable("the token endpoint", reply);
                 return ended(parse_token_answer(reply.status, reply.body, now));
               }}};
}

}  // namespace fanfare::oauth
