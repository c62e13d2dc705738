// Any bytes as a credentials file of any kind, and any answers to what it asks for: a token or an
// error, never a crash, no request to where none may go, and no error with a secret in it.
//
// The file ends at the first zero byte; behind it are the answers, a digit for the status and a
// text each, with a zero byte between them. In the corpus every secret holds the word fuzz-secret.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include <boost/json/parse.hpp>

#include "oauth/credentials.h"
#include "oauth/endpoint_url.h"

namespace {

using namespace fanfare;
using namespace fanfare::oauth;
namespace json = boost::json;

constexpr std::string_view secret = "fuzz-secret";
constexpr SystemTime now{std::chrono::seconds(1'764'000'000)};

void require(bool holds) {
  if (!holds) std::abort();
}

bool holds_secret(std::string_view text) {
  return text.contains(secret) || text.contains("BEGIN ") || text.contains("PRIVATE KEY");
}

void require_no_secret(std::string_view text) {
  require(!holds_secret(text));
}

std::string_view cut(std::string_view& text) {
  const auto part = text.substr(0, text.find('\0'));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

// A fuzzer must not open what it made up: a path may be a device.
bool names_a_file(const json::value& value) {
  if (const auto* list = value.if_array()) return std::ranges::any_of(*list, names_a_file);
  const auto* object = value.if_object();
  if (object == nullptr) return false;
  return std::ranges::any_of(*object, [](const json::key_value_pair& member) {
    return member.key() == "file" || member.key() == "output_file" || names_a_file(member.value());
  });
}

// Addresses and field names may be quoted to say where something went wrong; secrets may not.
bool holds_secrets_only(std::string_view name) {
  constexpr std::array names{"private_key", "client_secret", "refresh_token", "headers"};
  return std::ranges::find(names, name) != names.end();
}

bool is_secret_elsewhere(const json::value& value) {
  if (const auto* text = value.if_string()) return holds_secret({text->data(), text->size()});
  if (const auto* list = value.if_array()) return std::ranges::any_of(*list, is_secret_elsewhere);
  const auto* object = value.if_object();
  return object != nullptr && std::ranges::any_of(*object, [](const json::key_value_pair& member) {
           return !holds_secrets_only(member.key()) && is_secret_elsewhere(member.value());
         });
}

TokenReply next_reply(std::string_view& answers) {
  constexpr std::array statuses{200, 400, 401, 403, 404, 429, 500, 302};
  const auto text = cut(answers);
  TokenReply reply;
  reply.received_at = now;
  reply.answered = !text.empty();
  if (!reply.answered) return reply;
  reply.status = statuses[static_cast<unsigned char>(text[0]) % statuses.size()];
  reply.body = text.substr(1);
  return reply;
}

void require_allowed(const Ask& ask) {
  if (const auto* request = std::get_if<TokenRequest>(&ask)) {
    require(is_safe_local_url(request->url));
    return;
  }
  require(!std::get<CommandRequest>(ask).argv.empty());
}

void get_token(Credential& credential, std::string_view answers) {
  auto progress = credential.begin(now, "https://www.googleapis.com/auth/firebase.messaging");
  // A subject, an exchange and an impersonation: nothing asks more.
  for (int asks = 0; std::holds_alternative<Step>(progress.state); ++asks) {
    require(asks < 4);
    const auto step = std::get<Step>(std::move(progress.state));
    require_allowed(step.ask);
    progress = step.then(next_reply(answers));
  }
  if (const auto* error = std::get_if<TokenError>(&progress.state)) {
    require_no_secret(error->what);
    require_no_secret(error->remedy);
  } else {
    const auto& token = std::get<AccessToken>(progress.state);
    require(fits_a_header(token.value.reveal()));
    require(token.expires_at > now);
  }
}

void try_file(std::string_view file, std::string_view answers, const Environment& environment) {
  const auto credentials = parse_credentials(file, "credentials.json", environment);
  if (!credentials) {
    require_no_secret(credentials.error().what);
    require_no_secret(credentials.error().remedy);
    require(!credentials.error().what.empty() && !credentials.error().remedy.empty());
    return;
  }
  require(credentials->credential != nullptr && !credentials->type.empty());
  const auto document = json::parse({file.data(), file.size()});
  // What a peer says is quoted; a secret that it made up is not ours to hide.
  if (holds_secret(answers) || is_secret_elsewhere(document) || names_a_file(document)) return;
  get_token(*credentials->credential, answers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view answers(reinterpret_cast<const char*>(data), size);
  const auto file = cut(answers);
  try_file(file, answers, [](const std::string&) { return std::nullopt; });
  try_file(file, answers, [](const std::string& name) -> std::optional<std::string> {
    if (name == "GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES") return "1";
    return std::nullopt;
  });
  return 0;
}
