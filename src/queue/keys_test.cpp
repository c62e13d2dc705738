#include "queue/keys.h"

#include "queue/testing/world.h"

namespace fanfare::queue {
namespace {

class KeysTest : public World {
 protected:
  Secret add(ApiKey key) {
    Secret secret;
    write([&] { secret = keys_.add(key, now_); });
    return secret;
  }

  Keys keys_{*store_};
};

TEST_F(KeysTest, AKeyIsFoundByItsSecretAlone) {
  const Secret secret =
      add({.name = "shop", .scopes = {Scope::send, Scope::read}, .projects = {"a", "b"}});
  const auto found = keys_.find(secret.reveal());
  ASSERT_TRUE(found);
  EXPECT_EQ(found->name, "shop");
  EXPECT_EQ(found->scopes, (std::vector{Scope::send, Scope::read}));
  EXPECT_EQ(found->projects, (std::vector<std::string>{"a", "b"}));
  const std::string right(secret.reveal());
  std::string wrong = right;
  wrong.back() = wrong.back() == 'a' ? 'b' : 'a';
  for (const std::string& other : {wrong, right + "a", "ff_" + found->id, "ff_" + found->id + "_",
                                   std::string("ff_"), std::string()}) {
    EXPECT_FALSE(keys_.find(other)) << other;
  }
}

TEST_F(KeysTest, AKeyIsRevokedOnce) {
  const Secret secret = add({.name = "shop", .scopes = {Scope::send}});
  const std::string id = keys_.all().at(0).id;
  bool first = false;
  bool again = true;
  write([&] {
    first = keys_.revoke(id, now_);
    again = keys_.revoke(id, now_);
  });
  EXPECT_TRUE(first);
  EXPECT_FALSE(again);
  EXPECT_EQ(keys_.find(secret.reveal())->revoked, now_);
}

// --for-project "$PROJECT" with the variable unset must not make a key for all projects.
TEST_F(KeysTest, AProjectWithoutANameBindsToNothingAndIsRefused) {
  EXPECT_TRUE(check_projects({}));
  EXPECT_TRUE(check_projects({"demo", "demo-2"}));
  EXPECT_FALSE(check_projects({""}));
  EXPECT_FALSE(check_projects({"demo", ""}));
  EXPECT_FALSE(check_projects({"demo\nother"}));
}

}  // namespace
}  // namespace fanfare::queue
