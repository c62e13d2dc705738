#include "emulator/client_setup.h"

#include <array>
#include <cstdio>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "http2/certificate.h"

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

/// A folder with a name that each reader must quote in its own way, gone after the test.
class ClientSetupFiles : public ::testing::Test {
 protected:
  ClientSetupFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "setup-XXXXXX").string();
    outer_ = ::mkdtemp(name.data());
    folder = outer_ / "it's $HOME \"a\"";
    std::filesystem::create_directory(folder);
    const auto now = std::chrono::system_clock::now();
    const auto authority = http2::make_authority("Fanfare emulator", {now - 1h, now + 24h});
    setup = {.port = 8100,
             .project = "demo",
             .ca_file = folder / "ca.pem",
             .credentials_file = folder / "credentials.json"};
    EXPECT_TRUE(write_file(setup.ca_file, authority->certificate_pem));
  }
  ~ClientSetupFiles() override { std::filesystem::remove_all(outer_); }

  /// What a shell that has read env.sh, so many times, says of a variable.
  std::string after_env(const std::string& variable, const std::string& before = "",
                        int times = 1) {
    const auto script = outer_ / "script.sh";
    std::string text = before + "\ncd '" + outer_.string() + "'\n";
    for (int i = 0; i < times; ++i) text += ". ./it*/env.sh\n";
    EXPECT_TRUE(write_file(script, text + "printf %s \"$" + variable + "\"\n"));
    FILE* shell = ::popen(fmt::format("env -i sh -eu '{}'", script.string()).c_str(), "r");
    std::string output;
    std::array<char, 4096> part;
    while (const auto size = std::fread(part.data(), 1, part.size(), shell)) {
      output.append(part.data(), size);
    }
    EXPECT_EQ(::pclose(shell), 0);
    return output;
  }

  std::filesystem::path folder;
  ClientSetup setup;

 private:
  std::filesystem::path outer_;
};

TEST_F(ClientSetupFiles, EnvNamesTheWayWhateverTheFolderIsCalled) {
  ASSERT_TRUE(write_client_setup(folder, setup));
  EXPECT_EQ(after_env("HTTPS_PROXY"), "http://127.0.0.1:8100");
  EXPECT_EQ(after_env("NO_PROXY"), "localhost,127.0.0.1,::1");
  EXPECT_EQ(after_env("SSL_CERT_FILE"), setup.ca_file.string());
  EXPECT_EQ(after_env("GOOGLE_APPLICATION_CREDENTIALS"), setup.credentials_file.string());
  EXPECT_EQ(after_env("GOOGLE_CLOUD_PROJECT"), "demo");
  EXPECT_EQ(after_env("PHP_INI_SCAN_DIR"), ":" + folder.string());
}

TEST_F(ClientSetupFiles, EnvKeepsTheOptionsThatWereThereAndAddsItsOwnOnce) {
  ASSERT_TRUE(write_client_setup(folder, setup));
  const auto alone = after_env("NODE_OPTIONS");
  EXPECT_TRUE(alone.starts_with("--require \"/")) << alone;
  EXPECT_TRUE(alone.ends_with("it's $HOME \\\"a\\\"/redirect.js\"")) << alone;
  const std::string before = "export NODE_OPTIONS=--no-warnings JAVA_TOOL_OPTIONS=-Xmx64m";
  EXPECT_EQ(after_env("NODE_OPTIONS", before, 2), "--no-warnings " + alone);
  EXPECT_EQ(after_env("JAVA_TOOL_OPTIONS", before, 2), "-Xmx64m " + after_env("JAVA_TOOL_OPTIONS"));
}

TEST_F(ClientSetupFiles, ItsOwnAddressIsReachedWithoutTheProxy) {
  setup.host = "2001:db8::1";
  ASSERT_TRUE(write_client_setup(folder, setup));
  EXPECT_EQ(after_env("https_proxy"), "http://[2001:db8::1]:8100");
  EXPECT_EQ(after_env("no_proxy"), "localhost,127.0.0.1,::1,2001:db8::1");
}

TEST_F(ClientSetupFiles, AreWrittenAnewForAnotherPort) {
  ASSERT_TRUE(write_client_setup(folder, setup));
  setup.port = 8101;
  ASSERT_TRUE(write_client_setup(folder, setup));
  for (const auto* name : {"env.sh", "redirect.js", "README.txt"}) {
    const auto text = read_file(folder / name).value();
    EXPECT_EQ(text.find("8100"), std::string::npos) << name;
    EXPECT_NE(text.find("8101"), std::string::npos) << name;
  }
}

TEST_F(ClientSetupFiles, NeverTakeThePlaceOfSomebodyElses) {
  for (const auto* name : {"env.sh", "redirect.js", "truststore.p12", "php.ini", "README.txt"}) {
    ASSERT_TRUE(write_file(folder / name, "mine"));
    const auto written = write_client_setup(folder, setup);
    ASSERT_FALSE(written) << name;
    EXPECT_EQ(written.error().kind, Error::Kind::input);
    EXPECT_EQ(read_file(folder / name).value(), "mine");
    std::filesystem::remove(folder / name);
  }
}

TEST(ClientSetup, PlaysTheHostsOfGooglesSdksAndNoOther) {
  for (const auto* host : {"fcm.googleapis.com", "www.googleapis.com", "accounts.google.com",
                           "metadata.google.internal", "localhost"}) {
    EXPECT_TRUE(is_played_host(host)) << host;
  }
  for (const auto* host : {"", "googleapis.com", "fcm.googleapis.com.example.org", "google.com"}) {
    EXPECT_FALSE(is_played_host(host)) << host;
  }
}

}  // namespace
}  // namespace fanfare::emulator
