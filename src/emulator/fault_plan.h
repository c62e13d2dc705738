// FaultPlan: the settings in force, and which fault strikes the request at hand. Chance comes from
// a seed and time from outside, so that a run can be repeated.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time_text.h"
#include "emulator/faults.h"

namespace fanfare::emulator {

/// Whom a message is for, as far as a rule may ask.
struct Subject {
  std::string_view registration;  ///< Empty for a topic or a condition.
  Platform platform = Platform::unknown;
  std::string_view topic;
};

class FaultPlan {
 public:
  explicit FaultPlan(Faults faults) : faults_(std::move(faults)), random_(faults_.seed) {}

  [[nodiscard]] const Faults& settings() const noexcept { return faults_; }
  /// Rules begin anew.
  void change(Faults faults);

  /// The next request: its chances are drawn.
  void begin(SystemTime now);

  /// The fault that strikes at this step whoever the message is for; for the steps before that
  /// is known.
  [[nodiscard]] std::optional<Fault> strike(Step step);
  /// The fault that strikes at this step a message for the subject.
  [[nodiscard]] std::optional<Fault> strike(Step step, const Subject& subject);
  /// Whether a rule in force asks for whom the message is.
  [[nodiscard]] bool is_aimed() const noexcept { return aimed_; }

  /// Whether the fault would strike the subject; nothing has struck by being asked.
  [[nodiscard]] bool is_down(Fault fault, const Subject& subject) const;

  /// What has struck the request; none: nothing.
  [[nodiscard]] Fault struck() const noexcept { return struck_; }
  /// What the rule that struck says about it, else the settings.
  [[nodiscard]] std::optional<std::chrono::seconds> retry_after() const noexcept;

  /// Whether the device belongs to the share that an outage or a rule hits.
  [[nodiscard]] bool is_among(std::string_view registration, double share) const;

  /// How long a request waits before it is processed.
  [[nodiscard]] std::chrono::milliseconds draw_latency(SystemTime now, bool at_token_endpoint);

  /// With this chance.
  [[nodiscard]] bool chance(double share);

 private:
  struct State {
    bool in_force = false;  // For the request at hand.
    std::uint64_t struck = 0;
  };

  [[nodiscard]] bool is_time_for(const Rule& rule, SystemTime now) const;
  [[nodiscard]] bool is_hit_always(const Subject& subject) const;
  [[nodiscard]] bool is_hit(const Rule& rule, const Subject& subject) const;
  std::optional<Fault> note(Fault fault, std::optional<std::size_t> rule);

  Faults faults_;
  Random random_;
  std::vector<State> states_;  // One for each rule.
  std::optional<SystemTime> started_;
  std::uint64_t requests_ = 0;
  bool aimed_ = false;
  Fault struck_ = Fault::none;
  std::optional<std::size_t> struck_rule_;
};

}  // namespace fanfare::emulator
