#include "oauth/service_account.h"

#include <algorithm>
#include <array>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "oauth/endpoint_url.h"
#include "oauth/json_fields.h"
#include "oauth/rsa_key.h"

namespace fanfare::oauth {
namespace {

namespace json = boost::json;

constexpr std::string_view new_key_remedy =
    "download a new key: Firebase console, project settings, service accounts, "
    "\"Generate new private key\"";

std::unexpected<Error> malformed(std::string_view path, std::string_view fault,
                                 std::string_view remedy = new_key_remedy) {
  return fail(Error::Kind::input, fmt::format("key file {}: {}", path, fault), std::string(remedy));
}

struct OtherKind {
  std::string_view type;
  std::string_view what;
};

// The `type` values of the other files that Google's tools write.
constexpr std::array other_kinds = {
    OtherKind{"authorized_user", "a person's login made by gcloud"},
    OtherKind{"impersonated_service_account", "an impersonated service account"},
    OtherKind{"external_account", "workload identity federation"},
    OtherKind{"external_account_authorized_user", "workforce identity federation"},
    OtherKind{"gdch_service_account", "a service account of Google Distributed Cloud"},
};

std::unexpected<Error> wrong_type(const json::object& file, std::string_view path) {
  const auto type = text_of(file, "type");
  const auto* known = std::ranges::find(other_kinds, type, &OtherKind::type);
  if (known != other_kinds.end()) {
    return fail(Error::Kind::credentials,
                fmt::format("key file {} is of type {} ({}), which this version can't use yet",
                            path, known->type, known->what),
                fmt::format("use a service-account key; {}", new_key_remedy));
  }
  if (file.contains("project_info")) {
    return malformed(path, "this is an Android app's google-services.json, not a key");
  }
  if (file.contains("installed") || file.contains("web")) {
    return malformed(path, "this is an OAuth client's file, not a service account's key");
  }
  if (type.empty()) return malformed(path, "the field \"type\" is missing");
  return malformed(path, "the field \"type\" is not \"service_account\"");
}

Result<void> check_private_key(std::string_view pem, std::string_view path) {
  if (parse_rsa_key(pem)) return {};
  if (!pem.contains('\n') && pem.contains("\\n")) {
    return malformed(path, "\"private_key\" holds a backslash and an n in place of line breaks",
                     "copy the file as it was downloaded, not through a shell or a form");
  }
  if (pem.contains("ENCRYPTED")) return malformed(path, "\"private_key\" is encrypted");
  return malformed(path, "\"private_key\" is not an RSA private key in PEM form");
}

}  // namespace

Result<ServiceAccount> parse_service_account(std::string_view text, std::string_view path) {
  boost::system::error_code error;
  const auto document = json::parse({text.data(), text.size()}, error);
  if (error) return malformed(path, "this is not JSON", "check that it is the right file");
  const auto* file = document.if_object();
  if (file == nullptr) return malformed(path, "this is JSON, but not an object");
  if (text_of(*file, "type") != "service_account") return wrong_type(*file, path);

  for (const std::string_view name : {"project_id", "client_email", "private_key"}) {
    if (text_of(*file, name).empty()) {
      return malformed(path, fmt::format("the field \"{}\" is missing or not text", name));
    }
  }
  const auto private_key = text_of(*file, "private_key");
  if (auto usable = check_private_key(private_key, path); !usable) {
    return std::unexpected(std::move(usable).error());
  }

  ServiceAccount account;
  account.project_id = text_of(*file, "project_id");
  account.client_email = text_of(*file, "client_email");
  account.private_key_id = text_of(*file, "private_key_id");
  account.token_uri = file->contains("token_uri") ? text_of(*file, "token_uri") : default_token_uri;
  account.universe_domain =
      file->contains("universe_domain") ? text_of(*file, "universe_domain") : "googleapis.com";
  account.private_key = Secret(std::string(private_key));
  if (!is_safe_url(account.token_uri)) {
    return malformed(path, "\"token_uri\" is not an https URL (http is taken to localhost only)");
  }
  return account;
}

std::optional<std::string> exposure_warning(const std::filesystem::path& path) {
  using std::filesystem::perms;
  std::error_code error;
  const auto mode = std::filesystem::status(path, error).permissions();
  if (error || mode == perms::unknown) return std::nullopt;
  if ((mode & (perms::group_read | perms::others_read)) == perms::none) return std::nullopt;
  return fmt::format("key file {} can be read by other users; chmod 600 mends that", path.string());
}

}  // namespace fanfare::oauth
