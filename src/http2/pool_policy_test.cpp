#include "http2/pool_policy.h"

#include <gtest/gtest.h>

namespace fanfare::http2 {
namespace {

using namespace std::chrono_literals;

ConnectionView with_free(std::uint64_t serial, std::size_t free_streams) {
  return {.serial = serial, .free_streams = free_streams};
}

TEST(PoolPolicy, TakesTheConnectionWithTheMostFreeStreams) {
  const std::vector<ConnectionView> views{with_free(1, 3), with_free(2, 90), with_free(3, 50)};
  EXPECT_EQ(choose_connection(views, 0, false), 1U);
}

TEST(PoolPolicy, PrefersTheOldestOfEquals) {
  const std::vector<ConnectionView> views{with_free(1, 100), with_free(2, 100)};
  EXPECT_EQ(choose_connection(views, 0, false), 0U);
}

TEST(PoolPolicy, PassesOverFullDrainingAndOpeningConnections) {
  std::vector<ConnectionView> views{with_free(1, 0), with_free(2, 10), with_free(3, 10)};
  views[1].draining = true;
  views[2].opening = true;
  EXPECT_EQ(choose_connection(views, 0, true), std::nullopt);
}

TEST(PoolPolicy, RefusedRequestGoesToAnotherConnection) {
  const std::vector<ConnectionView> views{with_free(1, 90), with_free(2, 1)};
  EXPECT_EQ(choose_connection(views, 1, true), 1U);
}

TEST(PoolPolicy, RefusedRequestGoesBackOnlyAsALastResort) {
  const std::vector<ConnectionView> views{with_free(1, 90)};
  EXPECT_EQ(choose_connection(views, 1, false), std::nullopt);
  EXPECT_EQ(choose_connection(views, 1, true), 0U);
}

TEST(PoolPolicy, QuietConnectionIsTakenOnlyAsALastResort) {
  std::vector<ConnectionView> views{with_free(1, 90), with_free(2, 1)};
  views[0].quiet = true;
  EXPECT_EQ(choose_connection(views, 0, true), 1U);
  views[1].free_streams = 0;
  EXPECT_EQ(choose_connection(views, 0, false), std::nullopt);
  EXPECT_EQ(choose_connection(views, 0, true), 0U);
}

TEST(PoolPolicy, QuietConnectionDoesNotKeepItsSuccessorOut) {
  std::vector<ConnectionView> views{with_free(1, 90)};
  views[0].quiet = true;
  EXPECT_TRUE(may_open(views, 1));
}

ConnectionView with_streams(std::uint64_t serial, std::size_t free, std::size_t open) {
  return {.serial = serial, .free_streams = free, .open_streams = open};
}

TEST(PoolPolicy, YoungestConnectionIsASurplusWhenTheOthersWouldHaveDone) {
  const std::vector<ConnectionView> views{with_streams(1, 60, 40), with_streams(2, 70, 30),
                                          with_streams(3, 80, 20)};
  EXPECT_EQ(surplus_connection(views, 150), 2U);
  EXPECT_EQ(surplus_connection(views, 151), std::nullopt) << "a quarter of 200 is to spare";
}

TEST(PoolPolicy, OnlyConnectionIsNeverASurplus) {
  EXPECT_EQ(surplus_connection(std::vector{with_streams(1, 100, 0)}, 0), std::nullopt);
}

TEST(PoolPolicy, ConnectionsThatTakeNoRequestsDoNotMakeOthersASurplus) {
  std::vector<ConnectionView> views{with_streams(1, 100, 0), with_streams(2, 100, 0)};
  views[0].quiet = true;
  EXPECT_EQ(surplus_connection(views, 0), std::nullopt);
}

TEST(PoolPolicy, SilenceCountsOnlyWhileSomethingWasAsked) {
  PoolOptions options;
  options.quiet_after = 2s;
  const SteadyTime start{1h};
  EXPECT_EQ(quiet_from({start, std::nullopt, true, 0}, options), start + 2s);
  EXPECT_EQ(quiet_from({start, std::nullopt, false, 0}, options), std::nullopt);
}

TEST(PoolPolicy, OpensUpToTheMaximum) {
  const std::vector<ConnectionView> views{with_free(1, 0), with_free(2, 0)};
  EXPECT_TRUE(may_open(views, 3));
  EXPECT_FALSE(may_open(views, 2));
}

TEST(PoolPolicy, DrainingConnectionDoesNotKeepItsSuccessorOut) {
  std::vector<ConnectionView> views{with_free(1, 0)};
  views[0].draining = true;
  EXPECT_TRUE(may_open(views, 1));
}

// A server that says GOAWAY to every connection must not make us pile them up.
TEST(PoolPolicy, DrainingConnectionsAreBoundedToo) {
  std::vector<ConnectionView> views{with_free(1, 0), with_free(2, 0), with_free(3, 0)};
  for (auto& view : views) view.draining = true;
  EXPECT_TRUE(may_open(views, 3));
  EXPECT_FALSE(may_open(views, 2));
}

TEST(PoolPolicy, PausesDoubleUpToFiveSeconds) {
  EXPECT_EQ(connect_pause(0), 0ms);
  EXPECT_EQ(connect_pause(1), 100ms);
  EXPECT_EQ(connect_pause(2), 200ms);
  EXPECT_EQ(connect_pause(6), 3200ms);
  EXPECT_EQ(connect_pause(7), 5s);
  EXPECT_EQ(connect_pause(1'000'000), 5s);
}

TEST(PoolPolicy, SilenceWithOpenStreamsCallsForAPingThenIsTheEnd) {
  PoolOptions options;
  options.doubt_after = 10s;
  options.ping_timeout = 5s;
  const SteadyTime start{1h};
  Liveness life{start, std::nullopt, true, 0};
  EXPECT_EQ(next_life_sign(life, options, start + 9s), LifeSign::none);
  EXPECT_EQ(next_life_sign(life, options, start + 10s), LifeSign::send_ping);
  life.pinged_at = start + 10s;
  EXPECT_EQ(next_life_sign(life, options, start + 14s), LifeSign::none);
  EXPECT_EQ(next_life_sign(life, options, start + 15s), LifeSign::lost);
}

TEST(PoolPolicy, ConnectionThatAnswersOnlyPingsIsDoubtedHalfAsOftenAfterEach) {
  PoolOptions options;
  options.doubt_after = 10s;
  const SteadyTime start{1h};
  EXPECT_EQ(life_sign_due({start, std::nullopt, true, 1}, options), start + 20s);
  EXPECT_EQ(life_sign_due({start, std::nullopt, true, 3}, options), start + 80s);
  EXPECT_EQ(life_sign_due({start, std::nullopt, true, 1'000}, options), start + 640s);
}

TEST(PoolPolicy, IdleConnectionIsNeverPingedAndClosesInTime) {
  PoolOptions options;
  options.doubt_after = 10s;
  options.idle_timeout = 120s;
  const SteadyTime start{1h};
  const Liveness life{start, std::nullopt, false, 0};
  EXPECT_EQ(next_life_sign(life, options, start + 119s), LifeSign::none);
  EXPECT_EQ(next_life_sign(life, options, start + 120s), LifeSign::close_idle);
}

}  // namespace
}  // namespace fanfare::http2
