#include "client/token_verdict.h"

#include <string_view>

#include "fcm/rules.h"
#include "fcm/utf8.h"

namespace fanfare::client {
namespace {

constexpr std::size_t max_text_bytes = 512;  // As Verdict::text promises.

Verdict make(const fcm::Rule& rule, std::string_view text) {
  Verdict verdict = fcm::make_verdict(rule);
  verdict.text = fcm::clean_prefix(text, max_text_bytes);
  return verdict;
}

const fcm::Rule& rule_of(oauth::TokenFault fault) {
  switch (fault) {
    case oauth::TokenFault::clock_skew:
      return fcm::rule("oauth.clock_skew");
    case oauth::TokenFault::revoked_key:
      return fcm::rule("oauth.revoked_key");
    case oauth::TokenFault::wrong_account:
      return fcm::rule("oauth.wrong_account");
    case oauth::TokenFault::configuration:
      return fcm::rule("oauth.configuration");
    case oauth::TokenFault::service:
    case oauth::TokenFault::network:
      return fcm::rule("oauth.unavailable");
  }
  return fcm::rule("oauth.unavailable");
}

}  // namespace

// http2 names every such failure "the certificate …"; Error has no finer kind than network.
bool is_untrusted(const std::optional<Error>& connect_error) {
  return connect_error && connect_error->kind == Error::Kind::network &&
         connect_error->what.contains("certificate");
}

Verdict untrusted(const Error& connect_error) {
  return make(fcm::rule("network.untrusted"), connect_error.what);
}

Verdict verdict_of(const oauth::TokenError& error, const std::optional<Error>& connect_error) {
  if (error.fault == oauth::TokenFault::network && is_untrusted(connect_error)) {
    return untrusted(*connect_error);
  }
  return make(rule_of(error.fault), error.what);
}

Verdict refused_for_good(const Verdict& verdict, bool with_token) {
  Verdict refused =
      make(fcm::rule("oauth.refused"), with_token ? verdict.text
                                                  : "FCM wants an access token, and there are no "
                                                    "credentials to get one with");
  refused.code = verdict.code;
  return refused;
}

}  // namespace fanfare::client
