#include "client/retry_budget.h"

#include <algorithm>

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using Seconds = std::chrono::duration<double>;

constexpr std::chrono::seconds minute = 60s;
constexpr double saved_seconds = 10;  // Of what comes in any case.
// A retry short of this is one: what is lost in rounding must not cost another wait.
constexpr double rounding = 1e-6;

}  // namespace

RetryBudget::RetryBudget(const RetryBudgetOptions& options)
    : options_(options), means_(options.per_second * saved_seconds) {}

void RetryBudget::on_first_attempts(SteadyTime now, std::uint64_t count) noexcept {
  if (now - minute_start_ >= minute) {
    firsts_before_ = now - minute_start_ < 2 * minute ? firsts_ : 0;
    firsts_ = 0;
    minute_start_ = now;
  }
  firsts_ += count;
  add(now, options_.share * static_cast<double>(count));
}

SteadyTime RetryBudget::earliest(SteadyTime now) const noexcept {
  // Less is asked for than is waited for: at the time that was told there are means.
  const double means = means_at(now);
  if (means >= 1 - 2 * rounding) return now;
  const double missing = 1 - rounding - means;
  if (options_.per_second <= 0) return SteadyTime::max();
  return std::max(now, at_) +
         std::chrono::ceil<std::chrono::nanoseconds>(Seconds(missing / options_.per_second));
}

void RetryBudget::on_retry(SteadyTime now) noexcept {
  add(now, -1);
}

void RetryBudget::on_retry_answered(SteadyTime now) noexcept {
  on_first_attempts(now, 1);
  add(now, 1);
}

void RetryBudget::add(SteadyTime now, double amount) noexcept {
  means_ = std::min(most_at(now), means_at(now) + amount);
  at_ = std::max(at_, now);
}

double RetryBudget::means_at(SteadyTime now) const noexcept {
  const Seconds passed = std::max(now, at_) - at_;
  return std::min(most_at(now), means_ + options_.per_second * passed.count());
}

// What one or two minutes brought, and no less than one, so that there is ever a retry.
double RetryBudget::most_at(SteadyTime now) const noexcept {
  const auto age = now - minute_start_;
  const std::uint64_t lately = age < minute       ? firsts_ + firsts_before_
                               : age < 2 * minute ? firsts_
                                                  : 0;
  return std::max(
      1.0, options_.per_second * saved_seconds + options_.share * static_cast<double>(lately));
}

}  // namespace fanfare::client
