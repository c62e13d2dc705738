#include "client/credentials.h"

#include <map>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "oauth/testing/throwaway_key.h"

namespace fanfare::client {
namespace {

class Credentials : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "fanfare-client-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    write_key(oauth::testing::key_file(oauth::default_token_uri));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void write_key(const std::string& text, unsigned mode = 0600) {
    std::filesystem::remove(key_file());
    ASSERT_TRUE(write_file(key_file(), text, mode));
  }
  [[nodiscard]] std::filesystem::path key_file() const { return folder_ / "key.json"; }

  Result<Connection> resolve() {
    return resolve_connection(
        options_,
        [this](const std::string& name) {
          const auto found = variables_.find(name);
          return found == variables_.end() ? std::nullopt : std::optional(found->second);
        },
        [this](const oauth::TokenRequest& request) {
          asked_.push_back(request.url);
          return metadata_;
        });
  }

  std::filesystem::path folder_;
  ClientOptions options_;
  std::map<std::string, std::string> variables_;
  oauth::TokenReply metadata_;  // What the metadata server answers: nothing.
  std::vector<std::string> asked_;
};

TEST_F(Credentials, GoToFcmWithTheKeysProject) {
  options_.credentials_file = key_file();
  const auto connection = resolve();
  ASSERT_TRUE(connection) << connection.error().what;
  EXPECT_TRUE(connection->origin.tls);
  EXPECT_EQ(connection->origin.authority(), "fcm.googleapis.com");
  EXPECT_EQ(connection->project, "demo-project");
  EXPECT_TRUE(connection->credential);
  EXPECT_FALSE(connection->ca_file);
  EXPECT_TRUE(connection->warnings.empty());
}

TEST_F(Credentials, AreFoundByTheVariable) {
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] = key_file();
  const auto connection = resolve();
  ASSERT_TRUE(connection);
  EXPECT_EQ(connection->credential_name, "sender@demo-project.iam.gserviceaccount.com");
}

TEST_F(Credentials, AreNeededForTls) {
  const auto connection = resolve();
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, Error::Kind::credentials);
  options_.endpoint = "https://localhost:8443";
  EXPECT_FALSE(resolve());
}

TEST_F(Credentials, ComeFromTheMetadataServerWhenThereIsNoFile) {
  metadata_.answered = true;
  metadata_.status = 200;
  metadata_.body = "machine-project";
  metadata_.metadata_flavor = "Google";
  const auto connection = resolve();
  ASSERT_TRUE(connection) << connection.error().what;
  EXPECT_EQ(connection->credential_type, "metadata_server");
  EXPECT_EQ(connection->project, "machine-project");
  EXPECT_EQ(asked_.front(), "http://169.254.169.254/computeMetadata/v1/project/project-id");
  variables_["GOOGLE_CLOUD_PROJECT"] = "named";
  EXPECT_EQ(resolve()->project, "named");
}

TEST_F(Credentials, TheVariablesQuotaProjectComesBeforeTheFiles) {
  auto fields = oauth::testing::key_file_fields();
  fields["quota_project_id"] = "of-file";
  write_key(boost::json::serialize(fields));
  options_.credentials_file = key_file();
  EXPECT_EQ(resolve()->quota_project, "of-file");
  variables_["GOOGLE_CLOUD_QUOTA_PROJECT"] = "of-variable";
  EXPECT_EQ(resolve()->quota_project, "of-variable");
}

TEST_F(Credentials, TheCallersProjectComesBeforeTheKeys) {
  options_.credentials_file = key_file();
  options_.project = "other";
  variables_["GOOGLE_CLOUD_PROJECT"] = "third";
  EXPECT_EQ(resolve()->project, "other");
  options_.project.clear();
  EXPECT_EQ(resolve()->project, "demo-project");
}

TEST_F(Credentials, TheEmulatorIsPlaintextWithoutATokenEvenWhenAKeyIsNamed) {
  variables_["FCM_EMULATOR_HOST"] = "localhost:8090";
  options_.credentials_file = key_file();
  const auto connection = resolve();
  ASSERT_TRUE(connection);
  EXPECT_FALSE(connection->origin.tls);
  EXPECT_EQ(connection->origin.authority(), "localhost:8090");
  EXPECT_FALSE(connection->credential);
}

TEST_F(Credentials, TheEmulatorsProjectIsTheCallersOrTheEnvironmentsOrADemo) {
  variables_["FCM_EMULATOR_HOST"] = "localhost:8090";
  EXPECT_EQ(resolve()->project, "demo-project");
  variables_["GCLOUD_PROJECT"] = "older";
  EXPECT_EQ(resolve()->project, "older");
  variables_["GOOGLE_CLOUD_PROJECT"] = "newer";
  EXPECT_EQ(resolve()->project, "newer");
  options_.project = "mine";
  EXPECT_EQ(resolve()->project, "mine");
}

TEST_F(Credentials, ANamedEndpointComesBeforeTheEmulator) {
  variables_["FCM_EMULATOR_HOST"] = "localhost:8090";
  options_.endpoint = "https://localhost:8443";
  options_.credentials_file = key_file();
  const auto connection = resolve();
  ASSERT_TRUE(connection);
  EXPECT_TRUE(connection->origin.tls);
  EXPECT_TRUE(connection->credential);
}

TEST_F(Credentials, APlaintextEndpointUsesOnlyAKeyThatIsNamed) {
  options_.endpoint = "http://127.0.0.1:8090";
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] = key_file();
  EXPECT_FALSE(resolve()->credential);
  options_.credentials_file = key_file();
  EXPECT_TRUE(resolve()->credential);
}

TEST_F(Credentials, WarnWhenTokensGoUnencryptedToAnotherMachine) {
  options_.credentials_file = key_file();
  options_.endpoint = "http://127.0.0.1:8090";
  EXPECT_TRUE(resolve()->warnings.empty());
  options_.endpoint = "http://emulator:8090";
  ASSERT_EQ(resolve()->warnings.size(), 1U);
  EXPECT_NE(resolve()->warnings.front().find("unencrypted to emulator"), std::string::npos);
}

TEST_F(Credentials, WarnOfAKeyThatOthersCanRead) {
  write_key(oauth::testing::key_file(oauth::default_token_uri), 0644);
  options_.credentials_file = key_file();
  ASSERT_EQ(resolve()->warnings.size(), 1U);
}

TEST_F(Credentials, AnUnusableEmulatorHostIsNamed) {
  variables_["FCM_EMULATOR_HOST"] = "http://localhost:8090";
  const auto connection = resolve();
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, Error::Kind::usage);
  EXPECT_NE(connection.error().what.find("FCM_EMULATOR_HOST"), std::string::npos);
}

TEST_F(Credentials, RefuseAnEndpointThatIsNoOrigin) {
  options_.endpoint = "https://example.com/v1";
  options_.credentials_file = key_file();
  EXPECT_EQ(resolve().error().kind, Error::Kind::usage);
}

TEST_F(Credentials, RefuseAProjectThatCannotStandInAPath) {
  options_.endpoint = "http://127.0.0.1:8090";
  for (const char* project : {"My Project", "a/b", "a?b", "a%2Fb"}) {
    options_.project = project;
    EXPECT_FALSE(resolve()) << project;
  }
  for (const char* project : {"my-project-1", "123456789012", "example.com:old"}) {
    options_.project = project;
    EXPECT_TRUE(resolve()) << project;
  }
}

TEST_F(Credentials, NameTheKeyFileThatIsMissing) {
  options_.credentials_file = folder_ / "missing.json";
  const auto connection = resolve();
  ASSERT_FALSE(connection);
  EXPECT_EQ(connection.error().kind, Error::Kind::input);
  EXPECT_NE(connection.error().what.find("missing.json"), std::string::npos);
}

TEST_F(Credentials, RefuseAKeyOfAnotherUniverse) {
  auto fields = oauth::testing::key_file_fields();
  fields["universe_domain"] = "example.cloud";
  write_key(boost::json::serialize(fields));
  options_.credentials_file = key_file();
  EXPECT_EQ(resolve().error().kind, Error::Kind::credentials);
  options_.endpoint = "https://fcm.example.cloud";
  EXPECT_TRUE(resolve());
}

}  // namespace
}  // namespace fanfare::client
