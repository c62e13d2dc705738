#include "http2/pool_policy.h"

#include <algorithm>

namespace fanfare::http2 {

std::optional<std::size_t> choose_connection(std::span<const ConnectionView> connections,
                                             std::uint64_t avoid, bool last_resort) {
  std::optional<std::size_t> best;
  bool best_avoided = false;
  for (std::size_t i = 0; i < connections.size(); ++i) {
    const auto& view = connections[i];
    const bool avoided = avoid != 0 && view.serial == avoid;
    if (view.opening || view.draining || view.free_streams == 0) continue;
    if (avoided && !last_resort) continue;
    if (!best || (best_avoided && !avoided) ||
        (best_avoided == avoided && view.free_streams > connections[*best].free_streams)) {
      best = i;
      best_avoided = avoided;
    }
  }
  return best;
}

bool may_open(std::span<const ConnectionView> connections, std::size_t max_connections) {
  const auto draining =
      static_cast<std::size_t>(std::ranges::count(connections, true, &ConnectionView::draining));
  return connections.size() - draining < max_connections && draining <= max_connections;
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
  return life.pinged_at ? *life.pinged_at + options.ping_timeout : life.since + options.doubt_after;
}

}  // namespace fanfare::http2
