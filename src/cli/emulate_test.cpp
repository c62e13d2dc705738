// emulate as scripts call it. What it answers is tested beside the emulator.
#include <csignal>

#include <gtest/gtest.h>

#include "cli/testing/command.h"
#include "cli/testing/scratch.h"

namespace fanfare::cli {
namespace {

using testing::Finished;
using testing::run_fanfare;
using testing::Running;

class Emulate : public testing::Scratch {};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_F(Emulate, SaysInOneLineWhenItIsReadyAndEndsOnASignal) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Running emulator({"emulate", "--port", "0", "--project", "demo"});
    const std::string ready = emulator.read_line();
    EXPECT_TRUE(ready.starts_with("{\"port\":")) << ready;
    EXPECT_TRUE(ready.ends_with(R"("ca_file":null,"credentials_file":null,"project":"demo"})"))
        << ready;
    emulator.signal(signal);
    const Finished end = emulator.wait();
    EXPECT_EQ(end.status, 0);
    EXPECT_EQ(end.out, "") << "one line and no more";
    EXPECT_TRUE(contains(end.err, "sends")) << end.err;
  }
}

TEST_F(Emulate, NamesTheFilesThatAClientNeedsForTls) {
  Running emulator({"emulate", "--port", "0", "--tls-dir", path("tls")});
  const std::string ready = emulator.read_line();
  EXPECT_TRUE(contains(ready, "\"ca_file\":\"" + path("tls"))) << ready;
  EXPECT_TRUE(contains(ready, "\"credentials_file\":\"" + path("tls"))) << ready;
  emulator.signal(SIGTERM);
  EXPECT_EQ(emulator.wait().status, 0);
}

TEST_F(Emulate, APortThatIsTakenIsBlocked) {
  Running first({"emulate", "--port", "0"});
  const std::string ready = first.read_line();
  const std::string port = ready.substr(8, ready.find(',') - 8);
  const Finished second = run_fanfare({"emulate", "--port", port});
  EXPECT_EQ(second.status, 3);
  EXPECT_TRUE(contains(second.err, port)) << second.err;
}

TEST_F(Emulate, WritesTheDevicesItMadeUpForImport) {
  const Finished written = run_fanfare(
      {"emulate", "--generate", "50", "--seed", "7", "--write-devices", path("devices.csv")});
  EXPECT_EQ(written.status, 0) << written.err;
  const Finished imported = run_fanfare(
      {"devices", "import", path("devices.csv"), "--json", "--store", path("fanfare.db")});
  EXPECT_EQ(imported.status, 0) << imported.err;
  EXPECT_TRUE(contains(imported.out, "\"bad_lines\":0")) << imported.out;
}

TEST_F(Emulate, WithAPortItWritesTheDevicesAndServesThem) {
  Running emulator(
      {"emulate", "--port", "0", "--generate", "5", "--write-devices", path("devices.csv")});
  EXPECT_TRUE(emulator.read_line().starts_with("{\"port\":"));
  EXPECT_TRUE(read("devices.csv").starts_with("token,"));
}

TEST_F(Emulate, RefusesWhatItCannotUse) {
  EXPECT_EQ(run_fanfare({"emulate", "--write-devices", path("x")}).status, 2);
  EXPECT_EQ(run_fanfare({"emulate", "--latency", "fast"}).status, 2);
  EXPECT_EQ(run_fanfare({"emulate", "--latency", "5:"}).status, 2);
  EXPECT_EQ(run_fanfare({"emulate", "--port", "65536"}).status, 2);
  EXPECT_EQ(run_fanfare({"emulate", "--generate", "5", "--devices", "x"}).status, 2);
  const Finished missing = run_fanfare({"emulate", "--port", "0", "--devices", path("none")});
  EXPECT_EQ(missing.status, 2);
  EXPECT_TRUE(contains(missing.err, path("none"))) << missing.err;
}

TEST_F(Emulate, EndsWithItsParentWhenAskedTo) {
  // The shell starts the emulator, waits until it is ready, prints its number and dies.
  write("start.sh", std::string("'") + FANFARE_BINARY +
                        "' emulate --port 0 --exit-with-parent > ready &\n"
                        "until [ -s ready ]; do sleep 0.01; done\n"
                        "echo $! > number\n");
  const std::string call = "cd " + path("") + " && sh start.sh 2> err";
  ASSERT_EQ(std::system(call.c_str()), 0);
  const pid_t emulator = std::stoi(read("number"));
  // It is not our child, so its end can only be seen by its absence; the test's limit is ctest's.
  while (::kill(emulator, 0) == 0) {
    std::ifstream state("/proc/" + std::to_string(emulator) + "/stat");
    std::string text(std::istreambuf_iterator<char>(state), {});
    if (contains(text, ") Z ")) break;
    ::usleep(1'000);
  }
  SUCCEED();
}

}  // namespace
}  // namespace fanfare::cli
