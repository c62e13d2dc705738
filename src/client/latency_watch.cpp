#include "client/latency_watch.h"

#include <algorithm>

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds look_every = 1s;
constexpr std::chrono::seconds look_ends = 60s;
constexpr std::uint64_t answers_for_a_look = 20;
constexpr std::chrono::seconds stretch = 300s;
constexpr std::chrono::duration<double> tolerable = 500ms;
constexpr double tolerable_growth = 3;

}  // namespace

bool LatencyWatch::on_answers(SteadyTime now, std::uint64_t answers,
                              std::chrono::nanoseconds mean) {
  if (!since_ || now - *since_ > look_ends) start_look(now);
  answers_ += answers;
  sum_ += Seconds(mean) * static_cast<double>(answers);
  if (now - *since_ < look_every || answers_ < answers_for_a_look) return false;

  const Seconds seen = sum_ / static_cast<double>(answers_);
  // One bad second, a connection that hung, is forgiven by half.
  const Seconds smoothed = smoothed_ ? (*smoothed_ + seen) / 2 : seen;
  start_look(now);
  smoothed_ = smoothed;
  remember_best(now);

  const Seconds baseline = std::min(best_, best_before_);
  if (*smoothed_ <= tolerable || *smoothed_ <= tolerable_growth * baseline) return false;
  if (said_at_ && now - *said_at_ < *smoothed_) return false;
  said_at_ = now;
  return true;
}

void LatencyWatch::start_look(SteadyTime now) {
  since_ = now;
  answers_ = 0;
  sum_ = Seconds(0);
  smoothed_.reset();
}

void LatencyWatch::remember_best(SteadyTime now) {
  if (now - stretch_start_ >= stretch) {
    best_before_ = now - stretch_start_ < 2 * stretch ? best_ : none;
    best_ = none;
    stretch_start_ = now;
  }
  best_ = std::min(best_, *smoothed_);
}

}  // namespace fanfare::client
