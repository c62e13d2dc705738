// Each kind of credentials file from its text to a token, with a test that plays every endpoint:
// the exact requests, and what each fault is called.
#include "oauth/credentials.h"

#include <fstream>
#include <map>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "oauth/metadata_server.h"
#include "oauth/subject_token.h"
#include "oauth/testing/throwaway_key.h"
#include "oauth/watched_credential.h"

namespace fanfare::oauth {
namespace {

using namespace std::chrono_literals;

constexpr SystemTime noon{std::chrono::seconds(1'800'000'000)};

constexpr const char* user_file =
    R"({"type":"authorized_user","client_id":"me.apps","client_secret":"GOCSPX-hidden",
        "refresh_token":"1//refresh+hidden","quota_project_id":"payer"})";

std::string impersonated_file() {
  return std::string(R"({"type":"impersonated_service_account","delegates":["between"],)"
                     R"("service_account_impersonation_url":"https://iam.example/v1/projects/-/)"
                     R"(serviceAccounts/a@b.c:generateAccessToken","source_credentials":)") +
         user_file + "}";
}

std::string external_file(const std::string& source) {
  return R"({"type":"external_account","audience":"//iam/pool","subject_token_type":"jwt-type",)"
         R"("token_url":"https://sts.example/token","credential_source":)" +
         source + "}";
}

Environment environment(std::map<std::string, std::string> variables = {}) {
  return [variables](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

const Environment allowing = environment({{"GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1"}});

TokenReply answer(int status, std::string body, std::string flavor = {}) {
  TokenReply reply;
  reply.answered = true;
  reply.status = status;
  reply.body = std::move(body);
  reply.received_at = noon;
  reply.metadata_flavor = std::move(flavor);
  return reply;
}

// Performs the asks of one credential with the answers that a test has laid ready.
struct Played {
  explicit Played(Credential& credential, std::vector<TokenReply> answers) {
    Progress progress = credential.begin(noon, messaging_scope);
    for (auto& reply : answers) {
      auto* step = std::get_if<Step>(&progress.state);
      if (step == nullptr) break;
      if (auto* request = std::get_if<TokenRequest>(&step->ask)) requests.push_back(*request);
      if (auto* command = std::get_if<CommandRequest>(&step->ask)) commands.push_back(*command);
      progress = step->then(reply);
    }
    if (auto* token = std::get_if<AccessToken>(&progress.state)) value = token->value.reveal();
    if (auto* failed = std::get_if<TokenError>(&progress.state)) error = *failed;
  }
  std::vector<TokenRequest> requests;
  std::vector<CommandRequest> commands;
  std::string value;
  TokenError error;
};

std::shared_ptr<Credential> credential_of(const std::string& text) {
  auto read = parse_credentials(text, "file.json", allowing);
  EXPECT_TRUE(read) << read.error().what;
  return read->credential;
}

std::string refused(const std::string& text, const Environment& variables = allowing) {
  const auto read = parse_credentials(text, "file.json", variables);
  EXPECT_FALSE(read) << text;
  if (read) return "";
  EXPECT_FALSE(read.error().what.contains("hidden")) << read.error().what;
  return read.error().what;
}

const TokenReply granted = answer(200, R"({"access_token":"ya29.x","expires_in":3599})");

TEST(UserLogin, IsRefreshedWithExactlyThisForm) {
  const auto read = parse_credentials(user_file, "file.json", allowing);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(read->quota_project, "payer");
  const Played played(*read->credential, {granted});
  EXPECT_EQ(played.value, "ya29.x");
  ASSERT_EQ(played.requests.size(), 1U);
  EXPECT_EQ(played.requests[0].url, "https://oauth2.googleapis.com/token");
  EXPECT_EQ(played.requests[0].body.reveal(),
            "grant_type=refresh_token&client_id=me.apps&client_secret=GOCSPX-hidden&"
            "refresh_token=1%2F%2Frefresh%2Bhidden");
}

TEST(UserLogin, ThatWasRevokedSaysToLogInAgain) {
  const Played played(*credential_of(user_file),
                      {answer(400, R"({"error":"invalid_grant","error_description":)"
                                   R"("Token 1//refresh+hidden has been revoked."})")});
  EXPECT_EQ(played.error.fault, TokenFault::revoked_key);
  EXPECT_TRUE(played.error.remedy.contains("gcloud auth application-default login"));
  EXPECT_FALSE(played.error.what.contains("refresh+")) << played.error.what;
}

TEST(UserLogin, NamesTheFieldThatIsMissing) {
  EXPECT_TRUE(refused(R"({"type":"authorized_user","client_id":"a","client_secret":"hidden"})")
                  .contains("\"refresh_token\" is missing"));
}

TEST(Impersonation, ExchangesTheSourcesToken) {
  const Played played(
      *credential_of(impersonated_file()),
      {granted,
       answer(200, R"({"accessToken":"ya29.other","expireTime":"2027-01-15T09:00:00Z"})")});
  EXPECT_EQ(played.value, "ya29.other") << played.error.what;
  ASSERT_EQ(played.requests.size(), 2U);
  const auto& request = played.requests[1];
  EXPECT_EQ(request.url,
            "https://iam.example/v1/projects/-/serviceAccounts/a@b.c:generateAccessToken");
  EXPECT_EQ(request.body.reveal(),
            R"({"delegates":["between"],"scope":["https://www.googleapis.com/auth/)"
            R"(firebase.messaging"],"lifetime":"3600s"})");
  EXPECT_EQ(request.headers[1].value.reveal(), "Bearer ya29.x");
}

TEST(Impersonation, NamesTheRoleThatIsMissing) {
  const Played played(*credential_of(impersonated_file()),
                      {granted, answer(403, R"({"error":{"status":"PERMISSION_DENIED"}})")});
  EXPECT_EQ(played.error.fault, TokenFault::configuration);
  EXPECT_TRUE(played.error.remedy.contains("serviceAccountTokenCreator"));
  const Played gone(*credential_of(impersonated_file()), {granted, answer(404, "{}")});
  EXPECT_EQ(gone.error.fault, TokenFault::wrong_account);
}

TEST(Impersonation, OfAnImpersonatedSourceIsRefused) {
  EXPECT_TRUE(refused(R"({"type":"impersonated_service_account","source_credentials":)" +
                      impersonated_file() + "}")
                  .contains("itself impersonated"));
}

TEST(ExternalAccount, ExchangesWhatTheUrlGives) {
  const Played played(*credential_of(external_file(
                          R"({"url":"http://169.254.169.254/id","headers":{"Metadata":"True"},
              "format":{"type":"json","subject_token_field_name":"access_token"}})")),
                      {answer(200, R"({"access_token":"sub.ject"})"), granted});
  EXPECT_EQ(played.value, "ya29.x") << played.error.what;
  ASSERT_EQ(played.requests.size(), 2U);
  EXPECT_EQ(played.requests[0].method, "GET");
  EXPECT_EQ(played.requests[0].headers.at(0).name, "metadata");
  EXPECT_EQ(played.requests[1].body.reveal(),
            "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"
            "audience=%2F%2Fiam%2Fpool&"
            "scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Ffirebase.messaging&"
            "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&"
            "subject_token=sub.ject&subject_token_type=jwt-type");
}

TEST(ExternalAccount, RunsAProgramOnlyWhenThatIsAllowed) {
  const auto file = external_file(R"({"executable":{"command":"/bin/tell \"a b\""}})");
  EXPECT_TRUE(refused(file, environment()).contains("not allowed"));
  const Played played(
      *credential_of(file),
      {answer(0, R"({"version":1,"success":true,"id_token":"sub","expiration_time":1800000060,)"
                 R"("token_type":"urn:ietf:params:oauth:token-type:id_token"})"),
       granted});
  EXPECT_EQ(played.value, "ya29.x") << played.error.what;
  ASSERT_EQ(played.commands.size(), 1U);
  EXPECT_EQ(played.commands[0].argv, (std::vector<std::string>{"/bin/tell", "a b"}));
  EXPECT_EQ(played.commands[0].timeout, 30s);
}

TEST(ExternalAccount, TellsWhatAProgramSaidWentWrong) {
  const auto fault = [](const char* output) {
    return Played(*credential_of(external_file(R"({"executable":{"command":"x"}})")),
                  {answer(1, output)})
        .error.what;
  };
  EXPECT_TRUE(fault(R"({"version":1,"success":false,"code":"401","message":"not you"})")
                  .contains("401 (not you)"));
  EXPECT_TRUE(fault("no JSON").contains("ended with status 1"));
  EXPECT_TRUE(fault(R"({"version":2,"success":true})").contains("version 1"));
  EXPECT_TRUE(fault(R"({"version":1,"success":true,"expiration_time":1,"id_token":"hidden",)"
                    R"("token_type":"urn:ietf:params:oauth:token-type:id_token"})")
                  .contains("has expired"));
}

TEST(ExternalAccount, NamesASourceThatIsNotSupported) {
  EXPECT_TRUE(refused(external_file(R"({"environment_id":"aws1"})")).contains("AWS"));
  EXPECT_TRUE(refused(external_file(R"({"certificate":{}})")).contains("X.509"));
  EXPECT_TRUE(refused(external_file(R"({"url":"http://example.com/"})")).contains("https"));
  EXPECT_TRUE(refused(external_file(R"({"executable":{"command":"x","timeout_millis":4999}})"))
                  .contains("timeout_millis"));
}

TEST(ExternalAccount, NamesAPoolThatDoesNotExist) {
  const Played played(*credential_of(external_file(R"({"url":"https://id.example/"})")),
                      {answer(200, "sub\n"), answer(400, R"({"error":"invalid_target"})")});
  EXPECT_TRUE(played.error.what.contains("pool or provider")) << played.error.what;
}

TEST(MetadataServer, IsBelievedOnlyWithItsHeader) {
  MetadataCredential credential("169.254.169.254");
  const auto body = R"({"access_token":"ya29.x","expires_in":3599})";
  const Played good(credential, {answer(200, body, "Google")});
  EXPECT_EQ(good.value, "ya29.x");
  EXPECT_EQ(good.requests.at(0).method, "GET");
  EXPECT_EQ(good.requests.at(0).headers.at(0).value.reveal(), "Google");
  const Played other(credential, {answer(200, body)});
  EXPECT_TRUE(other.error.what.contains("something other")) << other.error.what;
  const Played bare(credential, {answer(404, "", "Google")});
  EXPECT_TRUE(bare.error.what.contains("no service account")) << bare.error.what;
}

TEST(MetadataServer, HostIsHostAndPortOnly) {
  EXPECT_EQ(metadata_host(environment()), "169.254.169.254");
  EXPECT_EQ(metadata_host(environment({{"GCE_METADATA_HOST", "h:80"}})), "h:80");
  EXPECT_FALSE(metadata_host(environment({{"GCE_METADATA_HOST", "http://h/"}})));
}

TEST(SplitCommand, KeepsWhatIsQuoted) {
  EXPECT_EQ(split_command(R"( a "b c"d  "" )"), (std::vector<std::string>{"a", "b cd", ""}));
  EXPECT_TRUE(split_command(R"(a "b)").empty());
}

class WatchedFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "fanfare-watch-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    write(user_file);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void write(const std::string& text) { std::ofstream(path()) << text; }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "key.json"; }
  WatchedCredential watch() {
    return {path(), stamp_of(path()), read_credentials(path(), allowing)->credential,
            [this]() -> Result<std::shared_ptr<Credential>> {
              ++reads_;
              auto read = read_credentials(path(), allowing);
              if (!read) return std::unexpected(read.error());
              return read->credential;
            }};
  }
  static std::string url_of(Credential& credential) {
    return Played(credential, {granted}).requests.at(0).url;
  }
  std::filesystem::path folder_;
  int reads_ = 0;
};

TEST_F(WatchedFile, IsReadAnewOnlyWhenItHasChanged) {
  auto credential = watch();
  EXPECT_EQ(url_of(credential), "https://oauth2.googleapis.com/token");
  EXPECT_EQ(reads_, 0);
  write(testing::key_file("https://new.example/token"));
  EXPECT_EQ(url_of(credential), "https://new.example/token");
  EXPECT_EQ(url_of(credential), "https://new.example/token");
  EXPECT_EQ(reads_, 1);
}

TEST_F(WatchedFile, ThatIsBadKeepsTheEarlierOneAndSaysSo) {
  auto credential = watch();
  write("{");
  EXPECT_EQ(url_of(credential), "https://oauth2.googleapis.com/token");
  ASSERT_TRUE(credential.warning());
  EXPECT_TRUE(credential.warning()->contains("the earlier one is kept"));
  write(testing::key_file("https://new.example/token"));
  EXPECT_EQ(url_of(credential), "https://new.example/token");
  EXPECT_FALSE(credential.warning());
}

// Each lane asks for tokens of its own; under ThreadSanitizer this is the test of the lock.
TEST_F(WatchedFile, MayBeReplacedWhileAllLanesAsk) {
  auto credential = watch();
  const auto ask_often = [&] {
    for (int i = 0; i < 200; ++i) {
      const auto progress = credential.begin(noon, messaging_scope);
      EXPECT_FALSE(std::holds_alternative<TokenError>(progress.state));
    }
  };
  std::vector<std::thread> lanes;
  for (int i = 0; i < 3; ++i) lanes.emplace_back(ask_often);
  for (int i = 0; i < 50; ++i) {
    std::ofstream(folder_ / "new.json") << testing::key_file("https://new.example/token");
    std::filesystem::rename(folder_ / "new.json", path());
  }
  for (auto& lane : lanes) lane.join();
  EXPECT_EQ(url_of(credential), "https://new.example/token");
}

}  // namespace
}  // namespace fanfare::oauth
