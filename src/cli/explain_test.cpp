// explain as scripts and people call it. What each answer means is tested beside judge().
#include <gtest/gtest.h>

#include "cli/testing/command.h"
#include "cli/testing/scratch.h"

namespace fanfare::cli {
namespace {

using testing::Finished;
using testing::run_fanfare;

class Explain : public testing::Scratch {};

constexpr const char* unregistered =
    R"({"error":{"code":404,"status":"NOT_FOUND","details":[{"@type":)"
    R"("type.googleapis.com/google.firebase.fcm.v1.FcmError","errorCode":"UNREGISTERED"}]}})";

TEST_F(Explain, PrintsExactlyTheObjectThatScriptsRelyOn) {
  const Finished run =
      run_fanfare({"explain", "--status", "404", "--body", "-", "--json"}, {.input = unregistered});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.out,
            R"({"verdict":"device_gone","rule":"token.unregistered","fault_domain":"device",)"
            R"("code":"UNREGISTERED","field":null,"action":"retire_device","retry_after_s":null})"
            "\n");
  EXPECT_EQ(run.err, "");
}

TEST_F(Explain, ReadsTheWaitThatFcmAskedFor) {
  const Finished run = run_fanfare({"explain", "--status", "503", "--retry-after", "30", "--json"});
  EXPECT_NE(run.out.find("\"retry_after_s\":30"), std::string::npos) << run.out;
}

TEST_F(Explain, TakesStatusZeroAsNoAnswer) {
  const Finished run = run_fanfare({"explain", "--status", "0", "--json"});
  EXPECT_EQ(run.status, 0);
  EXPECT_NE(run.out.find("\"verdict\":\"unknown_outcome\""), std::string::npos) << run.out;
}

TEST_F(Explain, DependsOnTheTarget) {
  const Finished token =
      run_fanfare({"explain", "--status", "404", "--body", "-", "--json"}, {.input = unregistered});
  const Finished topic =
      run_fanfare({"explain", "--status", "404", "--body", "-", "--json", "--target", "topic"},
                  {.input = unregistered});
  EXPECT_NE(token.out, topic.out);
}

TEST_F(Explain, TellsAPersonWhatHappensAndWhatToDo) {
  const Finished run = run_fanfare({"explain", "--status", "404"});
  EXPECT_EQ(run.status, 0);
  for (const char* part : {"project_blocked", "project.not_found", "  Fanfare   holds all messages",
                           "  you       Check the project id"}) {
    EXPECT_NE(run.out.find(part), std::string::npos) << part << "\n" << run.out;
  }
}

TEST_F(Explain, ShowsNoControlCharactersOfTheServer) {
  const Finished run = run_fanfare(
      {"explain", "--status", "400", "--body", "-"},
      {.input = R"({"error":{"status":"INVALID_ARGUMENT","message":"a\u001b[2Jb\nfanfare: x"}})"});
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(run.out.find("\nfanfare:"), std::string::npos);
}

TEST_F(Explain, RefusesWhatIsNoStatus) {
  for (const char* status : {"-1", "600", "abc", "4o4", ""}) {
    const Finished run = run_fanfare({"explain", "--status", status});
    EXPECT_EQ(run.status, 2) << status;
    EXPECT_NE(run.err.find("--status"), std::string::npos) << run.err;
  }
}

TEST_F(Explain, RefusesAnUnknownTarget) {
  const Finished run = run_fanfare({"explain", "--status", "404", "--target", "group"});
  EXPECT_EQ(run.status, 2);
  EXPECT_NE(run.err.find("group not in {token,fid,topic,condition}"), std::string::npos) << run.err;
}

TEST_F(Explain, NamesTheBodyThatIsMissing) {
  const Finished run = run_fanfare({"explain", "--status", "404", "--body", path("none")});
  EXPECT_EQ(run.status, 2);
  EXPECT_NE(run.err.find(path("none")), std::string::npos) << run.err;
}

}  // namespace
}  // namespace fanfare::cli
