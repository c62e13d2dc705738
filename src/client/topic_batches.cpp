#include "client/topic_batches.h"

#include <algorithm>
#include <utility>

#include "client/retry_wait.h"
#include "fcm/rules.h"
#include "fcm/topic_calls.h"

namespace fanfare::client {
namespace {

using Next = std::function<std::optional<Target>()>;
using OnOutcome = std::function<void(const Outcome&)>;

// So many tokens may wait for another attempt; of more the latest end stands.
constexpr std::size_t max_waiting_tokens = 100'000;

bool goes_again(const Verdict& verdict) {
  return verdict.action == Action::retry || verdict.action == Action::wait_target ||
         verdict.action == Action::wait_project;
}

// One pass over tokens, in batches. What the API did not do now is left in `again`.
class Pass {
 public:
  Pass(const RetryOptions& retry, int attempt, const OnOutcome& on_outcome)
      : retry_(retry), attempt_(attempt), on_outcome_(on_outcome) {}

  // A line for each token: none contains a line end.
  std::optional<Target> next_batch(const Next& next) {
    std::string lines;
    for (std::size_t count = 0; count < fcm::iid_batch_size;) {
      const auto target = next();
      if (!target) break;
      if (!fits(*target)) continue;
      if (count++ > 0) lines += '\n';
      lines += target->value;
    }
    if (lines.empty()) return std::nullopt;
    return Target{TargetKind::token, std::move(lines)};
  }

  void enter(const Outcome& batch) {
    auto tokens = tokens_of(batch.target);
    auto verdicts = verdicts_of(batch, tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (batch.accepted() && goes_again(verdicts[i]) && may_wait()) {
        wait_ = std::max(wait_, wait_bounds(retry_, verdicts[i], attempt_).low);
        again_.push_back({TargetKind::token, std::move(tokens[i])});
      } else {
        on_outcome_({.target = {TargetKind::token, std::move(tokens[i])},
                     .verdict = std::move(verdicts[i]),
                     .answer = batch.answer,
                     .attempts = attempt_ - 1 + batch.attempts});
      }
    }
  }

  std::vector<Target> take_again() { return std::exchange(again_, {}); }
  [[nodiscard]] std::chrono::milliseconds wait() const noexcept { return wait_; }

 private:
  [[nodiscard]] bool may_wait() const noexcept {
    return attempt_ < retry_.max_attempts && again_.size() < max_waiting_tokens;
  }

  static std::vector<Verdict> verdicts_of(const Outcome& batch, std::size_t count) {
    if (!batch.accepted()) return std::vector<Verdict>(count, batch.verdict);
    auto parsed = fcm::parse_iid_results(batch.answer.body, count);
    if (parsed) return *std::move(parsed);
    return std::vector<Verdict>(count, make_verdict(fcm::rule("api.unreadable")));
  }

  bool fits(const Target& target) {
    const bool plain = !target.value.empty() && !target.value.contains('\n');
    if (target.kind == TargetKind::token && plain) return true;
    on_outcome_(
        {.target = target,
         .verdict = make_verdict(target.kind == TargetKind::token ? fcm::rule("token.malformed")
                                                                  : fcm::rule("topic.needs_v1")),
         .answer = {},
         .attempts = 0});
    return false;
  }

  const RetryOptions& retry_;
  int attempt_;
  const OnOutcome& on_outcome_;
  std::vector<Target> again_;
  std::chrono::milliseconds wait_{0};
};

}  // namespace

std::vector<std::string> tokens_of(const Target& batch) {
  const std::string& lines = batch.value;
  std::vector<std::string> tokens;
  for (std::size_t begin = 0; begin < lines.size();) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    tokens.push_back(lines.substr(begin, end - begin));
    begin = end + 1;
  }
  return tokens;
}

void change_in_batches(const BatchDoor& door, const RetryOptions& retry, const Next& next,
                       const OnOutcome& on_outcome) {
  std::vector<Target> waiting;
  std::size_t at = 0;
  const auto next_waiting = [&]() -> std::optional<Target> {
    if (at == waiting.size()) return std::nullopt;
    return std::move(waiting[at++]);
  };
  for (int attempt = 1; attempt == 1 || !waiting.empty(); ++attempt) {
    Pass pass(retry, attempt, on_outcome);
    const Next& source = attempt == 1 ? next : Next(next_waiting);
    door.each([&] { return pass.next_batch(source); },
              [&](const Outcome& batch) { pass.enter(batch); });
    waiting = pass.take_again();
    at = 0;
    if (!waiting.empty()) door.pause(pass.wait());
  }
}

}  // namespace fanfare::client
