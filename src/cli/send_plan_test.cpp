// From the options of a send to what the client is told.
#include <gtest/gtest.h>

#include "cli/sending.h"
#include "cli/testing/command.h"

namespace fanfare::cli {
namespace {

using testing::Finished;
using testing::run_fanfare;

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

SendOptions to_one() {
  SendOptions options;
  options.title = "t";
  options.tokens = {"token"};
  return options;
}

SendPlan plan_of(const SendOptions& options) {
  Context context;
  auto plan = make_plan(context, options);
  EXPECT_TRUE(plan) << plan.error().what;
  return plan ? *std::move(plan) : SendPlan{};
}

TEST(SendPlan, IsBulkOnAllCoresAroundTheClockUnlessToldOtherwise) {
  const SendPlan plan = plan_of(to_one());
  EXPECT_EQ(plan.priority, Priority::bulk);
  EXPECT_EQ(plan.client.lanes, 0U);
  EXPECT_FALSE(plan.client.avoid_quarter_hours);
}

TEST(SendPlan, TellsTheClientWhatItWasTold) {
  SendOptions options = to_one();
  options.lanes = 3;
  options.avoid_quarter_hours = true;
  const SendPlan plan = plan_of(options);
  EXPECT_EQ(plan.client.lanes, 3U);
  EXPECT_TRUE(plan.client.avoid_quarter_hours);
}

TEST(SendPlan, KnowsThePrioritiesByTheirNames) {
  SendOptions options = to_one();
  options.priority = "urgent";
  EXPECT_EQ(plan_of(options).priority, Priority::urgent);
  options.priority = "normal";
  EXPECT_EQ(plan_of(options).priority, Priority::normal);
  options.priority = "bulk";
  EXPECT_EQ(plan_of(options).priority, Priority::bulk);
}

TEST(SendPlan, RefusesAPriorityThatDoesNotExist) {
  const Finished run = run_fanfare({"send", "--title", "t", "--token", "t", "--priority", "high"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "--priority")) << run.err;
}

TEST(SendPlan, RefusesALaneCountThatNoMachineHas) {
  const Finished run = run_fanfare({"send", "--title", "t", "--token", "t", "--lanes", "65"});
  EXPECT_EQ(run.status, 2);
  EXPECT_TRUE(contains(run.err, "--lanes")) << run.err;
}

TEST(SendPlan, ItsOptionsAreKnownToHelpAndCompletion) {
  const std::string help = run_fanfare({"send", "--help"}).out;
  const std::string completion = run_fanfare({"completion", "bash"}).out;
  for (const char* option : {"--priority", "--lanes", "--avoid-quarter-hours"}) {
    EXPECT_TRUE(contains(help, option)) << option;
    EXPECT_TRUE(contains(completion, option)) << option;
  }
  EXPECT_TRUE(contains(completion, "'urgent normal bulk'"));
}

}  // namespace
}  // namespace fanfare::cli
