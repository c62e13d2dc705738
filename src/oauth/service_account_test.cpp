#include "oauth/service_account.h"

#include <fstream>

#include <gtest/gtest.h>

#include "oauth/testing/throwaway_key.h"

namespace fanfare::oauth {
namespace {

namespace json = boost::json;
using testing::key_file;
using testing::key_file_fields;

Error error_of(const json::object& fields) {
  const auto account = parse_service_account(json::serialize(fields), "key.json");
  EXPECT_FALSE(account);
  return account ? Error{} : account.error();
}

template <class Value>
json::object with(const char* name, const Value& value) {
  auto fields = key_file_fields();
  fields[name] = value;
  return fields;
}

json::object without(const char* name) {
  auto fields = key_file_fields();
  fields.erase(name);
  return fields;
}

constexpr const char* elliptic_key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgidHqQfoOxEydB1fS\n"
    "c/jnognTgxT1N4W866QgWQ9H9mWhRANCAAQIc9pwkdTz2ZTxpi9nampkcsrp22ZI\n"
    "cyNgI+zbWuJIx0pUxnBvrNSGqwA0htMuC9mKjhVuljsR83XtpsiWRHFo\n"
    "-----END PRIVATE KEY-----\n";

constexpr const char* encrypted_key =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjRN/v418GJMQICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEGIFBhEfrRdZh/rxcjl5GdYEgZCS\n"
    "mAyOf32ioex0y1F8jTdOSNznn5LFg4Xyn09HLDLW+2yY3W4n7wUY92BuBMlhZwmb\n"
    "iem1bbyCObcs+c2MKEXLswplqCxa3Fgk7Y9JiK03Z/fVhuI8VH+T3Es5ZxFiu1Mn\n"
    "sbNteqZ2LXC2yXXRw3FeijrE1QQzptai08UYE5+BX+VwzSf39GJzT0UetmJWtlg=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

TEST(ServiceAccount, ReadsEveryField) {
  const auto account = parse_service_account(key_file("https://example.com/token"), "key.json");
  ASSERT_TRUE(account) << account.error().what;
  EXPECT_EQ(account->project_id, "demo-project");
  EXPECT_EQ(account->client_email, "sender@demo-project.iam.gserviceaccount.com");
  EXPECT_EQ(account->private_key_id, "0123456789abcdef");
  EXPECT_EQ(account->token_uri, "https://example.com/token");
  EXPECT_EQ(account->universe_domain, "googleapis.com");
  EXPECT_EQ(account->private_key.reveal(), testing::throwaway_key_pem);
}

TEST(ServiceAccount, AsksGoogleForTokensWhenNoPlaceIsNamed) {
  const auto account = parse_service_account(json::serialize(without("token_uri")), "key.json");
  ASSERT_TRUE(account);
  EXPECT_EQ(account->token_uri, default_token_uri);
}

TEST(ServiceAccount, NamesTheFileThatIsNotJson) {
  const auto account = parse_service_account("-----BEGIN", "the/key.json");
  ASSERT_FALSE(account);
  EXPECT_EQ(account.error().kind, Error::Kind::input);
  EXPECT_EQ(account.error().what, "key file the/key.json: this is not JSON");
}

TEST(ServiceAccount, RefusesJsonThatIsNoObject) {
  EXPECT_FALSE(parse_service_account("[]", "key.json"));
  EXPECT_FALSE(parse_service_account("", "key.json"));
}

TEST(ServiceAccount, SaysWhichOtherKindOfCredentialItIs) {
  const auto error = error_of({{"type", "authorized_user"}});
  EXPECT_EQ(error.kind, Error::Kind::credentials);
  EXPECT_NE(error.what.find("authorized_user (a person's login made by gcloud)"),
            std::string::npos);
  EXPECT_NE(error.remedy.find("service-account key"), std::string::npos);
}

TEST(ServiceAccount, RecognisesAnAppsConfiguration) {
  const auto error = error_of({{"project_info", json::object()}});
  EXPECT_NE(error.what.find("google-services.json"), std::string::npos);
}

TEST(ServiceAccount, NamesEachMissingField) {
  for (const char* name : {"type", "project_id", "client_email", "private_key"}) {
    const auto error = error_of(without(name));
    EXPECT_NE(error.what.find(std::string("\"") + name + "\""), std::string::npos) << error.what;
  }
}

TEST(ServiceAccount, RefusesAFieldOfAnotherType) {
  EXPECT_NE(error_of(with("project_id", 7)).what.find("\"project_id\""), std::string::npos);
}

TEST(ServiceAccount, TellsAKeyThatLostItsLineBreaks) {
  std::string pasted(testing::throwaway_key_pem);
  for (std::size_t at = 0; (at = pasted.find('\n', at)) != std::string::npos; at += 2) {
    pasted.replace(at, 1, "\\n");
  }
  EXPECT_NE(error_of(with("private_key", pasted)).what.find("line breaks"), std::string::npos);
}

TEST(ServiceAccount, RefusesAKeyThatIsNotRsa) {
  EXPECT_NE(error_of(with("private_key", elliptic_key)).what.find("RSA"), std::string::npos);
  EXPECT_NE(error_of(with("private_key", "hunter2")).what.find("RSA"), std::string::npos);
}

// OpenSSL would otherwise ask for a passphrase on the terminal and hang a server's start.
TEST(ServiceAccount, RefusesAnEncryptedKeyWithoutAskingForItsPassphrase) {
  EXPECT_NE(error_of(with("private_key", encrypted_key)).what.find("encrypted"), std::string::npos);
}

TEST(ServiceAccount, TakesPlaintextTokenEndpointsOnThisMachineOnly) {
  for (const char* good : {"http://127.0.0.1:9/token", "http://localhost/token", "http://[::1]:9/",
                           "https://example.com/token"}) {
    EXPECT_TRUE(parse_service_account(key_file(good), "key.json")) << good;
  }
  for (const char* bad :
       {"http://example.com/token", "http://127.0.0.1@example.com/", "https://", "ftp://localhost/",
        "http://localhost.example.com/", "", "https://example.com/a b", "https://example.com/#x"}) {
    EXPECT_FALSE(parse_service_account(key_file(bad), "key.json")) << bad;
  }
}

TEST(ServiceAccount, NeverQuotesTheKey) {
  const std::string secret = "MIIEvQSECRET";
  for (const auto& fields :
       {with("private_key", secret), with("token_uri", secret), with("type", secret)}) {
    const auto error = error_of(fields);
    EXPECT_EQ((error.what + error.remedy).find(secret), std::string::npos);
  }
}

TEST(ServiceAccount, WarnsOfAFileThatOthersCanRead) {
  using std::filesystem::perms;
  const std::filesystem::path path = ::testing::TempDir() + "fanfare-exposed-key.json";
  std::ofstream(path) << "{}";
  std::filesystem::permissions(path, perms::owner_read | perms::owner_write);
  EXPECT_FALSE(exposure_warning(path));
  std::filesystem::permissions(path, perms::owner_read | perms::others_read);
  ASSERT_TRUE(exposure_warning(path));
  EXPECT_NE(exposure_warning(path)->find("chmod 600"), std::string::npos);
  std::filesystem::remove(path);
  EXPECT_FALSE(exposure_warning(path));
}

}  // namespace
}  // namespace fanfare::oauth
