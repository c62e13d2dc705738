#include "emulator/example_credentials.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "emulator/answers.h"
#include "emulator/own_file.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

json::object authorized_user(std::string_view base_url, std::string_view project,
                             const Identities& identities) {
  return {{"type", "authorized_user"},
          {"client_id", identities.client_id},
          {"client_secret", identities.client_secret.reveal()},
          {"refresh_token", identities.refresh_token.reveal()},
          {"token_uri", fmt::format("{}/token", base_url)},
          {"quota_project_id", project},
          {"universe_domain", "googleapis.com"}};
}

json::object impersonated(std::string_view base_url, std::string_view project,
                          const Identities& identities) {
  return {{"type", "impersonated_service_account"},
          {"service_account_impersonation_url",
           fmt::format("{}/v1/projects/-/serviceAccounts/{}:generateAccessToken", base_url,
                       identities.client_email)},
          {"delegates", json::array{}},
          {"source_credentials", authorized_user(base_url, project, identities)}};
}

json::object external_account(std::string_view base_url, std::string_view project,
                              const std::filesystem::path& subject_token,
                              const Identities& identities) {
  return {{"type", "external_account"},
          {"audience", identities.audience},
          {"subject_token_type", "urn:ietf:params:oauth:token-type:jwt"},
          {"token_url", fmt::format("{}/v1/token", base_url)},
          {"credential_source", {{"file", subject_token.string()}}},
          {"quota_project_id", project},
          {"universe_domain", "googleapis.com"}};
}

}  // namespace

Result<void> write_example_credentials(const std::filesystem::path& directory,
                                       std::string_view base_url, std::string_view project,
                                       const Identities& identities) {
  const auto subject_token = directory / "subject_token.txt";
  struct File {
    std::filesystem::path path;
    std::string text;
    std::string_view mark;
  };
  const File files[] = {
      {directory / "authorized_user.json",
       pretty_print(authorized_user(base_url, project, identities)), identities.client_id},
      {directory / "impersonated.json", pretty_print(impersonated(base_url, project, identities)),
       identities.client_id},
      {directory / "external_account.json",
       pretty_print(external_account(base_url, project, subject_token, identities)),
       identities.audience},
      {subject_token, std::string(identities.subject_token.reveal()), "fanfare-subject."}};
  for (const auto& file : files) {
    if (auto written = write_own_file(file.path, file.text, file.mark, 0600); !written) {
      return written;
    }
  }
  return {};
}

}  // namespace fanfare::emulator
