#include "client/credentials.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "client/token_fetcher.h"
#include "oauth/credentials.h"
#include "oauth/metadata_server.h"
#include "oauth/watched_credential.h"

namespace fanfare::client {
namespace {

constexpr std::string_view google_universe = "googleapis.com";
constexpr std::string_view metadata_type = "metadata_server";
constexpr std::string_view emulator_project = "demo-project";

std::string variable(const oauth::Environment& environment, const char* name) {
  return environment(name).value_or("");
}

struct Endpoint {
  http2::Origin origin;
  bool is_emulator = false;  // By FCM_EMULATOR_HOST.
};

Result<Endpoint> choose_endpoint(const std::string& named, std::string_view api,
                                 const oauth::Environment& environment) {
  const auto emulator = variable(environment, "FCM_EMULATOR_HOST");
  if (!named.empty() || emulator.empty()) {
    auto origin = http2::parse_origin(named.empty() ? api : std::string_view(named));
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

// A key of another cloud's gets tokens that Google's FCM refuses with a puzzling 401.
Result<void> check_universe(const oauth::Credentials& credentials, const std::string& endpoint) {
  if (credentials.universe_domain == google_universe || !endpoint.empty()) return {};
  return fail(Error::Kind::credentials,
              fmt::format("the credentials {} are for {}, but FCM is at {}",
                          credentials.name.empty() ? credentials.type : credentials.name,
                          credentials.universe_domain, google_universe),
              "use those of a Google project, or name the endpoint they are for");
}

Result<oauth::Credentials> read_checked(const std::filesystem::path& path,
                                        const std::string& endpoint,
                                        const oauth::Environment& environment) {
  auto credentials = oauth::read_credentials(path, environment);
  if (!credentials) return credentials;
  if (auto fits = check_universe(*credentials, endpoint); !fits) {
    return std::unexpected(std::move(fits).error());
  }
  return credentials;
}

// The project is in every request's path: a key of another would only be refused.
Result<void> check_same_project(const std::string& before, const std::string& after) {
  if (before.empty() || after.empty() || before == after) return {};
  return fail(Error::Kind::credentials, fmt::format("it is for project {}, not {}", after, before));
}

std::shared_ptr<oauth::Credential> watched(const std::filesystem::path& path,
                                           std::optional<oauth::FileStamp> stamp,
                                           const oauth::Credentials& credentials,
                                           const ClientOptions& options,
                                           const oauth::Environment& environment) {
  const auto project = options.project.empty() ? credentials.project_id : std::string();
  auto read = [path, environment, project,
               endpoint = options.endpoint]() -> Result<std::shared_ptr<oauth::Credential>> {
    auto found = read_checked(path, endpoint, environment);
    if (!found) return std::unexpected(std::move(found).error());
    if (auto same = check_same_project(project, found->project_id); !same) {
      return std::unexpected(std::move(same).error());
    }
    return std::move(found->credential);
  };
  return std::make_shared<oauth::WatchedCredential>(path, stamp, credentials.credential,
                                                    std::move(read));
}

Result<oauth::Credentials> from_file(const std::filesystem::path& path,
                                     const ClientOptions& options,
                                     const oauth::Environment& environment) {
  const auto stamp = oauth::stamp_of(path);  // Before reading: see WatchedCredential.
  auto credentials = read_checked(path, options.endpoint, environment);
  if (!credentials) return credentials;
  credentials->credential = watched(path, stamp, *credentials, options, environment);
  return credentials;
}

// GKE and others may hide the project; it can be named then, so only silence means no server.
Result<oauth::Credentials> from_metadata(const oauth::Environment& environment,
                                         const AskMetadata& ask) {
  const auto host = oauth::metadata_host(environment);
  if (!host) return std::unexpected(host.error());
  const auto reply = ask(oauth::project_request(*host));
  const auto project = oauth::parse_project_answer(reply);
  if (!project && reply.metadata_flavor != "Google") {
    return std::unexpected(oauth::no_credentials(environment, project.error().what));
  }
  oauth::Credentials credentials;
  credentials.type = metadata_type;
  credentials.project_id = project.value_or("");
  credentials.universe_domain = google_universe;
  credentials.credential = std::make_shared<oauth::MetadataCredential>(*host);
  return credentials;
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

// Explicit, the file's, the environment's, the metadata server's; empty: none.
std::string choose_project(const ClientOptions& options, const oauth::Environment& environment,
                           const oauth::Credentials& credentials) {
  const bool from_file = credentials.type != metadata_type;
  if (!options.project.empty()) return options.project;
  if (from_file && !credentials.project_id.empty()) return credentials.project_id;
  for (const char* name : {"GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"}) {
    if (auto project = variable(environment, name); !project.empty()) return project;
  }
  return credentials.project_id;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

std::vector<std::string> warnings_for(const Connection& connection,
                                      const std::filesystem::path& key_file) {
  std::vector<std::string> warnings;
  if (connection.credential_type == "authorized_user" && connection.quota_project.empty()) {
    warnings.emplace_back(
        "a person's login without a quota project, which FCM may refuse with 403; run gcloud auth "
        "application-default set-quota-project, or set GOOGLE_CLOUD_QUOTA_PROJECT");
  }
  if (key_file.empty()) return warnings;
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
                                      const oauth::Environment& environment, const AskMetadata& ask,
                                      std::string_view api) {
  auto endpoint = choose_endpoint(options.endpoint, api, environment);
  if (!endpoint) return std::unexpected(std::move(endpoint).error());
  Connection connection;
  connection.origin = std::move(endpoint->origin);
  if (!options.ca_file.empty()) connection.ca_file = options.ca_file;

  oauth::Credentials credentials;
  const bool named = !options.credentials_file.empty();
  if (connection.origin.tls || (named && !endpoint->is_emulator)) {
    const auto path = oauth::find_credentials_file(options.credentials_file, environment);
    if (!path) return std::unexpected(path.error());
    auto found =
        path->empty() ? from_metadata(environment, ask) : from_file(*path, options, environment);
    if (!found) return std::unexpected(std::move(found).error());
    credentials = *std::move(found);
    connection.credential = credentials.credential;
    connection.credential_type = credentials.type;
    connection.credential_name = credentials.name;
    connection.quota_project = variable(environment, "GOOGLE_CLOUD_QUOTA_PROJECT");
    if (connection.quota_project.empty()) connection.quota_project = credentials.quota_project;
    connection.warnings = warnings_for(connection, *path);
  }

  connection.project = choose_project(options, environment, credentials);
  if (connection.project.empty() && !connection.credential) connection.project = emulator_project;
  if (connection.project.empty()) {
    return fail(Error::Kind::usage,
                fmt::format("the project is not known: credentials of type {} do not name it",
                            credentials.type),
                "name it with --project or GOOGLE_CLOUD_PROJECT");
  }
  for (const auto& project : {connection.project, connection.quota_project}) {
    if (project.empty()) continue;
    if (auto fits = check_project(project); !fits) return std::unexpected(std::move(fits).error());
  }
  return connection;
}

oauth::TokenReply ask_metadata(const oauth::TokenRequest& request) {
  return fetch_blocking(request, std::chrono::seconds(2));
}

oauth::Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

}  // namespace fanfare::client
