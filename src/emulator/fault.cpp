#include "emulator/fault.h"

#include <array>

namespace fanfare::emulator {
namespace {

constexpr std::array catalogue = {
    FaultEntry{Fault::project_not_found, "project_not_found", Step::project, "project",
               "a bare 404 for every message, as a wrong project id gets"},
    FaultEntry{Fault::api_disabled, "api_disabled", Step::project, "project",
               "403 SERVICE_DISABLED: the API is switched off"},
    FaultEntry{Fault::iam, "iam", Step::project, "project",
               "403 IAM_PERMISSION_DENIED: the account has lost its role"},
    FaultEntry{Fault::quota_429, "quota_429", Step::quota, "project",
               "429 of the project's quota, without an FcmError"},

    FaultEntry{Fault::revoked_key, "revoked_key", Step::token, "access",
               "token endpoint: Invalid JWT Signature; tokens already given stay good"},
    FaultEntry{Fault::clock_skew, "clock_skew", Step::token, "access",
               "token endpoint: check your iat and exp"},
    FaultEntry{Fault::account_gone, "account_gone", Step::token, "access",
               "token endpoint: account not found"},
    FaultEntry{Fault::oauth_503, "oauth_503", Step::token, "access",
               "token endpoint: 503 with a page of HTML"},
    FaultEntry{Fault::oauth_dead, "oauth_dead", Step::token, "access",
               "token endpoint: the connection closes without an answer"},
    FaultEntry{Fault::unauthenticated, "unauthenticated", Step::access, "access",
               "401 for every access token, without a reason"},
    FaultEntry{Fault::expired_token, "expired_token", Step::access, "access",
               "401 ACCESS_TOKEN_EXPIRED for every access token"},
    FaultEntry{Fault::scope_insufficient, "scope_insufficient", Step::access, "access",
               "403 ACCESS_TOKEN_SCOPE_INSUFFICIENT"},

    FaultEntry{Fault::apns_broken, "apns_broken", Step::apns, "devices",
               "401 THIRD_PARTY_AUTH_ERROR for iOS: the APNs key is no good"},
    FaultEntry{Fault::outage_404, "outage_404", Step::device, "devices",
               "404 UNREGISTERED for a share of all devices, always the same ones"},
    FaultEntry{Fault::device_quota_429, "device_quota_429", Step::device, "devices",
               "429 QUOTA_EXCEEDED of the device"},

    FaultEntry{Fault::service_503, "service_503", Step::service, "service", "503 UNAVAILABLE"},
    FaultEntry{Fault::internal_500, "internal_500", Step::service, "service", "500 INTERNAL"},
    FaultEntry{Fault::delivered_503, "delivered_503", Step::after, "service",
               "the message is delivered, the answer is 503 all the same"},
    FaultEntry{Fault::topic_quota_429, "topic_quota_429", Step::device, "service",
               "429 QUOTA_EXCEEDED, Topic quota exceeded"},
    FaultEntry{Fault::html_404, "html_404", Step::front_end, "service",
               "404 with a page of HTML, as a wrong URL gets"},
    FaultEntry{Fault::html_502, "html_502", Step::front_end, "service",
               "502 with a page of HTML, from the front end"},
    FaultEntry{Fault::html_200, "html_200", Step::front_end, "service",
               "200 with a page of HTML, as a captive portal answers"},
    FaultEntry{Fault::nameless_200, "nameless_200", Step::after, "service",
               "200 with {} in place of the message's name"},
    FaultEntry{Fault::empty_200, "empty_200", Step::after, "service", "200 with no body at all"},

    FaultEntry{Fault::payload_invalid, "payload_invalid", Step::message, "message",
               "400 on message.webpush.headers.TTL"},
    FaultEntry{Fault::bare_invalid_argument, "bare_invalid_argument", Step::message, "message",
               "400 that names nobody, dry runs too"},
    FaultEntry{Fault::bare_payload_invalid, "bare_payload_invalid", Step::message, "message",
               "the same, but a dry run of an empty message passes"},
    FaultEntry{Fault::too_large, "too_large", Step::message, "message",
               "400, Message is too large"},

    FaultEntry{Fault::refused_stream, "refused_stream", Step::front_end, "network",
               "RST_STREAM REFUSED_STREAM: not processed"},
    FaultEntry{Fault::reset_before, "reset_before", Step::front_end, "network",
               "RST_STREAM INTERNAL_ERROR before the request is processed"},
    FaultEntry{Fault::reset_after, "reset_after", Step::after, "network",
               "processed, then RST_STREAM INTERNAL_ERROR"},
    FaultEntry{Fault::cut_before, "cut_before", Step::front_end, "network",
               "the connection closes before the request is processed"},
    FaultEntry{Fault::cut_after, "cut_after", Step::after, "network",
               "processed, then the connection closes without an answer"},
    FaultEntry{Fault::truncated, "truncated", Step::after, "network",
               "half of the answer's body, then the connection closes"},
    FaultEntry{Fault::stalled, "stalled", Step::after, "network",
               "half of the answer's body, then nothing more"},
    FaultEntry{Fault::silence, "silence", Step::front_end, "network",
               "no answer ever; the connection lives"},
    FaultEntry{Fault::half_close, "half_close", Step::front_end, "network",
               "the server closes its side and goes on reading"},
    FaultEntry{Fault::slow_reader, "slow_reader", Step::after, "network",
               "answered, then nothing is read from the connection for a while"},
    FaultEntry{Fault::goaway_before, "goaway_before", Step::front_end, "network",
               "GOAWAY NO_ERROR below this request: it was not processed"},
    FaultEntry{Fault::goaway_after, "goaway_after", Step::after, "network",
               "answered, then GOAWAY NO_ERROR: the connection drains"},
    FaultEntry{Fault::goaway_notice, "goaway_notice", Step::after, "network",
               "answered, with the notice of a GOAWAY first and the real one after"},
    FaultEntry{Fault::goaway_max_streams, "goaway_max_streams", Step::front_end, "network",
               "GOAWAY PROTOCOL_ERROR exceeded_max_concurrent_streams: all streams die"},
    FaultEntry{Fault::goaway_pings, "goaway_pings", Step::front_end, "network",
               "GOAWAY ENHANCE_YOUR_CALM too_many_pings: all streams die"},
    FaultEntry{Fault::goaway_timeout, "goaway_timeout", Step::front_end, "network",
               "GOAWAY NO_ERROR session_timed_out below this request: it was not processed"},
    FaultEntry{Fault::lower_streams, "lower_streams", Step::after, "network",
               "answered, and from then on fewer streams at once"},
};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < catalogue.size(); ++i) {
    if (static_cast<std::size_t>(catalogue[i].fault) != i + 1) return false;
  }
  return true;
}
static_assert(is_in_order());

}  // namespace

std::span<const FaultEntry> fault_catalogue() noexcept {
  return catalogue;
}

std::string_view name_of(Fault fault) noexcept {
  return fault == Fault::none ? "none" : catalogue[static_cast<std::size_t>(fault) - 1].name;
}

std::optional<Fault> parse_fault(std::string_view name) noexcept {
  if (name == "none") return Fault::none;
  for (const auto& entry : catalogue) {
    if (entry.name == name) return entry.fault;
  }
  return std::nullopt;
}

std::optional<Step> step_of(Fault fault) noexcept {
  if (fault == Fault::none) return std::nullopt;
  return catalogue[static_cast<std::size_t>(fault) - 1].step;
}

}  // namespace fanfare::emulator
