#include "client/pacer.h"

#include <algorithm>
#include <cmath>

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using Share = std::chrono::duration<double>;

constexpr nanoseconds window = 60s;
constexpr double first_per_minute = 100 * 60;
constexpr double first_share_min = 0.01;
constexpr double throttled_share_min = 0.01;
constexpr nanoseconds echoes = 5s;
constexpr nanoseconds recovery = 60s;

double first_share_of(std::uint64_t limit) {
  return std::min(1.0, std::max(first_share_min, first_per_minute / static_cast<double>(limit)));
}

double progress(nanoseconds done, nanoseconds whole) {
  return std::clamp(Share(done) / Share(whole), 0.0, 1.0);
}

}  // namespace

// While the ramp lasts the rate grows evenly, so what is sent is a quadratic of the time.
std::chrono::seconds time_to_send(const PacerOptions& options, std::uint64_t messages) noexcept {
  if (options.messages_per_minute == 0 || messages == 0) return {};
  const double per_second = static_cast<double>(options.messages_per_minute) / 60;
  const double count = static_cast<double>(messages) / per_second;  // In seconds at the full rate.
  const double ramp = Share(options.ramp).count();
  const double first = first_share_of(options.messages_per_minute);
  const double in_ramp = ramp * (1 + first) / 2;
  double seconds = 0;
  if (count >= in_ramp) {
    seconds = ramp + count - in_ramp;
  } else {
    const double growth = (1 - first) / ramp;
    seconds =
        growth == 0 ? count : (std::sqrt(first * first + 2 * growth * count) - first) / growth;
  }
  return std::chrono::seconds(static_cast<std::chrono::seconds::rep>(std::ceil(seconds)));
}

RatePacer::RatePacer(const PacerOptions& options)
    : unlimited_(options.messages_per_minute == 0), ramp_(options.ramp) {
  if (unlimited_) return;
  const std::uint64_t limit = options.messages_per_minute;
  // Half a percent is left unused: messages bunch up on their way to FCM, behind a full socket or
  // a connection that is being opened, and FCM counts them as they arrive.
  const std::uint64_t usable = limit - limit / 200;
  // Half a percent may be caught up, 0.3 seconds' worth; where that is none, one message may, or
  // each late timer would cost its lateness. Below a hundred even that one would be dear.
  const std::uint64_t burst = std::max<std::uint64_t>(limit < 100 ? 1 : 2, limit / 200);
  // n <= window / interval + burst, so this is the least interval with n <= usable.
  interval_ = window / static_cast<nanoseconds::rep>(usable - burst + 1) + 1ns;
  tolerance_ = interval_ * static_cast<nanoseconds::rep>(burst - 1);
  first_share_ = first_share_of(limit);
}

nanoseconds RatePacer::reserve(Time now) {
  if (unlimited_) return 0ns;
  if (!latest_ || now - *latest_ > window) ramp_start_ = now;
  if (const nanoseconds wait = next_ - tolerance_ - now; latest_ && wait > 0ns) return wait;

  const double share = ramp_share(now) * throttle_share(now);
  const auto step = std::chrono::duration_cast<nanoseconds>(Share(interval_) / share);
  next_ = std::max(next_, now) + std::max(step, interval_);
  latest_ = now;
  return 0ns;
}

void RatePacer::on_throttled(Time now) {
  if (throttled_at_ && now - *throttled_at_ < echoes) return;
  throttled_share_ = std::max(throttled_share_min, throttle_share(now) / 2);
  throttled_at_ = now;
}

double RatePacer::ramp_share(Time now) const {
  if (ramp_ <= 0ns) return 1;
  return first_share_ + (1 - first_share_) * progress(now - ramp_start_, ramp_);
}

double RatePacer::throttle_share(Time now) const {
  if (!throttled_at_) return 1;
  return throttled_share_ + (1 - throttled_share_) * progress(now - *throttled_at_, recovery);
}

}  // namespace fanfare::client
