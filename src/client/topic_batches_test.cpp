#include "client/topic_batches.h"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace fanfare::client {
namespace {

// An Instance ID API: says of each token what the test decides, batch by batch.
class PlayedApi {
 public:
  std::function<std::string(const std::string& token, int time)> word_for = [](const std::string&,
                                                                               int) { return ""; };
  std::vector<std::size_t> batches;
  std::vector<std::chrono::milliseconds> pauses;

  [[nodiscard]] BatchDoor door() {
    return {.each =
                [this](const auto& next, const auto& on_outcome) {
                  while (auto batch = next()) on_outcome(answer(*batch));
                },
            .pause = [this](std::chrono::milliseconds span) { pauses.push_back(span); }};
  }

 private:
  Outcome answer(const Target& batch) {
    const auto tokens = tokens_of(batch);
    batches.push_back(tokens.size());
    std::string results;
    for (const auto& token : tokens) {
      const auto word = word_for(token, ++asked_[token]);
      if (!results.empty()) results += ',';
      results += word.empty() ? "{}" : fmt::format(R"({{"error":"{}"}})", word);
    }
    Outcome outcome;
    outcome.target = batch;
    outcome.verdict.kind = VerdictKind::accepted;
    outcome.answer.status = 200;
    outcome.answer.body = fmt::format(R"({{"results":[{}]}})", results);
    outcome.attempts = 1;
    return outcome;
  }

  std::map<std::string, int> asked_;
};

std::map<std::string, Outcome> change(PlayedApi& api, std::vector<Target> targets,
                                      const RetryOptions& retry = {}) {
  std::map<std::string, Outcome> ends;
  std::size_t at = 0;
  change_in_batches(
      api.door(), retry,
      [&]() -> std::optional<Target> {
        if (at == targets.size()) return std::nullopt;
        return targets[at++];
      },
      [&](const Outcome& outcome) {
        EXPECT_TRUE(ends.emplace(outcome.target.value, outcome).second)
            << outcome.target.value << " ended twice";
      });
  return ends;
}

std::vector<Target> numbered(int count) {
  std::vector<Target> targets;
  for (int i = 0; i < count; ++i) targets.push_back({TargetKind::token, fmt::format("t{}", i)});
  return targets;
}

TEST(TopicBatches, AThousandTokensAreOneRequest) {
  PlayedApi api;
  EXPECT_EQ(change(api, numbered(2'500)).size(), 2'500U);
  EXPECT_EQ(api.batches, (std::vector<std::size_t>{1'000, 1'000, 500}));
  EXPECT_TRUE(api.pauses.empty());
}

TEST(TopicBatches, OnlyWhatWasNotDoneNowGoesAgainAfterAWait) {
  PlayedApi api;
  api.word_for = [](const std::string& token, int time) -> std::string {
    if (token == "t1") return "NOT_FOUND";
    if (token == "t2" && time < 3) return "INTERNAL";
    if (token == "t3" && time < 2) return "RESOURCE_EXHAUSTED";
    return "";
  };
  auto ends = change(api, numbered(5));
  EXPECT_EQ(api.batches, (std::vector<std::size_t>{5, 2, 1}));
  ASSERT_EQ(api.pauses.size(), 2U);
  EXPECT_GE(api.pauses[0], std::chrono::seconds(10));
  EXPECT_EQ(ends["t1"].verdict.rule, "token.unregistered");
  EXPECT_EQ(ends["t1"].attempts, 1);
  EXPECT_TRUE(ends["t2"].accepted());
  EXPECT_EQ(ends["t2"].attempts, 3);
  EXPECT_EQ(ends["t3"].attempts, 2);
}

TEST(TopicBatches, AttemptsComeToAnEnd) {
  PlayedApi api;
  api.word_for = [](const std::string&, int) { return "INTERNAL"; };
  RetryOptions retry;
  retry.max_attempts = 3;
  auto ends = change(api, numbered(2), retry);
  EXPECT_EQ(api.batches.size(), 3U);
  EXPECT_EQ(ends["t0"].verdict.rule, "service.internal");
  EXPECT_EQ(ends["t0"].attempts, 3);
}

TEST(TopicBatches, WhatIsNoTokenIsNotSent) {
  PlayedApi api;
  auto ends = change(api, {{TargetKind::fid, "f"},
                           {TargetKind::token, "a\nb"},
                           {TargetKind::token, ""},
                           {TargetKind::token, "t"}});
  EXPECT_EQ(api.batches, (std::vector<std::size_t>{1}));
  EXPECT_EQ(ends["f"].verdict.rule, "topic.needs_v1");
  EXPECT_EQ(ends["a\nb"].verdict.rule, "token.malformed");
  EXPECT_TRUE(ends["t"].accepted());
}

}  // namespace
}  // namespace fanfare::client
