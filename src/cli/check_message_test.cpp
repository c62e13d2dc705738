// check-message as scripts and people call it, and the same check in send. What each rule finds is
// tested beside check_message().
#include <gtest/gtest.h>

#include "cli/testing/command.h"
#include "cli/testing/scratch.h"

namespace fanfare::cli {
namespace {

using testing::Finished;
using testing::run_fanfare;

class CheckMessage : public testing::Scratch {};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_F(CheckMessage, PrintsExactlyTheObjectThatScriptsRelyOn) {
  const Finished run =
      run_fanfare({"check-message", "--json", "-"},
                  {.input = R"({"topic":"news","data":{"from":"x"},"android":{"ttl":"0s"}})"});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.out,
            R"({"sendable":false,"faults":1,"warnings":1,"size":{"android_bytes":5,"apns_bytes":5,)"
            R"("webpush_bytes":5,"limit_bytes":2048},"findings":[{"severity":"fault",)"
            R"("rule":"check.data_reserved_key","path":"message.data[\"from\"]",)"
            R"("what":"FCM keeps this key for itself","remedy":)"
            R"("Rename it: from, message_type, google.… and gcm.notification.… are reserved."},)"
            R"({"severity":"warning","rule":"check.ttl_zero","path":"message.android.ttl","what":)"
            R"("the message is delivered now or never: a device that is not connected misses it",)"
            R"("remedy":"Give it a longer life unless that is what you want."}]})"
            "\n");
  EXPECT_EQ(run.err, "");
}

TEST_F(CheckMessage, TellsAPersonAllAtOnce) {
  const std::string file = write(
      "m.json", R"({"token":"t","notification":{"titel":"x"},"android":{"ttl":"30d","data":{}},
                    "webpush":{"headers":{"TTL":"0"},"fcm_options":{"link":"http://x"}}})");
  const Finished run = run_fanfare({"check-message", file});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.out,
            "fault    message.notification.titel: FCM knows no such field (check.unknown_field)\n"
            "         Known here: title, body, image.\n"
            "fault    message.android.ttl: \"30d\" is no duration (check.value)\n"
            "         Write seconds with an s behind them, such as \"3600s\" or \"0.5s\".\n"
            "fault    message.webpush.fcm_options.link: the link is not https, which FCM requires "
            "(check.webpush_link)\n"
            "         Use an https:// address.\n"
            "warning  message.webpush.headers.TTL: the message is delivered now or never: a device "
            "that is not connected misses it (check.ttl_zero)\n"
            "         Give it a longer life unless that is what you want.\n" +
                file +
                ": FCM will refuse it; 3 faults, 1 warning\n"
                "payload: about 0 bytes on Android, 0 on iOS, 0 on the web, of 4,096\n");
  EXPECT_EQ(run.err, "");
}

TEST_F(CheckMessage, IsContentWithAMessageThatHasWarningsOnly) {
  const Finished run =
      run_fanfare({"check-message", "-"}, {.input = R"({"token":"t","android":{"ttl":"0s"}})"});
  EXPECT_EQ(run.status, 0);
  EXPECT_TRUE(contains(run.out, "the message: can be sent; no fault, 1 warning\n")) << run.out;
}

TEST_F(CheckMessage, WantsATargetUnlessToldOtherwise) {
  const std::string file = write("m.json", R"({"notification":{"title":"t"}})");
  const Finished run = run_fanfare({"check-message", file});
  EXPECT_EQ(run.status, 1);
  EXPECT_TRUE(contains(run.out, "check.target_missing")) << run.out;
  EXPECT_EQ(run_fanfare({"check-message", file, "--without-target"}).status, 0);
}

TEST_F(CheckMessage, CallsTextThatIsNoJsonAFaultAndNoFileWrongUse) {
  const Finished text = run_fanfare({"check-message", "-"}, {.input = "{\n\"a\""});
  EXPECT_EQ(text.status, 1);
  EXPECT_TRUE(contains(text.out, "line 2")) << text.out;
  const Finished none = run_fanfare({"check-message", path("none.json")});
  EXPECT_EQ(none.status, 2);
  EXPECT_TRUE(contains(none.err, "none.json")) << none.err;
  EXPECT_EQ(run_fanfare({"check-message"}).status, 2);
  EXPECT_EQ(run_fanfare({"check-message", "-", "--nonsense"}).status, 2);
}

TEST_F(CheckMessage, ShowsNoControlCharactersOfTheMessage) {
  const Finished run =
      run_fanfare({"check-message", "-"}, {.input = R"({"token":"t","\u001b[2J\nfanfare: x":1})"});
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.out.find('\x1b'), std::string::npos);
  EXPECT_FALSE(contains(run.out, "\nfanfare:"));
}

TEST_F(CheckMessage, IsKnownToHelpAndCompletion) {
  EXPECT_TRUE(contains(run_fanfare({"--help"}).out, "check-message"));
  EXPECT_TRUE(contains(run_fanfare({"completion", "bash"}).out, "check-message"));
  EXPECT_TRUE(contains(run_fanfare({"man"}).out, "without"));
}

// --- In send ---

// Where nobody listens: what is refused before sending never gets there.
std::vector<std::string> sending(std::vector<std::string> rest) {
  std::vector<std::string> words{"--endpoint", "http://127.0.0.1:1", "--project", "p",
                                 "send",       "--deadline",         "1s",        "--token",
                                 "t",          "--max-attempts",     "1"};
  words.insert(words.end(), rest.begin(), rest.end());
  return words;
}

TEST_F(CheckMessage, SendRefusesWhatFcmWouldRefuse) {
  const Finished run = run_fanfare(sending({"--data", "from=x", "--data", "google.a=y"}));
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err,
            "fanfare: message.data[\"from\"]: FCM keeps this key for itself "
            "(check.data_reserved_key)\n"
            "  Rename it: from, message_type, google.… and gcm.notification.… are reserved.\n"
            "fanfare: message.data[\"google.a\"]: FCM keeps this key for itself "
            "(check.data_reserved_key)\n"
            "  Rename it: from, message_type, google.… and gcm.notification.… are reserved.\n"
            "fanfare: nothing was sent: FCM would refuse the message\n"
            "  Mend it, or send it as it is with --no-check, or --ignore the rule.\n");
}

TEST_F(CheckMessage, LeavesOutWhatItIsToldToIgnore) {
  const Finished run =
      run_fanfare({"check-message", "-", "--without-target", "--ignore", "check.data_reserved_key"},
                  {.input = R"({"data":{"from":"x"}})"});
  EXPECT_EQ(run.status, 0) << run.out;
  EXPECT_FALSE(contains(run.out, "check.data_reserved_key")) << run.out;
}

TEST_F(CheckMessage, IgnoresNoRuleThatDoesNotExist) {
  const Finished run =
      run_fanfare({"check-message", "-", "--ignore", "check.nonsense"}, {.input = "{}"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "there is no check check.nonsense")) << run.err;
}

TEST_F(CheckMessage, SendChecksEachTarget) {
  const Finished run = run_fanfare(sending({"--title", "t", "--topic", "a", "--topic", "b c"}));
  EXPECT_EQ(run.status, 1);
  EXPECT_TRUE(contains(run.err, "\"b c\" is no topic's name (check.topic_name)")) << run.err;
}

TEST_F(CheckMessage, SendGivesScriptsItsSummary) {
  const Finished run = run_fanfare(sending({"--data", "from=x", "--json"}));
  EXPECT_EQ(run.status, 1);
  EXPECT_TRUE(run.out.starts_with(R"({"accepted":0,)")) << run.out;
  EXPECT_TRUE(contains(run.out, R"("message_fault":{"rule":"check.)")) << run.out;
}

// Status 3: it was on its way to a host that can't be reached.
TEST_F(CheckMessage, SendWarnsOnceAndGoesOn) {
  const std::string file = write("m.json", R"({"android":{"ttl":"0s"}})");
  const Finished run = run_fanfare(sending({"--message", file, "--token", "u", "--token", "v"}));
  EXPECT_EQ(run.status, 3) << run.err;
  const auto first = run.err.find("check.ttl_zero");
  ASSERT_NE(first, std::string::npos) << run.err;
  EXPECT_EQ(run.err.find("check.ttl_zero", first + 1), std::string::npos);
}

TEST_F(CheckMessage, SendDoesAsItIsToldWithoutTheCheck) {
  const Finished run = run_fanfare(sending({"--data", "from=x", "--no-check"}));
  EXPECT_EQ(run.status, 3) << run.err;
  EXPECT_FALSE(contains(run.err, "check.")) << run.err;
}

}  // namespace
}  // namespace fanfare::cli
