#include "cli/progress.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/output.h"

namespace fanfare::cli {
namespace {

constexpr std::chrono::milliseconds draw_interval{100};
constexpr std::size_t widest_bar = 30;
constexpr std::size_t narrowest_bar = 8;

std::string bar(double share, std::size_t width) {
  const std::size_t cells = width - 2;
  const auto filled = std::min(cells, static_cast<std::size_t>(share * static_cast<double>(cells)));
  std::string text = "[" + std::string(filled, '=');
  if (filled < cells) text += ">" + std::string(cells - filled - 1, ' ');
  return text + "]";
}

std::string count_text(const ProgressState& state) {
  if (state.total == 0) return grouped(state.done);
  return fmt::format("{}/{}", grouped(state.done), grouped(state.total));
}

std::string rate_text(double rate) {
  if (rate <= 0) return {};
  if (rate < 10) return fmt::format("{:.1f}/s", rate);
  return grouped(static_cast<std::uint64_t>(rate)) + "/s";
}

std::string remaining_text(const ProgressState& state) {
  if (state.total <= state.done || state.rate <= 0) return {};
  const double seconds = std::ceil(static_cast<double>(state.total - state.done) / state.rate);
  // A rate near zero promises nothing that is worth reading.
  if (seconds > 100.0 * 86'400) return {};
  return human_span(std::chrono::seconds(static_cast<std::int64_t>(seconds))) + " left";
}

std::size_t terminal_width(std::FILE* file) {
  winsize size{};
  if (::ioctl(::fileno(file), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::string render(const ProgressState& state, std::size_t width) {
  constexpr std::size_t gap = 2;
  std::size_t left = width;
  // Most telling first; each part is taken if it still fits.
  const auto take = [&](std::string part) -> std::string {
    const std::size_t needed = display_width(part) + gap;
    if (part.empty() || needed > left) return {};
    left -= needed;
    return part;
  };
  const std::string count = shortened(count_text(state), width);
  left -= display_width(count);
  const std::string remaining = take(remaining_text(state));
  const std::string rate = take(rate_text(state.rate));
  std::string bar_text;
  if (state.total > 0 && left >= narrowest_bar + gap) {
    const double share =
        static_cast<double>(std::min(state.done, state.total)) / static_cast<double>(state.total);
    bar_text = take(bar(share, std::min(widest_bar, left - gap)));
  }
  const std::string note = take(printable(state.note));

  std::string line;
  for (const std::string& part : {bar_text, count, rate, remaining, note}) {
    if (part.empty()) continue;
    if (!line.empty()) line.append(gap, ' ');
    line += part;
  }
  return line;
}

std::string human_span(std::chrono::seconds span) {
  const auto seconds = span.count();
  const auto two = [](auto big, const char* big_unit, auto small, const char* small_unit) {
    if (small == 0) return fmt::format("{} {}", big, big_unit);
    return fmt::format("{} {} {} {}", big, big_unit, small, small_unit);
  };
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3'600) return two(seconds / 60, "min", seconds % 60, "s");
  if (seconds < 86'400) return two(seconds / 3'600, "h", seconds % 3'600 / 60, "min");
  return two(seconds / 86'400, "d", seconds % 86'400 / 3'600, "h");
}

void RateMeter::update(std::uint64_t done, SteadyTime now) {
  using Seconds = std::chrono::duration<double>;
  if (!latest_ || done < done_) {
    latest_ = now;
    done_ = done;
    return;
  }
  const double passed = Seconds(now - *latest_).count();
  if (passed <= 0) return;
  const double present = static_cast<double>(done - done_) / passed;
  const double weight = measured_ ? 1 - std::exp(-passed / 5.0) : 1;
  rate_ += (present - rate_) * weight;
  measured_ = true;
  latest_ = now;
  done_ = done;
}

Progress::Progress(std::FILE* file, bool enabled) : file_(file), enabled_(enabled) {}

Progress::~Progress() {
  finish();
}

void Progress::update(std::uint64_t done, std::uint64_t total, std::string_view note,
                      SteadyTime now) {
  if (!enabled_ || (next_draw_ && now < *next_draw_)) return;
  next_draw_ = now + draw_interval;
  meter_.update(done, now);
  const std::size_t width = terminal_width(file_);
  // The last column stays free: some terminals wrap as soon as it is filled.
  const std::string line = render({done, total, meter_.per_second(), note}, width - 1);
  fmt::print(file_, "\r\x1b[K{}", line);
  std::fflush(file_);
  drawn_ = true;
}

void Progress::finish() {
  if (!drawn_) return;
  fmt::print(file_, "\r\x1b[K");
  std::fflush(file_);
  drawn_ = false;
}

}  // namespace fanfare::cli
