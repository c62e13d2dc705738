// The emulator over real sockets: by hand over HTTP/1.1, and by curl, nghttp and h2load, which
// share no mistake with us. A tool that is missing is skipped, and the output says so.
#include "emulator/emulator.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "emulator/testing/assertion.h"

namespace fanfare::emulator {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

constexpr const char* send_path = "/v1/projects/fanfare-demo/messages:send";

std::string token_of(char c) {
  return std::string(22, c) + ":APA91b" + std::string(134, c);
}
std::string to_token(std::string_view token) {
  return fmt::format(R"({{"message":{{"token":"{}"}}}})", token);
}

/// A folder that is gone after the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "emulator-XXXXXX").string();
    path = ::mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

/// An emulator in its own thread, which is the only one that touches it.
class Running {
 public:
  explicit Running(const EmulatorOptions& options = {})
      : emulator_(Emulator::open(io_, options).value()),
        port_(emulator_->port()),
        ready_(json::parse(emulator_->ready_line()).as_object()),
        thread_([this] { io_.run(); }) {}
  ~Running() {
    asio::post(io_, [this] { io_.stop(); });
    thread_.join();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string file(const char* key) const {
    return std::string(ready_.at(key).as_string());
  }
  [[nodiscard]] const json::object& ready() const { return ready_; }

  /// One request on a connection of its own; empty when that was closed without an answer.
  std::string exchange(const char* method, std::string_view path, std::string_view body = "") {
    asio::io_context io;
    asio::ip::tcp::socket socket(io);
    socket.connect({asio::ip::make_address("127.0.0.1"), port_});
    const auto request = fmt::format(
        "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{}", method,
        path, body.size(), body);
    asio::write(socket, asio::buffer(request));
    std::string answer;
    boost::system::error_code end;
    asio::read(socket, asio::dynamic_buffer(answer), end);
    return answer;
  }
  int status_of_send(std::string_view token) {
    const auto answer = exchange("POST", send_path, to_token(token));
    return answer.size() < 12 ? 0 : std::stoi(answer.substr(9, 3));
  }
  json::object stats() {
    const auto answer = exchange("GET", "/_emulator/stats");
    return json::parse(answer.substr(answer.find("\r\n\r\n") + 4)).as_object();
  }

 private:
  asio::io_context io_;
  std::unique_ptr<Emulator> emulator_;
  std::uint16_t port_;
  json::object ready_;
  std::thread thread_;
};

std::string run(const std::string& command) {
  std::string output;
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 4'096> part{};
  while (const auto size = std::fread(part.data(), 1, part.size(), pipe)) {
    output.append(part.data(), size);
  }
  ::pclose(pipe);
  return output;
}

bool has(const char* tool) {
  return !run(fmt::format("command -v {}", tool)).empty();
}

#define NEEDS(tool) \
  if (!has(tool)) GTEST_SKIP() << "NOT TESTED: " << (tool) << " is not installed"

EmulatorOptions with_tls(const Folder& folder) {
  EmulatorOptions options;
  options.tls_dir = folder.path;
  return options;
}

unsigned mode_of(const std::string& file) {
  struct stat status{};
  return ::stat(file.c_str(), &status) == 0 ? status.st_mode & 0777U : 0;
}

/// A token fetched with the credentials file alone, as a client would.
std::string fetch_token(const Running& running) {
  const auto file = json::parse(read_file(running.file("credentials_file")).value()).as_object();
  const std::string uri(file.at("token_uri").as_string());
  const ServiceAccount account{std::string(file.at("client_email").as_string()),
                               Secret(std::string(file.at("private_key").as_string()))};
  auto claims = testing::good_claims(std::chrono::system_clock::now(), uri);
  claims["iss"] = account.client_email;
  const auto form = testing::make_form(testing::make_jwt(account, claims));
  const auto body =
      run(fmt::format("curl -sS --cacert '{}' -d '{}' '{}'", running.file("ca_file"), form, uri));
  boost::system::error_code error;
  const auto answer = json::parse(body, error);
  if (error || !answer.as_object().contains("access_token")) return "no token: " + body;
  return std::string(answer.at("access_token").as_string());
}

// --- plaintext ---

TEST(Emulator, AnswersWithoutAnySetting) {
  Running running;
  EXPECT_EQ(running.status_of_send(token_of('c')), 200);
  EXPECT_EQ(running.stats().at("accepted"), 1);
  EXPECT_EQ(running.ready().at("port"), running.port());
  EXPECT_TRUE(running.ready().at("ca_file").is_null());
  EXPECT_TRUE(running.ready().at("credentials_file").is_null());
  EXPECT_EQ(running.ready().at("project"), "fanfare-demo");
}

TEST(Emulator, CutsTheConnectionOfAFlakyDeviceOnce) {
  Folder folder;
  std::ofstream(folder.path / "devices.csv") << "token,health\ncut-me,flaky_cut\n";
  EmulatorOptions options;
  options.devices_file = folder.path / "devices.csv";
  Running running(options);
  EXPECT_EQ(running.status_of_send("cut-me"), 0);
  EXPECT_EQ(running.status_of_send("cut-me"), 200);
  const auto stats = running.stats();
  EXPECT_EQ(stats.at("answers").at("cut"), 1);
  EXPECT_EQ(stats.at("second_sends"), 0);
}

TEST(Emulator, AnswersAfterItsLatency) {
  EmulatorOptions options;
  options.latency = 20ms;
  Running running(options);
  EXPECT_EQ(running.status_of_send(token_of('c')), 200);
  const auto stats = running.stats();
  EXPECT_EQ(stats.at("in_flight"), 0);
  EXPECT_EQ(stats.at("max_in_flight"), 1);
}

TEST(Emulator, TakesFaultsFromAScenario) {
  Folder folder;
  std::ofstream(folder.path / "bad_day.toml") << "fault = \"service_503\"\nretry_after = 3\n";
  EmulatorOptions options;
  options.scenario_file = folder.path / "bad_day.toml";
  Running running(options);
  EXPECT_EQ(running.status_of_send(token_of('c')), 503);
  (void)running.exchange("PUT", "/_emulator/faults", "{}");
  EXPECT_EQ(running.status_of_send(token_of('c')), 200);
}

// --- what can go wrong at the start ---

TEST(Emulator, SaysWhichFileIsWrong) {
  Folder folder;
  const auto devices = folder.path / "devices.csv";
  std::ofstream(devices) << "token,health\na,poorly\n";
  const auto scenario = folder.path / "scenario.toml";
  std::ofstream(scenario) << "fault = \"gremlins\"\n";
  asio::io_context io;
  const auto expect_error = [&](const EmulatorOptions& options, Error::Kind kind,
                                const std::string& what) {
    const auto emulator = Emulator::open(io, options);
    ASSERT_FALSE(emulator);
    EXPECT_EQ(emulator.error().kind, kind);
    EXPECT_NE(emulator.error().what.find(what), std::string::npos) << emulator.error().what;
    EXPECT_FALSE(emulator.error().remedy.empty());
  };
  EmulatorOptions options;
  options.devices_file = devices;
  expect_error(options, Error::Kind::input, devices.string());
  options.generate = GeneratorOptions{.count = 5};
  expect_error(options, Error::Kind::usage, "not from both");
  options.devices_file = folder.path / "missing.csv";
  options.generate.reset();
  expect_error(options, Error::Kind::input, "missing.csv");
  options = {};
  options.scenario_file = scenario;
  expect_error(options, Error::Kind::input, scenario.string());
  options = {};
  options.tls_dir = "/proc/nowhere";
  expect_error(options, Error::Kind::storage, "/proc/nowhere");
  options = {};
  options.generate = GeneratorOptions{.count = max_generated + 1};
  expect_error(options, Error::Kind::usage, "made up");
}

TEST(Emulator, SaysThatThePortIsTaken) {
  Running running;
  asio::io_context io;
  EmulatorOptions options;
  options.port = running.port();
  const auto second = Emulator::open(io, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, Error::Kind::network);
}

// A folder with a real key in it, named by mistake.
TEST(Emulator, NeverOverwritesSomebodyElsesFiles) {
  for (const auto* name :
       {"credentials.json", "ca.pem", "authorized_user.json", "impersonated.json",
        "external_account.json", "subject_token.txt", "env.sh", "redirect.js", "README.txt"}) {
    Folder folder;
    const std::string text = R"({"client_email":"real@company.iam.gserviceaccount.com"})";
    std::ofstream(folder.path / name) << text;
    asio::io_context io;
    const auto emulator = Emulator::open(io, with_tls(folder));
    ASSERT_FALSE(emulator) << name;
    EXPECT_EQ(emulator.error().kind, Error::Kind::input);
    EXPECT_EQ(read_file(folder.path / name).value(), text);
  }
}

// --- TLS, by curl ---

TEST(EmulatorTools, CurlFetchesATokenAndSendsOverTls) {
  NEEDS("curl");
  Folder folder;
  Running running(with_tls(folder));
  EXPECT_EQ(mode_of(running.file("credentials_file")), 0600U);
  EXPECT_EQ(mode_of((folder.path / "ca-key.pem").string()), 0600U);

  const auto token = fetch_token(running);
  ASSERT_TRUE(token.starts_with("ya29.c.")) << token;
  const auto answer = run(fmt::format(
      "curl -sS --http2 --cacert '{}' -w '\n%{{http_code}} %{{http_version}}' "
      "-H 'authorization: Bearer {}' -d '{}' https://127.0.0.1:{}{}",
      running.file("ca_file"), token, to_token(token_of('c')), running.port(), send_path));
  EXPECT_NE(answer.find("projects/fanfare-demo/messages/0:"), std::string::npos) << answer;
  EXPECT_TRUE(answer.ends_with("200 2")) << answer;
}

TEST(EmulatorTools, CurlIsRefusedWithoutATokenOverTls) {
  NEEDS("curl");
  Folder folder;
  Running running(with_tls(folder));
  const auto answer =
      run(fmt::format("curl -sSi --http1.1 --cacert '{}' -d '{}' "
                      "https://localhost:{}{}",
                      running.file("ca_file"), to_token(token_of('c')), running.port(), send_path));
  EXPECT_NE(answer.find("HTTP/1.1 401"), std::string::npos) << answer;
  EXPECT_NE(answer.find("CREDENTIALS_MISSING"), std::string::npos) << answer;
}

TEST(EmulatorTools, CurlSendsToAnyProjectWithACheckedTokenWhenTold) {
  NEEDS("curl");
  const Folder folder;
  auto options = with_tls(folder);
  options.any_project = true;
  Running running(options);
  const auto send = [&](std::string_view token) {
    return run(
        fmt::format("curl -sS --cacert '{}' -H 'authorization: Bearer {}' -d '{}' "
                    "https://127.0.0.1:{}/v1/projects/shop/messages:send",
                    running.file("ca_file"), token, to_token(token_of('c')), running.port()));
  };
  EXPECT_NE(send(fetch_token(running)).find("projects/shop/messages/"), std::string::npos);
  EXPECT_NE(send("made up").find("\"code\": 401"), std::string::npos);
}

TEST(EmulatorTools, CurlReachesItUnderGooglesNames) {
  NEEDS("curl");
  Folder folder;
  Running running(with_tls(folder));
  for (const auto* host :
       {"fcm.googleapis.com", "oauth2.googleapis.com", "iid.googleapis.com",
        "fcmdata.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com",
        "www.googleapis.com", "accounts.google.com"}) {
    const auto answer = run(fmt::format(
        "curl -sS -o /dev/null -w '%{{http_code}}' --cacert '{}' --connect-to ::127.0.0.1:{} "
        "https://{}/batch",
        running.file("ca_file"), running.port(), host));
    EXPECT_EQ(answer, "404") << host;
  }
}

TEST(EmulatorTools, CurlIsPointedHereByEnvAndReachesGooglesHostsOnly) {
  NEEDS("curl");
  Folder folder;
  Running running(with_tls(folder));
  const auto fetch = [&](const std::string& host) {
    return run(
        fmt::format(". '{}/env.sh'; curl -sS -o /dev/null "
                    "-w '%{{http_connect}} %{{http_code}} %{{http_version}}' {}/batch 2>&1",
                    folder.path.string(), host));
  };
  EXPECT_EQ(fetch("https://fcm.googleapis.com"), "200 404 2");
  EXPECT_EQ(fetch(fmt::format("https://127.0.0.1:{}", running.port())), "000 404 2");
  EXPECT_TRUE(fetch("https://example.org").ends_with("403 000 0")) << fetch("https://example.org");
}

// Every plane in both versions of HTTP, under the name of a host that is another one's.
TEST(EmulatorTools, CurlFindsEveryPlaneUnderAnyName) {
  NEEDS("curl");
  Folder folder;
  auto options = with_tls(folder);
  options.require_auth = false;
  Running running(options);
  const auto token = token_of('c');
  const auto subscriptions =
      fmt::format("/v1/projects/fanfare-demo/registrations/{}/topicSubscriptions", token);
  const std::pair<std::string, std::string> planes[] = {
      {"-X POST", subscriptions + "?topic_name=news"},
      {"-X GET", subscriptions},
      {"-X DELETE", subscriptions + "/news"},
      {fmt::format(R"(-d '{{"to":"/topics/x","registration_tokens":["{}"]}}')", token),
       "/iid/v1:batchAdd"},
      {"-X GET", fmt::format("/iid/info/{}?details=true", token)},
      {fmt::format(R"(-d '{{"operation":"create","notification_key_name":"VERSION",)"
                   R"("registration_ids":["{}"]}}')",
                   token),
       "/fcm/notification"},
      {"-X GET", "/v1beta1/projects/fanfare-demo/androidApps/a/deliveryData"},
      {"-X GET", "/computeMetadata/v1/project/project-id"}};
  for (const std::string version : {"--http1.1", "--http2"}) {
    for (auto [arguments, path] : planes) {
      if (const auto at = arguments.find("VERSION"); at != arguments.npos) {
        arguments.replace(at, 7, version);  // A group's name is free once only.
      }
      const auto answer = run(
          fmt::format("curl -sS {} --cacert '{}' --connect-to ::127.0.0.1:{} -w '\n%{{http_code}}' "
                      "-H 'access_token_auth: true' -H 'project_id: 123456789012' "
                      "-H 'metadata-flavor: Google' {} 'https://sts.googleapis.com{}'",
                      version, running.file("ca_file"), running.port(), arguments, path));
      EXPECT_TRUE(answer.ends_with("\n200")) << version << " " << path << ": " << answer;
    }
  }
}

json::object json_of(const std::filesystem::path& file) {
  return json::parse(read_file(file).value()).as_object();
}

std::string text_in(const json::object& object, std::string_view name) {
  return std::string(object.at(name).as_string());
}

/// The answer to a form, or to JSON when the extra arguments say so.
json::object post_with_curl(const Running& running, const std::string& url,
                            const std::string& arguments) {
  const auto body =
      run(fmt::format("curl -sS --cacert '{}' {} '{}'", running.file("ca_file"), arguments, url));
  boost::system::error_code error;
  const auto answer = json::parse(body, error);
  return error || !answer.is_object() ? json::object{{"body", body}} : answer.as_object();
}

TEST(EmulatorTools, CurlGetsATokenWithEachExampleFile) {
  NEEDS("curl");
  Folder folder;
  Running running(with_tls(folder));
  const auto user = json_of(folder.path / "authorized_user.json");
  const auto refreshed = post_with_curl(
      running, text_in(user, "token_uri"),
      fmt::format("-d grant_type=refresh_token --data-urlencode 'client_id={}' --data-urlencode "
                  "'client_secret={}' --data-urlencode 'refresh_token={}'",
                  text_in(user, "client_id"), text_in(user, "client_secret"),
                  text_in(user, "refresh_token")));
  ASSERT_TRUE(refreshed.contains("access_token")) << json::serialize(refreshed);

  const auto impersonated = json_of(folder.path / "impersonated.json");
  EXPECT_EQ(impersonated.at("source_credentials"), user);
  const auto generated =
      post_with_curl(running, text_in(impersonated, "service_account_impersonation_url"),
                     fmt::format("-H 'authorization: Bearer {}' -d '{{\"scope\":[\"email\"]}}'",
                                 text_in(refreshed, "access_token")));
  EXPECT_TRUE(generated.contains("accessToken")) << json::serialize(generated);

  const auto external = json_of(folder.path / "external_account.json");
  const auto subject =
      read_file(text_in(external.at("credential_source").as_object(), "file")).value();
  const auto exchanged = post_with_curl(
      running, text_in(external, "token_url"),
      fmt::format("--data-urlencode grant_type=urn:ietf:params:oauth:grant-type:token-exchange "
                  "--data-urlencode 'audience={}' --data-urlencode 'subject_token={}' "
                  "--data-urlencode 'subject_token_type={}' --data-urlencode 'scope={}'",
                  text_in(external, "audience"), subject, text_in(external, "subject_token_type"),
                  "https://www.googleapis.com/auth/firebase.messaging"));
  EXPECT_TRUE(exchanged.contains("access_token")) << json::serialize(exchanged);
  for (const auto* name : {"authorized_user.json", "impersonated.json", "external_account.json",
                           "subject_token.txt"}) {
    EXPECT_EQ(mode_of((folder.path / name).string()), 0600U) << name;
  }
}

TEST(EmulatorTools, CurlStillTrustsItAfterARestart) {
  NEEDS("curl");
  Folder folder;
  std::string token;
  std::string ca;
  {
    Running first(with_tls(folder));
    token = fetch_token(first);
    ca = read_file(first.file("ca_file")).value();
  }
  Running second(with_tls(folder));
  EXPECT_EQ(read_file(second.file("ca_file")).value(), ca);
  const auto answer = run(fmt::format(
      "curl -sS --http2 --cacert '{}' -o /dev/null -w '%{{http_code}}' "
      "-H 'authorization: Bearer {}' -d '{}' https://127.0.0.1:{}{}",
      second.file("ca_file"), token, to_token(token_of('c')), second.port(), send_path));
  EXPECT_EQ(answer, "200");
  EXPECT_TRUE(fetch_token(second).starts_with("ya29.c."));
}

TEST(EmulatorTools, NghttpIsAnswered) {
  NEEDS("nghttp");
  Folder folder;
  std::ofstream(folder.path / "body") << to_token(token_of('c'));
  Running running;
  const auto answer = run(fmt::format("nghttp -v -d '{}' http://127.0.0.1:{}{}",
                                      (folder.path / "body").string(), running.port(), send_path));
  EXPECT_NE(answer.find(":status: 200"), std::string::npos) << answer;
  EXPECT_NE(answer.find("SETTINGS_MAX_CONCURRENT_STREAMS(0x03):100"), std::string::npos) << answer;
}

TEST(EmulatorTools, H2loadIsAnsweredThousandsOfTimes) {
  NEEDS("h2load");
  Folder folder;
  std::ofstream(folder.path / "body") << to_token(token_of('c'));
  Running running;
  const auto answer = run(fmt::format("h2load -n 2000 -c 4 -m 50 -d '{}' http://127.0.0.1:{}{}",
                                      (folder.path / "body").string(), running.port(), send_path));
  EXPECT_NE(answer.find("2000 succeeded, 0 failed"), std::string::npos) << answer;
  EXPECT_NE(answer.find("2000 2xx"), std::string::npos) << answer;
  const auto stats = running.stats();
  EXPECT_EQ(stats.at("requests"), 2'000);
  EXPECT_EQ(stats.at("second_sends"), 1'999);
  EXPECT_EQ(stats.at("max_connections"), 4);
}

// The connection is cut under the other requests on it; none of those may count as sent to,
// answered or not, when its client has to send it again.
TEST(EmulatorTools, H2loadLosesOnlyWhatWasNotProcessedWhenAConnectionIsCut) {
  NEEDS("h2load");
  Folder folder;
  std::ofstream(folder.path / "devices.csv") << "token,health\n" << token_of('c') << ",flaky_cut\n";
  std::ofstream(folder.path / "body") << to_token(token_of('c'));
  EmulatorOptions options;
  options.devices_file = folder.path / "devices.csv";
  options.latency = 5ms;
  Running running(options);
  (void)run(fmt::format("h2load -n 50 -c 1 -m 50 -d '{}' http://127.0.0.1:{}{}",
                        (folder.path / "body").string(), running.port(), send_path));
  // The client is gone before the answers to the other requests were due.
  auto stats = running.stats();
  while (stats.at("in_flight").as_int64() > 0) stats = running.stats();
  EXPECT_EQ(stats.at("answers").at("cut"), 1);
  EXPECT_EQ(stats.at("requests"), 1);
  EXPECT_EQ(stats.at("accepted"), 0);
  EXPECT_EQ(stats.at("lost"), 49);
}

}  // namespace
}  // namespace fanfare::emulator
