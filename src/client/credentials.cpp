#include "client/credentials.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"

namespace fanfare::client {
namespace {

constexpr std::string_view fcm_endpoint = "https://fcm.googleapis.com";
constexpr std::string_view google_universe = "googleapis.com";
constexpr std::string_view emulator_project = "demo-project";
constexpr std::size_t max_key_file_bytes = 64U << 10;

std::string variable(const oauth::Environment& environment, const char* name) {
  return environment(name).value_or("");
}

struct Endpoint {
  http2::Origin origin;
  bool is_emulator = false;  // By FCM_EMULATOR_HOST.
};

Result<Endpoint> choose_endpoint(const std::string& named, const oauth::Environment& environment) {
  const auto emulator = variable(environment, "FCM_EMULATOR_HOST");
  if (!named.empty() || emulator.empty()) {
    auto origin = http2::parse_origin(named.empty() ? fcm_endpoint : std::string_view(named));
    if (!origin) return std::unexpected(std::move(origin).error());
    return Endpoint{*std::move(origin), false};
  }
  auto origin = http2::parse_origin("http://" + emulator);
  if (!origin) {
    return fail(Error::Kind::usage,
                fmt::format("FCM_EMULATOR_HOST is \"{}\", which is not host:port", emulator),
                "set it to something like localhost:8090, without http://, or unset it");
  }
  return Endpoint{*std::move(origin), true};
}

Result<oauth::ServiceAccount> read_account(const std::filesystem::path& path) {
  const auto text = read_file(path, max_key_file_bytes);
  if (!text) return std::unexpected(text.error());
  return oauth::parse_service_account(*text, path.string());
}

// A key of another cloud's gets tokens that Google's FCM refuses with a puzzling 401.
Result<void> check_universe(const oauth::ServiceAccount& account, const std::string& endpoint) {
  if (account.universe_domain == google_universe || !endpoint.empty()) return {};
  return fail(Error::Kind::credentials,
              fmt::format("the key of {} is for {}, but FCM is at {}", account.client_email,
                          account.universe_domain, google_universe),
              "use a key of a Google project, or name the endpoint it is for");
}

// The project stands in the path of every request.
Result<void> check_project(const std::string& project) {
  const auto fits = [](char c) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return alphanumeric || std::string_view("-_.:").contains(c);
  };
  if (!project.empty() && project.size() <= 128 && std::ranges::all_of(project, fits)) return {};
  return fail(Error::Kind::usage, fmt::format("\"{}\" can't be a project id", project),
              "use the id (or number) that the Firebase console shows in the project settings");
}

std::string choose_project(const ClientOptions& options, const oauth::Environment& environment,
                           const std::optional<oauth::ServiceAccount>& account) {
  if (!options.project.empty()) return options.project;
  if (account) return account->project_id;
  for (const char* name : {"GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"}) {
    if (auto project = variable(environment, name); !project.empty()) return project;
  }
  return std::string(emulator_project);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

std::vector<std::string> warnings_for(const Connection& connection,
                                      const std::filesystem::path& key_file) {
  std::vector<std::string> warnings;
  if (auto exposed = oauth::exposure_warning(key_file)) warnings.push_back(*std::move(exposed));
  if (!connection.origin.tls && !is_loopback(connection.origin.host)) {
    warnings.push_back(fmt::format(
        "access tokens go unencrypted to {}; use an https endpoint, or name no credentials",
        connection.origin.host));
  }
  return warnings;
}

}  // namespace

Result<Connection> resolve_connection(const ClientOptions& options,
                                      const oauth::Environment& environment) {
  auto endpoint = choose_endpoint(options.endpoint, environment);
  if (!endpoint) return std::unexpected(std::move(endpoint).error());
  Connection connection;
  connection.origin = std::move(endpoint->origin);
  if (!options.ca_file.empty()) connection.ca_file = options.ca_file;

  const bool named = !options.credentials_file.empty();
  if (connection.origin.tls || (named && !endpoint->is_emulator)) {
    const auto path = oauth::find_credentials_file(options.credentials_file, environment);
    if (!path) return std::unexpected(path.error());
    auto account = read_account(*path);
    if (!account) return std::unexpected(std::move(account).error());
    if (auto fits = check_universe(*account, options.endpoint); !fits) {
      return std::unexpected(std::move(fits).error());
    }
    connection.account = *std::move(account);
    connection.warnings = warnings_for(connection, *path);
  }

  connection.project = choose_project(options, environment, connection.account);
  if (auto fits = check_project(connection.project); !fits) {
    return std::unexpected(std::move(fits).error());
  }
  return connection;
}

oauth::Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

}  // namespace fanfare::client
