#include "gateway/webhook_plan.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/json_text.h"
#include "client/token_fetcher.h"

namespace fanfare::gateway {

using namespace std::chrono_literals;

std::string webhook_body(const std::vector<queue::Event>& events) {
  std::string body = R"({"events":[)";
  for (const queue::Event& event : events) {
    if (body.back() == '}') body += ',';
    fmt::format_to(std::back_inserter(body), R"({{"id":{},"type":"{}","at":"{}","project":)",
                   event.id, event.type, format_rfc3339(event.at));
    append_json_string(body, event.project);
    fmt::format_to(std::back_inserter(body), R"(,"data":{}}})",
                   event.data.empty() ? "{}" : event.data);
  }
  return body + "]}";
}

std::string webhook_signature(std::string_view secret, SystemTime now, std::string_view body) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  const std::string text = fmt::format("{}.{}", seconds, body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length);
  std::string out = fmt::format("t={},v1=", seconds);
  for (unsigned i = 0; i < length; ++i) {
    fmt::format_to(std::back_inserter(out), "{:02x}", digest.at(i));
  }
  return out;
}

std::chrono::milliseconds webhook_wait(int failures, std::optional<std::chrono::seconds> asked,
                                       Random& random) {
  const std::chrono::milliseconds longest = 1h;
  const std::chrono::milliseconds full =
      std::min<std::chrono::milliseconds>(longest, 10s * (1 << std::clamp(failures - 1, 0, 12)));
  const auto drawn = random.between(full / 2, full);
  return std::max<std::chrono::milliseconds>(drawn, asked.value_or(0s));
}

Result<void> check_webhook_url(std::string_view url, bool allow_plain_http) {
  const auto refuse = [&](std::string_view why, std::string remedy) {
    return fail(Error::Kind::usage, fmt::format("'{}' {}", url.substr(0, 200), why),
                std::move(remedy));
  };
  if (std::ranges::any_of(url, [](char c) { return c <= ' ' || c > '~'; })) {
    return refuse("holds a blank or a letter that no URL has", "percent-encode it");
  }
  const bool web = url.starts_with("http://") || url.starts_with("https://");
  const auto authority = url.substr(0, url.find_first_of("/?#", url.find("//") + 2));
  if (web && authority.contains('@')) {
    return refuse("holds a user", "put a secret in the webhook's secret");
  }
  const auto parsed = client::parse_url(url);
  if (!web || !parsed) return refuse("is no http or https URL", "write https://example.com/hook");
  const std::string& host = parsed->origin.host;
  const bool here = host == "127.0.0.1" || host == "localhost" || host == "::1" || host == "[::1]";
  if (!parsed->origin.tls && !here && !allow_plain_http) {
    return refuse("would send events in the clear", "use https, or set webhooks.allow_plain_http");
  }
  return {};
}

}  // namespace fanfare::gateway
