// Other people's programs against our server, and our pool against another server: two ends of
// our own can agree on the same mistake. A tool that is not installed is skipped, and said so.
#include <csignal>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http2/pool.h"
#include "http2/server.h"
#include "http2/testing/certificates.h"
#include "http2/testing/loop.h"

namespace fanfare::http2 {
namespace {

namespace asio = boost::asio;
using testing::run_until;

std::optional<std::string> find_tool(const std::string& name) {
  for (const char* folder : {"/usr/bin/", "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/"}) {
    std::string path = folder + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

/// A child process whose output is a file.
class Child {
 public:
  explicit Child(std::vector<std::string> command) : output_("") {
    std::vector<char*> arguments;
    for (auto& word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, output_.path().c_str(), O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (posix_spawn(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ) != 0) {
      pid_ = 0;
    }
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Child() {
    if (ended()) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool ended() {
    if (pid_ != 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = 0;
    return pid_ == 0;
  }
  int exit_status() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }
  std::string output() const { return read_file(output_.path()).value(); }

 private:
  testing::TemporaryFile output_;
  pid_t pid_ = 0;
  int status_ = -1;
};

#define FIND_TOOL_OR_SKIP(variable, name) \
  const auto variable = find_tool(name);  \
  if (!variable) GTEST_SKIP() << "*** " name " is not installed ***"

/// A server with TLS and a handler that tells what it was asked.
struct World {
  asio::io_context io;
  testing::TemporaryFile ca{testing::test_authority().certificate_pem};
  std::unique_ptr<Server> server;
  std::size_t requests = 0;

  explicit World(const ServerOptions& options = with_tls()) {
    server = Server::open(io, options, [this](Request request, std::shared_ptr<Reply> reply) {
               ++requests;
               reply->respond({200,
                               {{"content-type", "text/plain"}},
                               request.method + " " + request.scheme + " " + request.path + " " +
                                   std::to_string(request.body.size()) + "\n"});
             }).value();
  }
  static ServerOptions with_tls() {
    ServerOptions options;
    options.tls = testing::server_tls();
    return options;
  }
  std::string url(const std::string& scheme, const std::string& path = "/x") const {
    return scheme + "://localhost:" + std::to_string(server->port()) + path;
  }
  /// The tool's output; fails the test when it does not end with success.
  std::string run(std::vector<std::string> command) {
    Child child(std::move(command));
    EXPECT_TRUE(run_until(io, [&] { return child.ended(); }));
    EXPECT_EQ(child.exit_status(), 0) << child.output();
    return child.output();
  }
  std::string curl(const std::string& path, std::vector<std::string> arguments) {
    // -4: localhost may be ::1 first, where nobody listens.
    arguments.insert(arguments.begin(),
                     {path, "-4", "-sS", "--noproxy", "*", "--max-time", "15", "--cacert",
                      ca.path().string(), "-w", "[%{http_version}]"});
    return run(std::move(arguments));
  }
};

TEST(Curl, SpeaksHttp2OverTls) {
  FIND_TOOL_OR_SKIP(curl, "curl");
  World world;
  EXPECT_EQ(world.curl(*curl, {"--http2", world.url("https")}), "GET https /x 0\n[2]");
}

TEST(Curl, SpeaksHttp11OverTls) {
  FIND_TOOL_OR_SKIP(curl, "curl");
  World world;
  EXPECT_EQ(world.curl(*curl, {"--http1.1", world.url("https")}), "GET https /x 0\n[1.1]");
}

TEST(Curl, SpeaksHttp2WithPriorKnowledge) {
  FIND_TOOL_OR_SKIP(curl, "curl");
  World world;
  EXPECT_EQ(world.curl(*curl, {"--http2-prior-knowledge", "-d", "body", world.url("http")}),
            "POST http /x 4\n[2]");
}

TEST(Curl, OffersAnUpgradeAndLivesWithout) {
  FIND_TOOL_OR_SKIP(curl, "curl");
  World world;
  EXPECT_EQ(world.curl(*curl, {"--http2", world.url("http")}), "GET http /x 0\n[1.1]");
}

TEST(Curl, SpeaksHttp10) {
  FIND_TOOL_OR_SKIP(curl, "curl");
  World world;
  EXPECT_EQ(world.curl(*curl, {"--http1.0", world.url("https")}), "GET https /x 0\n[1.1]");
}

TEST(Curl, WaitsForContinueWithALargeBody) {
  FIND_TOOL_OR_SKIP(curl, "curl");
  World world;
  const testing::TemporaryFile body(std::string(500'000, 'b'));
  const std::string data = "@" + body.path().string();
  EXPECT_EQ(world.curl(*curl, {"--http1.1", "-H", "Expect: 100-continue", "--data-binary", data,
                               world.url("https")}),
            "POST https /x 500000\n[1.1]");
  EXPECT_EQ(world.curl(*curl, {"--http1.1", "-H", "Transfer-Encoding: chunked", "--data-binary",
                               data, world.url("http")}),
            "POST http /x 500000\n[1.1]");
  EXPECT_EQ(world.curl(*curl, {"--http2", "--data-binary", data, world.url("https")}),
            "POST https /x 500000\n[2]");
}

TEST(Curl, ReusesItsConnection) {
  FIND_TOOL_OR_SKIP(curl, "curl");
  World world;
  const std::string url = world.url("http");
  world.curl(*curl, {"--http1.1", url, url, url});
  EXPECT_EQ(world.requests, 3U);
}

/// The same as a proxy for hosts of Google's, and a curl that is told of it.
struct ProxyWorld : World {
  ProxyWorld() : World(options()) {}
  static ServerOptions options() {
    ServerOptions options;
    options.tls = testing::server_tls({{"fcm.googleapis.com"}, {}});
    options.tunnels_to = [](std::string_view host) { return host == "fcm.googleapis.com"; };
    return options;
  }
  std::vector<std::string> command(const std::string& path, const std::string& url) const {
    return {path,         "-sS",
            "--noproxy",  "",
            "--proxy",    "http://127.0.0.1:" + std::to_string(server->port()),
            "--max-time", "15",
            "--cacert",   ca.path().string(),
            "-w",         "[%{http_version} %{http_connect}]",
            url};
  }
};

TEST(Curl, ReachesTheServerThroughItselfAsAProxy) {
  FIND_TOOL_OR_SKIP(curl, "curl");
  ProxyWorld world;
  EXPECT_EQ(world.run(world.command(*curl, "https://fcm.googleapis.com/x")),
            "GET https /x 0\n[2 200]");
  auto http1 = world.command(*curl, "https://fcm.googleapis.com/x");
  http1.push_back("--http1.1");
  EXPECT_EQ(world.run(http1), "GET https /x 0\n[1.1 200]");
  EXPECT_EQ(world.run(world.command(*curl, "http://fcm.googleapis.com/x")),
            "GET http /x 0\n[1.1 000]");
}

TEST(Curl, IsRefusedATunnelToAnotherHost) {
  FIND_TOOL_OR_SKIP(curl, "curl");
  ProxyWorld world;
  Child child(world.command(*curl, "https://example.com/x"));
  EXPECT_TRUE(run_until(world.io, [&] { return child.ended(); }));
  EXPECT_NE(child.output().find("403"), std::string::npos) << child.output();
  EXPECT_EQ(world.requests, 0U);
}

TEST(Nghttp, IsAnswered) {
  FIND_TOOL_OR_SKIP(nghttp, "nghttp");
  World world;
  const std::string output =
      world.run({*nghttp, "--no-verify-peer", "-m", "20",
                 "https://127.0.0.1:" + std::to_string(world.server->port()) + "/n"});
  EXPECT_NE(output.find("GET https /n 0"), std::string::npos) << output;
  EXPECT_EQ(world.requests, 20U);
}

TEST(H2load, LosesNoRequest) {
  FIND_TOOL_OR_SKIP(h2load, "h2load");
  World world;
  for (const char* scheme : {"https", "http"}) {
    const std::string output = world.run(
        {*h2load, "-n", "1000", "-c", "4", "-m", "100",
         std::string(scheme) + "://127.0.0.1:" + std::to_string(world.server->port()) + "/"});
    EXPECT_NE(output.find("1000 succeeded, 0 failed"), std::string::npos) << output;
  }
}

TEST(Openssl, AcceptsTheChain) {
  FIND_TOOL_OR_SKIP(openssl, "openssl");
  World world;
  const std::string output = world.run(
      {*openssl, "s_client", "-connect", "127.0.0.1:" + std::to_string(world.server->port()),
       "-CAfile", world.ca.path().string(), "-verify_return_error", "-verify_hostname", "localhost",
       "-x509_strict", "-alpn", "h2"});
  EXPECT_NE(output.find("Verify return code: 0 (ok)"), std::string::npos) << output;
  EXPECT_NE(output.find("ALPN protocol: h2"), std::string::npos) << output;
}

/// A port that was free a moment ago; these tools can't tell which one the system would give.
std::uint16_t free_port(asio::io_context& io) {
  asio::ip::tcp::acceptor acceptor(io, {asio::ip::make_address("127.0.0.1"), 0});
  return acceptor.local_endpoint().port();
}

/// Sends requests until the other server is up and has answered all of them.
std::vector<Ended> send_to(asio::io_context& io, Pool& pool, Child& child, std::size_t count) {
  std::vector<Ended> ended;
  std::function<void(Ended)> on_ended = [&](Ended end) {
    // Not up yet: again, after the pause that the pool makes.
    if (end.how == Ended::How::unsent && !child.ended()) {
      pool.send({.authority = "localhost", .path = "/", .headers = {}, .body = {}}, on_ended);
    } else {
      ended.push_back(std::move(end));
    }
  };
  for (std::size_t i = 0; i < count; ++i) {
    pool.send({.authority = "localhost", .path = "/", .headers = {}, .body = {}}, on_ended);
  }
  EXPECT_TRUE(run_until(io, [&] { return ended.size() == count; }));
  return ended;
}

TEST(Nghttpd, AnswersThePoolOverTls) {
  FIND_TOOL_OR_SKIP(nghttpd, "nghttpd");
  asio::io_context io;
  const auto port = free_port(io);
  const auto identity =
      issue(testing::test_authority(), testing::loopback_names(), testing::valid_now()).value();
  const testing::TemporaryFile certificate(identity.certificate_pem);
  const testing::TemporaryFile key(identity.private_key_pem);
  Child child({*nghttpd, "-a", "127.0.0.1", std::to_string(port), key.path().string(),
               certificate.path().string()});
  Pool pool(io, {true, "localhost", port}, testing::client_tls(), {});
  const auto ended = send_to(io, pool, child, 500);
  for (const auto& end : ended) {
    ASSERT_EQ(end.how, Ended::How::answered) << end.reason << child.output();
    EXPECT_EQ(end.response.status, 404);
  }
}

TEST(Nghttpd, AnswersThePoolInPlaintext) {
  FIND_TOOL_OR_SKIP(nghttpd, "nghttpd");
  asio::io_context io;
  const auto port = free_port(io);
  Child child({*nghttpd, "--no-tls", "-a", "127.0.0.1", std::to_string(port)});
  Pool pool(io, {false, "127.0.0.1", port}, nullptr, {});
  for (const auto& end : send_to(io, pool, child, 100)) {
    ASSERT_EQ(end.how, Ended::How::answered) << end.reason << child.output();
  }
}

// s_server without -alpn selects no protocol, as a server that knows HTTP/1.1 only.
TEST(Openssl, ServerWithoutHttp2IsCalledSo) {
  FIND_TOOL_OR_SKIP(openssl, "openssl");
  asio::io_context io;
  const auto port = free_port(io);
  const auto identity =
      issue(testing::test_authority(), testing::loopback_names(), testing::valid_now()).value();
  const testing::TemporaryFile certificate(identity.certificate_pem);
  const testing::TemporaryFile key(identity.private_key_pem);
  Child child({*openssl, "s_server", "-accept", "127.0.0.1:" + std::to_string(port), "-cert",
               certificate.path().string(), "-key", key.path().string(), "-www"});
  Pool pool(io, {true, "localhost", port}, testing::client_tls(), {});
  std::string reason;
  std::function<void(Ended)> on_ended = [&](Ended end) {
    reason = end.reason;
    if (reason.find("refused") != std::string::npos && !child.ended()) {
      pool.send({.authority = "localhost", .path = "/", .headers = {}, .body = {}}, on_ended);
    }
  };
  pool.send({.authority = "localhost", .path = "/", .headers = {}, .body = {}}, on_ended);
  EXPECT_TRUE(
      run_until(io, [&] { return reason.find("does not speak HTTP/2") != std::string::npos; }))
      << reason << child.output();
}

}  // namespace
}  // namespace fanfare::http2
