#include "oauth/credentials_file.h"

#include <fstream>
#include <map>

#include <gtest/gtest.h>
#include <unistd.h>

namespace fanfare::oauth {
namespace {

class CredentialsFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "fanfare-credentials-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path make_file(const std::filesystem::path& name) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << "{}";
    return path;
  }
  Result<std::filesystem::path> find(std::string_view named = "") {
    return find_credentials_file(named, [this](const std::string& name) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional(found->second);
    });
  }

  std::filesystem::path folder_;
  std::map<std::string, std::string> variables_;
};

TEST_F(CredentialsFile, TheCallersChoiceComesFirst) {
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] = make_file("other.json");
  EXPECT_EQ(find("mine.json"), "mine.json");
}

TEST_F(CredentialsFile, TheVariableComesBeforeGcloud) {
  variables_["HOME"] = folder_;
  make_file(".config/gcloud/application_default_credentials.json");
  const auto path = make_file("key.json");
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] = path;
  EXPECT_EQ(find(), path);
}

TEST_F(CredentialsFile, AVariableThatNamesNoFileIsAnErrorEvenWhenGcloudHasOne) {
  variables_["HOME"] = folder_;
  make_file(".config/gcloud/application_default_credentials.json");
  variables_["GOOGLE_APPLICATION_CREDENTIALS"] = folder_ / "missing.json";
  const auto found = find();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, Error::Kind::credentials);
  EXPECT_NE(found.error().what.find("missing.json"), std::string::npos);
}

TEST_F(CredentialsFile, FindsGcloudsFileInTheHomeFolder) {
  variables_["HOME"] = folder_;
  const auto path = make_file(".config/gcloud/application_default_credentials.json");
  EXPECT_EQ(find(), path);
}

TEST_F(CredentialsFile, FindsGcloudsFileInItsOwnFolder) {
  variables_["HOME"] = folder_;
  make_file(".config/gcloud/application_default_credentials.json");
  variables_["CLOUDSDK_CONFIG"] = folder_ / "sdk";
  const auto path = make_file("sdk/application_default_credentials.json");
  EXPECT_EQ(find(), path);
}

TEST_F(CredentialsFile, IsNoneWhenOnlyTheMetadataServerIsLeft) {
  variables_["HOME"] = folder_;
  const auto found = find();
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
}

TEST_F(CredentialsFile, ListsWhereItLookedAndHowToMendIt) {
  variables_["HOME"] = folder_;
  const auto error = no_credentials(
      [this](const std::string& name) {
        return variables_.contains(name) ? std::optional(variables_[name]) : std::nullopt;
      },
      "the metadata server can't be reached");
  EXPECT_EQ(error.kind, Error::Kind::credentials);
  EXPECT_TRUE(error.what.contains("GOOGLE_APPLICATION_CREDENTIALS is not set")) << error.what;
  EXPECT_TRUE(error.what.contains((folder_ / ".config/gcloud").string())) << error.what;
  EXPECT_TRUE(error.what.contains("metadata server")) << error.what;
  EXPECT_TRUE(error.remedy.contains("--credentials")) << error.remedy;
}

TEST_F(CredentialsFile, ManagesWithoutAHomeFolder) {
  const auto error = no_credentials([](const std::string&) { return std::nullopt; }, "nothing");
  EXPECT_TRUE(error.what.contains("HOME is not set")) << error.what;
}

}  // namespace
}  // namespace fanfare::oauth
