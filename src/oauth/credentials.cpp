#include "oauth/credentials.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/file.h"
#include "oauth/external_account.h"
#include "oauth/impersonation.h"
#include "oauth/json_fields.h"
#include "oauth/user_login.h"

namespace fanfare::oauth {
namespace {

namespace json = boost::json;

constexpr std::size_t max_file_bytes = 64U << 10;
constexpr std::string_view google_universe = "googleapis.com";

struct Place {
  std::string_view path;
  const Environment& environment;
};

Result<Credentials> read_object(const json::object& file, const Place& place);

Result<Credentials> read_key(std::string_view text, const Place& place) {
  auto account = parse_service_account(text, place.path);
  if (!account) return std::unexpected(std::move(account).error());
  Credentials credentials;
  credentials.name = account->client_email;
  credentials.project_id = account->project_id;
  credentials.credential = std::make_shared<ServiceAccountCredential>(*std::move(account));
  return credentials;
}

Result<Credentials> from_login(Result<UserLogin> login) {
  if (!login) return std::unexpected(std::move(login).error());
  Credentials credentials;
  credentials.credential = std::make_shared<UserCredential>(*std::move(login));
  return credentials;
}

Result<Credentials> impersonating(std::shared_ptr<Credential> source, const json::object& file,
                                  const Place& place) {
  auto impersonation = parse_impersonation(file, place.path);
  if (!impersonation) return std::unexpected(std::move(impersonation).error());
  Credentials credentials;
  credentials.name = impersonated_email(impersonation->url);
  credentials.credential =
      std::make_shared<ImpersonatingCredential>(std::move(source), *std::move(impersonation));
  return credentials;
}

Result<Credentials> read_impersonated(const json::object& file, const Place& place) {
  const auto* source = object_of(file, "source_credentials");
  if (source == nullptr) {
    return fail(
        Error::Kind::input,
        fmt::format("credentials file {}: the field \"source_credentials\" is missing", place.path),
        "create the file again: gcloud auth application-default login "
        "--impersonate-service-account=EMAIL");
  }
  // One level: gcloud writes no other, and a chain is what `delegates` is for.
  if (text_of(*source, "type") == "impersonated_service_account") {
    return fail(Error::Kind::input,
                fmt::format("credentials file {}: \"source_credentials\" is itself impersonated",
                            place.path),
                "name the accounts between in \"delegates\"");
  }
  auto read = read_object(*source, place);
  if (!read) return std::unexpected(std::move(read).error());
  return impersonating(std::move(read->credential), file, place);
}

Result<Credentials> read_external(const json::object& file, const Place& place) {
  auto account = parse_external_account(file, place.path, place.environment);
  if (!account) return std::unexpected(std::move(account).error());
  auto credential = std::make_shared<ExternalCredential>(*std::move(account));
  if (file.contains("service_account_impersonation_url")) {
    return impersonating(std::move(credential), file, place);
  }
  Credentials credentials;
  credentials.credential = std::move(credential);
  return credentials;
}

Result<Credentials> read_kind(std::string_view type, const json::object& file, const Place& place) {
  if (type == "authorized_user") return from_login(parse_authorized_user(file, place.path));
  if (type == "external_account_authorized_user") {
    return from_login(parse_workforce_user(file, place.path));
  }
  if (type == "impersonated_service_account") return read_impersonated(file, place);
  if (type == "external_account") return read_external(file, place);
  return read_key(json::serialize(file), place);  // Which also names what else it may be.
}

Result<Credentials> read_object(const json::object& file, const Place& place) {
  const auto type = text_of(file, "type");
  auto credentials = read_kind(type, file, place);
  if (!credentials) return credentials;
  credentials->type = type;
  credentials->quota_project = text_of(file, "quota_project_id");
  const auto universe = text_of(file, "universe_domain");
  credentials->universe_domain = universe.empty() ? google_universe : universe;
  return credentials;
}

}  // namespace

Result<Credentials> parse_credentials(std::string_view text, std::string_view path,
                                      const Environment& environment) {
  const Place place{path, environment};
  boost::system::error_code error;
  const auto document = json::parse({text.data(), text.size()}, error);
  if (error || !document.is_object()) return read_key(text, place);  // It has the messages.
  return read_object(document.get_object(), place);
}

Result<Credentials> read_credentials(const std::filesystem::path& path,
                                     const Environment& environment) {
  const auto text = read_file(path, max_file_bytes);
  if (!text) return std::unexpected(text.error());
  return parse_credentials(*text, path.string(), environment);
}

}  // namespace fanfare::oauth
