#include "gateway/settings.h"

#include <map>

#include <gtest/gtest.h>

#include "base/file.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;
using Variables = std::map<std::string, std::string>;

Result<Settings> read(std::string_view toml, const Variables& variables = {}) {
  return read_settings(toml, "gateway.toml", ClientOptions{}, [&](const std::string& name) {
    const auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional(at->second);
  });
}

// What is wrong with it, as a person reads it; empty: nothing.
std::string faults(std::string_view toml, const Variables& variables = {}) {
  const auto settings = read(toml, variables);
  return settings ? "" : settings.error().what;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Settings, AnEmptyFileIsTheDefaults) {
  const auto settings = read("");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->listen, "127.0.0.1:8200");
  EXPECT_EQ(settings->max_body_bytes, 4U << 20);
  EXPECT_EQ(settings->retention, 7 * 24h);
  EXPECT_TRUE(settings->projects.empty());
}

TEST(Settings, ReadsSpansSizesAndNumbers) {
  const auto settings = read(
      "[serve]\nstop_deadline = \"2m\"\nmax_body = \"8MiB\"\nmax_buffered = \"32MiB\"\n"
      "max_connections = 5\n"
      "[queue]\nmin_free_disk = 4096\nidempotency_retention = \"36h\"\n");
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->stop_deadline, 2min);
  EXPECT_EQ(settings->max_body_bytes, 8U << 20);
  EXPECT_EQ(settings->max_buffered_bytes, 32U << 20);
  EXPECT_EQ(settings->max_connections, 5U);
  EXPECT_EQ(settings->min_free_bytes, 4096U);
  EXPECT_EQ(settings->idempotency_retention, 36h);
}

TEST(Settings, AProjectTakesFromFcmWhatItDoesNotSay) {
  const auto settings = read(
      "[fcm]\nmessages_per_minute = 1000\nmax_attempts = 3\n"
      "[[project]]\nid = \"one\"\n"
      "[[project]]\nid = \"two\"\nmessages_per_minute = 20\ncredentials = \"two.json\"\n");
  ASSERT_TRUE(settings);
  ASSERT_EQ(settings->projects.size(), 2U);
  EXPECT_EQ(settings->projects[0].messages_per_minute, 1000U);
  EXPECT_EQ(settings->projects[1].messages_per_minute, 20U);
  EXPECT_EQ(settings->projects[1].max_attempts, 3);
  EXPECT_EQ(settings->projects[1].credentials_file, "two.json");
}

TEST(Settings, TheEnvironmentComesBeforeTheFile) {
  const auto settings = read(
      "[serve]\nlisten = \"127.0.0.1:1\"\n[fcm]\nmax_attempts = 3\n[[project]]\nid = \"one\"\n",
      {{"FANFARE_SERVE_LISTEN", "[::1]:2"},
       {"FANFARE_SERVE_QUEUE_RETENTION", "1d"},
       {"FANFARE_SERVE_FCM_MAX_ATTEMPTS", "9"}});
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->listen, "[::1]:2");
  EXPECT_EQ(settings->fcm.max_attempts, 9) << "for a project that the file does not name";
  EXPECT_EQ(settings->retention, 24h);
  EXPECT_EQ(settings->projects[0].max_attempts, 9);
}

TEST(Settings, TellsAllFaultsAtOnceWithTheirLines) {
  const std::string wrong =
      faults("[serve]\nlisten = \"127.0.0.1:1\"\nmax_body = \"big\"\n[queue]\nretention = \"7\"\n");
  EXPECT_TRUE(has(wrong, "gateway.toml:3: serve.max_body: 'big'")) << wrong;
  EXPECT_TRUE(has(wrong, "gateway.toml:5: queue.retention: '7'")) << wrong;
}

TEST(Settings, NamesTheKeysWhenOneIsUnknown) {
  const std::string wrong = faults("[queue]\nretension = \"7d\"\n");
  EXPECT_TRUE(has(wrong, "gateway.toml:2: queue.retension")) << wrong;
  EXPECT_TRUE(has(wrong, "retention")) << wrong;
  EXPECT_TRUE(has(faults("[que]\nretention = \"7d\"\n"), "there is no such section"));
}

TEST(Settings, AFaultOfTheEnvironmentNamesTheVariable) {
  EXPECT_TRUE(has(faults("", {{"FANFARE_SERVE_QUEUE_RETENTION", "soon"}}),
                  "FANFARE_SERVE_QUEUE_RETENTION: 'soon'"));
}

TEST(Settings, AProjectNeedsAnIdOfItsOwn) {
  EXPECT_TRUE(has(faults("[[project]]\ncredentials = \"a.json\"\n"), "project.id: it is missing"));
  EXPECT_TRUE(has(faults("[[project]]\nid = \"one\"\n[[project]]\nid = \"one\"\n"),
                  "'one' is there twice"));
}

TEST(Settings, RefusesToListenForOthersWithoutKeys) {
  const std::string open = "[serve]\nrequire_keys = \"false\"\nlisten = ";
  EXPECT_EQ(faults(open + "\"127.0.0.1:8200\"\n"), "");
  EXPECT_EQ(faults(open + "\"[::1]:8200\"\n"), "");
  EXPECT_TRUE(has(faults(open + "\"0.0.0.0:8200\"\n"), "serve.require_keys"));
  EXPECT_TRUE(has(faults(open + "\"[::]:8200\"\n"), "serve.require_keys"));
}

TEST(Settings, ACertificateNeedsItsKey) {
  EXPECT_TRUE(has(faults("[serve]\ntls_certificate = \"a.pem\"\n"), "go together"));
  EXPECT_TRUE(has(faults("[serve]\nrequire_tls = \"true\"\n"), "no serve.tls_certificate"));
  EXPECT_TRUE(has(faults("[serve]\ntls_client_ca = \"a.pem\"\n"), "no serve.tls_certificate"));
  EXPECT_TRUE(has(faults("[serve]\ntls_client_ca = \"a\"\nrequire_tls = \"false\"\n"
                         "tls_certificate = \"b\"\ntls_key = \"c\"\n"),
                  "could leave out the certificate"));
}

TEST(Settings, WhatIsNoTomlIsNamedByItsLine) {
  EXPECT_TRUE(has(faults("[serve]\nlisten = \n"), "gateway.toml:2: "));
}

TEST(Settings, OnlyAddressesOfThisMachineAreLoopback) {
  for (const std::string_view host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  // A name may begin with anything, and leads anywhere.
  for (const std::string_view host : {"127.0.0.1.example.com", "127.1", "0.0.0.0", "::", "host"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Settings, RefusesWhatIsNoHostAndPort) {
  for (const std::string_view listen : {"", "8200", "127.0.0.1", ":8200", "host:65536", "host:x"}) {
    EXPECT_FALSE(parse_listen(listen)) << listen;
  }
}

TEST(Settings, TheExampleIsValid) {
  const auto example = read_file(FANFARE_ROOT_DIR "/deploy/gateway.toml");
  ASSERT_TRUE(example);
  EXPECT_EQ(faults(*example), "");
}

// Its commented lines show the defaults, each under its section.
TEST(Settings, TheExamplesCommentedKeysAreValid) {
  auto example = read_file(FANFARE_ROOT_DIR "/deploy/gateway.toml");
  ASSERT_TRUE(example);
  std::string all;
  for (std::size_t at = 0; at < example->size();) {
    const std::size_t end = std::min(example->find('\n', at), example->size());
    std::string_view line = std::string_view(*example).substr(at, end - at);
    // "#key = …" is a key that is off; "# Words" is prose.
    if (line.starts_with('#') && !line.starts_with("# ")) line.remove_prefix(1);
    all.append(line).append("\n");
    at = end + 1;
  }
  EXPECT_NE(all, *example);
  EXPECT_EQ(faults(all), "");
}

}  // namespace
}  // namespace fanfare::gateway
