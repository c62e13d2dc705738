#include "oauth/credentials_file.h"

#include <fmt/format.h>

namespace fanfare::oauth {
namespace {

constexpr std::string_view file_name = "application_default_credentials.json";
constexpr std::string_view remedy =
    "name a credentials file with --credentials or GOOGLE_APPLICATION_CREDENTIALS";

std::string variable(const Environment& environment, const char* name) {
  return environment(name).value_or("");
}

// A pipe counts: shells pass secrets as /dev/fd/N.
bool is_file(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) && !std::filesystem::is_directory(path, error);
}

// Where gcloud keeps its file; empty when not even a home folder is known.
std::filesystem::path gcloud_file(const Environment& environment) {
  if (const auto folder = variable(environment, "CLOUDSDK_CONFIG"); !folder.empty()) {
    return std::filesystem::path(folder) / file_name;
  }
  const auto home = variable(environment, "HOME");
  if (home.empty()) return {};
  return std::filesystem::path(home) / ".config" / "gcloud" / file_name;
}

}  // namespace

Result<std::filesystem::path> find_credentials_file(std::string_view named,
                                                    const Environment& environment) {
  if (!named.empty()) return std::filesystem::path(named);
  if (const auto path = variable(environment, "GOOGLE_APPLICATION_CREDENTIALS"); !path.empty()) {
    // Falling through to gcloud's file would send in the name of somebody unexpected.
    if (is_file(path)) return std::filesystem::path(path);
    return fail(Error::Kind::credentials,
                fmt::format("GOOGLE_APPLICATION_CREDENTIALS names {}, which is not a file", path),
                "correct or unset the variable");
  }
  auto gcloud = gcloud_file(environment);
  if (!gcloud.empty() && is_file(gcloud)) return gcloud;
  return std::filesystem::path();
}

Error no_credentials(const Environment& environment, std::string_view metadata) {
  const auto gcloud = gcloud_file(environment);
  return {
      Error::Kind::credentials,
      fmt::format("no credentials: none named, GOOGLE_APPLICATION_CREDENTIALS is not set, "
                  "{} does not exist, and {}",
                  gcloud.empty() ? "gcloud's file (HOME is not set)" : gcloud.string(), metadata),
      std::string(remedy)};
}

}  // namespace fanfare::oauth
