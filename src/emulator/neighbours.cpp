// What FCM serves beside messages:send, as far as World decides it: who may ask, and which plane
// answers.
#include <utility>

#include "emulator/iid.h"
#include "emulator/path.h"
#include "emulator/world.h"

namespace fanfare::emulator {

std::optional<Answer> World::answer_neighbour(const http2::Request& request, const Path& path,
                                              SystemTime now) {
  if (const auto named = parse_topic_path(path.path)) {
    return manage_topics(request, *named, path, now);
  }
  if (is_iid_path(path.path)) return manage_instances(request, path, now);
  return std::nullopt;
}

Answer World::manage_topics(const http2::Request& request, const TopicPath& named, const Path& path,
                            SystemTime now) {
  if (auto fault = check_front_end(path)) return *std::move(fault);
  if (auto fault = check_bearer(request, path, now)) return *std::move(fault);
  if (auto fault = check_project(named.project)) return *std::move(fault);
  if (auto fault = check_service(now)) return *std::move(fault);
  return answer_topics(request, named, path.query, standing_of(named.registration), subscriptions_,
                       now);
}

Answer World::manage_instances(const http2::Request& request, const Path& path, SystemTime now) {
  if (auto fault = check_flat(request, path, now)) return *std::move(fault);
  const InstanceIds ids{subscriptions_, devices_,
                        [this](std::string_view one) { return standing_of(one); }, project_number_};
  return answer_iid(request, path.path, path.query, ids, now);
}

// The same doors as for messages, where the errors are flat.
std::optional<Answer> World::check_flat(const http2::Request& request, const Path& path,
                                        SystemTime now) {
  if (auto fault = check_front_end(path)) return fault;
  if (auto fault = check_access_token_auth(request)) return fault;
  const auto fault = check_bearer(request, path, now);
  if (!fault) return check_service(now) ? std::optional(flat_error(503, "UNAVAILABLE")) : fault;
  return flat_error(fault->status, fault->status == 403 ? "PERMISSION_DENIED" : "Unauthorized");
}

Standing World::standing_of(std::string_view registration) {
  const auto standing = devices_.standing(registration);
  return standing == Standing::good && is_in_outage(registration) ? Standing::unregistered
                                                                  : standing;
}

}  // namespace fanfare::emulator
