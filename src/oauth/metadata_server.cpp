#include "oauth/metadata_server.h"

#include <algorithm>

#include <fmt/format.h>

#include "oauth/endpoint_url.h"
#include "oauth/form.h"

namespace fanfare::oauth {
namespace {

constexpr std::string_view link_local = "169.254.169.254";
constexpr std::string_view place = "the metadata server";

TokenRequest get(std::string_view host, std::string_view path) {
  TokenRequest request;
  request.method = "GET";
  request.url = fmt::format("http://{}/computeMetadata/v1/{}", host, path);
  request.headers = {{"metadata-flavor", Secret("Google")}};
  return request;
}

TokenError judge_refusal(std::string_view code, std::string_view description) {
  return {TokenFault::configuration,
          refusal_text("the metadata server refused to give a token", code, description),
          "check the service account and the access scopes of this machine"};
}

std::optional<TokenError> fault_of(const TokenReply& reply) {
  if (!reply.answered) return std::get<TokenError>(unreachable(place, reply).state);
  if (reply.metadata_flavor != "Google") {
    return TokenError{TokenFault::configuration,
                      fmt::format("something other than {} answered at its address (no "
                                  "Metadata-Flavor header, status {})",
                                  place, reply.status),
                      "correct GCE_METADATA_HOST, or name a credentials file"};
  }
  if (reply.status >= 500 || reply.status == 429) {
    return TokenError{TokenFault::service,
                      fmt::format("{} is unavailable (status {})", place, reply.status), ""};
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> metadata_host(const Environment& environment) {
  auto host = environment("GCE_METADATA_HOST").value_or("");
  if (host.empty()) return std::string(link_local);
  const bool is_host = is_safe_url("https://" + host) && host.find_first_of("/?") == host.npos;
  if (is_host) return host;
  return fail(Error::Kind::usage,
              fmt::format("GCE_METADATA_HOST is \"{}\", which is not a host or host:port",
                          quote_safely(host)),
              "correct or unset the variable");
}

TokenRequest project_request(std::string_view host) {
  return get(host, "project/project-id");
}

std::expected<std::string, TokenError> parse_project_answer(const TokenReply& reply) {
  if (auto fault = fault_of(reply)) return std::unexpected(*std::move(fault));
  if (reply.status == 200 && fits_a_header(reply.body)) return reply.body;
  return std::unexpected(
      TokenError{TokenFault::configuration,
                 fmt::format("{} does not tell the project (status {})", place, reply.status),
                 "name it with --project or GOOGLE_CLOUD_PROJECT"});
}

Progress MetadataCredential::begin(SystemTime now, std::string_view scope) {
  auto request = get(host_, fmt::format("instance/service-accounts/default/token?scopes={}",
                                        percent_encode(scope)));
  return {Step{std::move(request), [now](const TokenReply& reply) -> Progress {
                 if (auto fault = fault_of(reply)) return {*std::move(fault)};
                 if (reply.status == 404) {
                   return {TokenError{TokenFault::configuration,
                                      "no service account is attached to this machine (the "
                                      "metadata server answered 404)",
                                      "attach one, or name a credentials file"}};
                 }
                 return ended(parse_token_answer(reply.status, reply.body, now, judge_refusal));
               }}};
}

}  // namespace fanfare::oauth
