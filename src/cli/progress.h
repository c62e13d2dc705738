// A progress line on a terminal: bar, count, rate, remaining time.
//
// Drawing is a pure function of a state and a width; the class around it keeps the pace.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace fanfare::cli {

using SteadyTime = std::chrono::steady_clock::time_point;

struct ProgressState {
  std::uint64_t done = 0;
  std::uint64_t total = 0;  ///< 0: unknown; then neither bar nor remaining time.
  double rate = 0;          ///< Per second; 0: not known yet.
  std::string_view note;    ///< What the work says about itself, "3 retired"; may be empty.
};

/// One line without its end, at most `width` columns. In a narrow terminal parts are left out, the
/// least telling first: note, bar, rate, remaining time; the count stays.
[[nodiscard]] std::string render(const ProgressState& state, std::size_t width);

/// "8 s", "2 min 5 s", "1 h 3 min", "4 d 2 h".
[[nodiscard]] std::string human_span(std::chrono::seconds span);

/// Smooths a rate, so that the remaining time does not jump: an exponential mean that forgets with
/// a time constant of five seconds.
class RateMeter {
 public:
  void update(std::uint64_t done, SteadyTime now);
  [[nodiscard]] double per_second() const noexcept { return rate_; }

 private:
  std::optional<SteadyTime> latest_;
  std::uint64_t done_ = 0;
  double rate_ = 0;
  bool measured_ = false;
};

/// Draws at most ten times a second. Calls cost a comparison when nothing is due, so that a loop
/// may call it for each item.
class Progress {
 public:
  /// `enabled`: Output::progress_wanted(); otherwise every call does nothing.
  Progress(std::FILE* file, bool enabled);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();  ///< As finish().

  void update(std::uint64_t done, std::uint64_t total, std::string_view note, SteadyTime now);
  /// Clears the line; what is printed next starts in the first column.
  void finish();

 private:
  std::FILE* file_;
  bool enabled_;
  bool drawn_ = false;
  std::optional<SteadyTime> next_draw_;
  RateMeter meter_;
};

}  // namespace fanfare::cli
