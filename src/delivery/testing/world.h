// World: an FCM that answers as told, a clock that jumps, and a store in a temporary folder, so
// that hours of a campaign are tested in milliseconds.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "client/attempt_port.h"
#include "delivery/campaign_run.h"
#include "registry/registry.h"

namespace fanfare::delivery {

using client::SteadyTime;

inline Answer http(int status, std::string body = {}, std::string retry_after = {}) {
  Answer answer;
  answer.status = status;
  answer.body = std::move(body);
  answer.retry_after = std::move(retry_after);
  return answer;
}
inline Answer accepted() {
  return http(200, R"({"name":"projects/p/messages/1"})");
}
inline Answer fcm_error(int status, std::string_view code) {
  return http(status,
              fmt::format(R"({{"error":{{"code":{},"message":"m","status":"S","details":[)"
                          R"({{"@type":"type.googleapis.com/google.firebase.fcm.v1.FcmError",)"
                          R"("errorCode":"{}"}}]}}}})",
                          status, code));
}
inline Answer unregistered() {
  return fcm_error(404, "UNREGISTERED");
}
inline Answer iam_denied() {
  return http(403,
              R"({"error":{"code":403,"message":"Permission denied","status":"PERMISSION_DENIED",
"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"IAM_PERMISSION_DENIED"}]}})");
}

/// Thrown by the port in place of a kill -9: everything in memory is gone, the store stays.
struct Crash {};

class FakePort : public client::AttemptPort {
 public:
  /// What FCM answers to the n-th request (from 1) for this token.
  using Script = std::function<Answer(const std::string& token, int nth)>;

  explicit FakePort(Script script) : script_(std::move(script)) {}

  void start(std::vector<client::DeliveryPtr>& deliveries) override {
    for (auto& delivery : deliveries) {
      if (crash_after_ && requests_ == *crash_after_) throw Crash{};
      ++requests_;
      Answer answer = answer_to(*delivery);
      delivery->set_attempt({answer, judge(answer, delivery->target.kind)});
      under_way_.push_back(std::move(delivery));
    }
    deliveries.clear();
    most_under_way_ = std::max(most_under_way_, under_way_.size());
  }

  void wait(SteadyTime until, std::vector<client::DeliveryPtr>& out) override {
    if (under_way_.empty()) {
      if (!interrupted_) now_ = std::max(now_, until);
      interrupted_ = false;
      return;
    }
    now_ += std::chrono::milliseconds(1);
    // Half at a time and the latest first, so that results overtake each other.
    const std::size_t count = (under_way_.size() + 1) / 2;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(std::move(under_way_.back()));
      under_way_.pop_back();
    }
    if (on_results) on_results();
  }

  SteadyTime now() override { return now_; }
  void interrupt() override { interrupted_ = true; }

  void crash_after(std::uint64_t requests) { crash_after_ = requests; }
  [[nodiscard]] std::uint64_t requests() const { return requests_; }
  [[nodiscard]] std::size_t most_under_way() const { return most_under_way_; }
  [[nodiscard]] const std::map<std::string, int>& sent() const { return sent_; }
  [[nodiscard]] const std::map<std::string, int>& accepted() const { return accepted_; }
  [[nodiscard]] const std::vector<SteadyTime>& sent_at(const std::string& token) {
    return sent_at_[token];
  }

  std::function<void()> on_results;
  Script probe_script;  ///< Answers to probes; none: as to messages.

 private:
  Answer answer_to(const client::Delivery& delivery) {
    if (delivery.probe && probe_script) return probe_script(delivery.target.value, 1);
    const int nth = ++sent_[delivery.target.value];
    Answer answer = script_(delivery.target.value, nth);
    if (answer.status == 200) ++accepted_[delivery.target.value];
    sent_at_[delivery.target.value].push_back(now_);
    return answer;
  }

  Script script_;
  SteadyTime now_{std::chrono::hours(1)};
  std::vector<client::DeliveryPtr> under_way_;
  std::map<std::string, int> sent_;
  std::map<std::string, int> accepted_;
  std::map<std::string, std::vector<SteadyTime>> sent_at_;
  std::uint64_t requests_ = 0;
  std::size_t most_under_way_ = 0;
  std::optional<std::uint64_t> crash_after_;
  bool interrupted_ = false;
};

class World : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "fanfare-world-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    open_store();
  }
  void TearDown() override {
    registry_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open_store() {
    registry_.reset();
    auto opened = registry::Registry::open(folder_ / "fanfare.db");
    ASSERT_TRUE(opened) << opened.error().what;
    registry_.emplace(std::move(*opened));
  }

  /// Tokens "PREFIX-0" … of one platform.
  void add_devices(const std::string& prefix, int count, const std::string& platform = "android") {
    std::vector<registry::Device> devices;
    for (int i = 0; i < count; ++i) {
      registry::Device device;
      device.registration = {TargetKind::token, fmt::format("{}-{}", prefix, i)};
      device.platform = platform;
      devices.push_back(std::move(device));
    }
    ASSERT_TRUE(registry_->upsert(devices, now()));
  }

  registry::Campaign new_campaign() {
    registry::Campaign campaign;
    campaign.project = "p";
    campaign.message = "{}";
    campaign.started = now();
    auto audience = registry_->make_audience("", 0, "p");
    EXPECT_TRUE(audience);
    campaign.audience = std::move(*audience);
    EXPECT_TRUE(registry_->add_campaign(campaign));
    return campaign;
  }

  RunOptions options() {
    RunOptions options;
    options.clock = [] { return now(); };
    options.random = Random(1);
    return options;
  }

  Summary run(client::AttemptPort& port, registry::Campaign campaign, bool resumed = false,
              std::optional<RunOptions> with = std::nullopt) {
    CampaignRun run(*registry_, std::move(campaign), port, with ? *with : options(), resumed);
    auto summary = run.run();
    EXPECT_TRUE(summary) << (summary ? "" : summary.error().what);
    return summary ? std::move(*summary) : Summary{};
  }

  registry::Campaign stored_campaign() {
    auto campaign = registry_->latest_campaign();
    EXPECT_TRUE(campaign && *campaign);
    return **campaign;
  }

  std::map<std::string, std::uint64_t> states() {
    auto stats = registry_->stats();
    EXPECT_TRUE(stats);
    auto by_state = stats->by_state;
    std::erase_if(by_state, [](const auto& entry) { return entry.second == 0; });
    return by_state;
  }

  std::vector<std::string> report_lines() {
    std::ifstream file(folder_ / "report.jsonl");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }

  Report open_report(std::uint64_t keep_bytes) {
    auto report = Report::open(folder_ / "report.jsonl", keep_bytes);
    EXPECT_TRUE(report);
    return std::move(*report);
  }

  static SystemTime now() { return SystemTime(std::chrono::hours(24 * 365 * 50)); }

  std::filesystem::path folder_;
  std::optional<registry::Registry> registry_;
};

}  // namespace fanfare::delivery
