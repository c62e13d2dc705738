// Programs of every behaviour, run by sh. Time limits are set short where they are to be hit;
// nothing asserts how long anything took.
#include "client/command_runner.h"

#include <csignal>
#include <fstream>
#include <sstream>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http2/testing/loop.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using http2::testing::run_until;

constexpr SystemTime noon{std::chrono::seconds(1'764'000'000)};

oauth::CommandRequest command(std::vector<std::string> argv,
                              std::chrono::milliseconds timeout = 20s) {
  oauth::CommandRequest request;
  request.argv = std::move(argv);
  request.timeout = timeout;
  return request;
}

oauth::CommandRequest shell(std::string script, std::chrono::milliseconds timeout = 20s) {
  return command({"sh", "-c", std::move(script)}, timeout);
}

struct World {
  boost::asio::io_context io;
  std::unique_ptr<CommandRunner> runner = std::make_unique<CommandRunner>(io, [] { return noon; });
  std::vector<oauth::TokenReply> replies;

  void start(const oauth::CommandRequest& request) {
    runner->run(request, [this](oauth::TokenReply reply) { replies.push_back(std::move(reply)); });
  }
  const oauth::TokenReply& reply() {
    EXPECT_TRUE(run_until(io, [&] { return !replies.empty(); }));
    io.poll();
    EXPECT_EQ(replies.size(), 1U);
    if (replies.empty()) replies.emplace_back();
    return replies.back();
  }
  const oauth::TokenReply& reply_to(const oauth::CommandRequest& request) {
    start(request);
    return reply();
  }
};

/// A file that a script can write to, gone with the test.
class Note {
 public:
  Note() : path_(::testing::TempDir() + "command_runner_" + std::to_string(::getpid())) {}
  ~Note() { ::unlink(path_.c_str()); }
  Note(const Note&) = delete;
  Note& operator=(const Note&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string text() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  /// The number on the file's line `at`; 0 while it is not there.
  [[nodiscard]] pid_t number(int at) const {
    std::istringstream lines(text());
    pid_t value = 0;
    for (int i = 0; i <= at; ++i) {
      if (!(lines >> value)) return 0;
    }
    return text().ends_with('\n') ? value : 0;
  }

 private:
  std::string path_;
};

/// Nobody, or a corpse that its parent (whoever took it over) has not yet buried.
bool is_gone(pid_t pid) {
  if (::kill(pid, 0) != 0) return true;
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(stat, text);
  const auto name_end = text.rfind(')');
  return name_end == std::string::npos || text.substr(name_end + 2, 1) == "Z";
}

TEST(CommandRunner, GivesTheOutputAndTheStatusOfAProgramThatEnds) {
  World world;
  const auto& reply = world.reply_to(shell("printf 'one\\ntwo'; exit 7"));
  EXPECT_TRUE(reply.answered);
  EXPECT_EQ(reply.status, 7);
  EXPECT_EQ(reply.body, "one\ntwo");
  EXPECT_EQ(reply.received_at, noon);
}

TEST(CommandRunner, RunsWithoutAShell) {
  World world;
  const auto& reply = world.reply_to(command({"echo", "$HOME", "a b", ";exit 3"}));
  EXPECT_EQ(reply.body, "$HOME a b ;exit 3\n");
}

TEST(CommandRunner, PassesVariablesOnTopOfItsOwn) {
  ::setenv("COMMAND_RUNNER_TEST_KEPT", "kept", 1);
  ::setenv("COMMAND_RUNNER_TEST_CHANGED", "old", 1);
  auto request =
      shell("echo $COMMAND_RUNNER_TEST_KEPT $COMMAND_RUNNER_TEST_CHANGED $COMMAND_RUNNER_TEST_NEW");
  request.environment = {{"COMMAND_RUNNER_TEST_CHANGED", "new"},
                         {"COMMAND_RUNNER_TEST_NEW", "a = b"}};
  World world;
  EXPECT_EQ(world.reply_to(request).body, "kept new a = b\n");
}

TEST(CommandRunner, GivesAVariableOnceOnly) {
  ::setenv("COMMAND_RUNNER_TEST_CHANGED", "old", 1);
  World world;
  auto request = command({"env"});
  request.environment = {{"COMMAND_RUNNER_TEST_CHANGED", "new"}};
  const auto& reply = world.reply_to(request);
  EXPECT_NE(reply.body.find("COMMAND_RUNNER_TEST_CHANGED=new\n"), std::string::npos);
  EXPECT_EQ(reply.body.find("COMMAND_RUNNER_TEST_CHANGED=old"), std::string::npos);
}

TEST(CommandRunner, HasNoInputForIt) {
  World world;
  const auto& reply = world.reply_to(command({"cat"}));
  EXPECT_TRUE(reply.answered);
  EXPECT_EQ(reply.body, "");
}

TEST(CommandRunner, LeavesStandardErrorOutOfTheAnswer) {
  World world;
  EXPECT_EQ(world.reply_to(shell("exec 2>/dev/null; echo out; echo err >&2")).body, "out\n");
}

TEST(CommandRunner, ProgramThatIsNotThereIsNotAnswered) {
  for (const char* missing : {"fanfare-no-such-program", "/nowhere/at/all", "/etc/passwd"}) {
    World world;
    const auto& reply = world.reply_to(command({missing}));
    EXPECT_FALSE(reply.answered);
    EXPECT_NE(reply.reason.find(missing), std::string::npos) << reply.reason;
    EXPECT_NE(reply.reason.find("can't be run"), std::string::npos) << reply.reason;
  }
}

TEST(CommandRunner, ProgramEndedByASignalIsNotAnswered) {
  World world;
  const auto& reply = world.reply_to(shell("echo half; kill -TERM $$"));
  EXPECT_FALSE(reply.answered);
  EXPECT_EQ(reply.reason, "it was ended by signal 15");
}

TEST(CommandRunner, KillsWhatDoesNotEndInTime) {
  World world;
  const auto& reply = world.reply_to(shell("exec sleep 1000", 30ms));
  EXPECT_FALSE(reply.answered);
  EXPECT_EQ(reply.reason, "it did not end within 30 ms");
}

// Closing its output is no way to stay.
TEST(CommandRunner, KillsWhatHasClosedItsOutputAndDoesNotEnd) {
  World world;
  const auto& reply = world.reply_to(shell("exec >&-; exec sleep 1000", 50ms));
  EXPECT_FALSE(reply.answered);
  EXPECT_EQ(reply.reason, "it did not end within 50 ms");
}

// Given up, not timed out: a time limit that is hit before the script has written would prove
// nothing. Both go the same way.
TEST(CommandRunner, KillsWhatItsProgramHasStartedAsWell) {
  const Note note;
  World world;
  world.start(
      shell("trap '' TERM; sleep 1000 & printf '%s\\n' $$ $! > '" + note.path() + "'; wait"));
  ASSERT_TRUE(run_until(world.io, [&] { return note.number(1) != 0; }));
  const pid_t program = note.number(0);
  const pid_t started = note.number(1);
  ASSERT_FALSE(is_gone(program));
  ASSERT_FALSE(is_gone(started));
  world.runner.reset();
  EXPECT_TRUE(run_until(world.io, [&] { return is_gone(program) && is_gone(started); }));
}

TEST(CommandRunner, DestroyedItAnswersWhatStillRuns) {
  World world;
  world.start(shell("exec sleep 1000"));
  EXPECT_TRUE(world.replies.empty());
  world.runner.reset();
  ASSERT_EQ(world.replies.size(), 1U);
  EXPECT_FALSE(world.replies[0].answered);
  world.io.poll();
  EXPECT_EQ(world.replies.size(), 1U);
}

TEST(CommandRunner, EndsAProgramThatPrintsWithoutEnd) {
  World world;
  const auto& reply = world.reply_to(command({"yes"}));
  EXPECT_FALSE(reply.answered);
  EXPECT_EQ(reply.reason, "it printed more than 64 KiB");
}

TEST(CommandRunner, TakesOutputUpToTheLimit) {
  World world;
  const auto& reply = world.reply_to(command({"head", "-c", "65536", "/dev/zero"}));
  EXPECT_TRUE(reply.answered) << reply.reason;
  EXPECT_EQ(reply.body.size(), 65'536U);
}

TEST(CommandRunner, RunsOneAfterAnother) {
  World world;
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.reply_to(command({"echo", std::to_string(i)})).body, std::to_string(i) + "\n");
    world.replies.clear();
  }
}

TEST(CommandRunner, LeavesNoZombie) {
  World world;
  static_cast<void>(world.reply_to(shell("exit 0")));
  static_cast<void>(World().reply_to(shell("exec sleep 1000", 20ms)));
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // ECHILD: there is none.
}

TEST(CommandRunner, MayBeDestroyedByItsHandler) {
  World world;
  bool replied = false;
  world.runner->run(shell("echo x"), [&](const oauth::TokenReply& reply) {
    replied = reply.answered;
    world.runner.reset();
  });
  EXPECT_TRUE(run_until(world.io, [&] { return replied; }));
}

}  // namespace
}  // namespace fanfare::client
