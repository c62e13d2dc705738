#include "http2/pool_policy.h"

#include <algorithm>

namespace fanfare::http2 {

namespace {

bool takes_requests(const ConnectionView& view) noexcept {
  return !view.opening && !view.draining;
}

bool is_fit(const ConnectionView& view) noexcept {
  return takes_requests(view) && !view.quiet;
}

}  // namespace

std::optional<std::size_t> choose_connection(std::span<const ConnectionView> connections,
                                             std::uint64_t avoid, bool last_resort) {
  std::optional<std::size_t> best;
  bool best_is_good = false;
  for (std::size_t i = 0; i < connections.size(); ++i) {
    const auto& view = connections[i];
    const bool good = !view.quiet && (avoid == 0 || view.serial != avoid);
    if (!takes_requests(view) || view.free_streams == 0) continue;
    if (!good && !last_resort) continue;
    if (!best || (good && !best_is_good) ||
        (good == best_is_good && view.free_streams > connections[*best].free_streams)) {
      best = i;
      best_is_good = good;
    }
  }
  return best;
}

bool may_open(std::span<const ConnectionView> connections, std::size_t max_connections) {
  const auto leaving = static_cast<std::size_t>(std::ranges::count_if(
      connections, [](const ConnectionView& view) { return view.draining || view.quiet; }));
  return connections.size() - leaving < max_connections && leaving <= max_connections;
}

std::optional<std::size_t> surplus_connection(std::span<const ConnectionView> connections,
                                              std::size_t peak) {
  std::optional<std::size_t> youngest;
  std::size_t streams = 0;  // Of all but the youngest.
  for (std::size_t i = 0; i < connections.size(); ++i) {
    if (!is_fit(connections[i])) continue;
    if (youngest)
      streams += connections[*youngest].free_streams + connections[*youngest].open_streams;
    youngest = i;
  }
  if (streams == 0 || peak > streams - streams / 4) return std::nullopt;
  return youngest;
}

bool is_opening(std::span<const ConnectionView> connections) {
  return std::ranges::any_of(connections, &ConnectionView::opening);
}

std::chrono::milliseconds connect_pause(int failures) {
  constexpr std::chrono::milliseconds first{100};
  constexpr std::chrono::milliseconds longest{5'000};
  if (failures <= 0) return std::chrono::milliseconds::zero();
  return std::min(longest, first * (1 << std::min(failures - 1, 10)));
}

LifeSign next_life_sign(const Liveness& life, const PoolOptions& options, SteadyTime now) {
  if (now < life_sign_due(life, options)) return LifeSign::none;
  if (!life.open_streams) return LifeSign::close_idle;
  return life.pinged_at ? LifeSign::lost : LifeSign::send_ping;
}

SteadyTime life_sign_due(const Liveness& life, const PoolOptions& options) {
  if (!life.open_streams) return life.since + options.idle_timeout;
  if (life.pinged_at) return *life.pinged_at + options.ping_timeout;
  return life.since + options.doubt_after * (1 << std::min(life.pings, 6));
}

std::optional<SteadyTime> quiet_from(const Liveness& life, const PoolOptions& options) {
  if (!life.open_streams) return std::nullopt;
  return life.since + options.quiet_after;
}

}  // namespace fanfare::http2
