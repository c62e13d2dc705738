// World: everything the emulator knows and decides, without a socket or a clock. A request and
// the time go in, what must be done comes out.
//
// Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/random.h"
#include "base/time_text.h"
#include "emulator/answers.h"
#include "emulator/books.h"
#include "emulator/deliveries.h"
#include "emulator/devices.h"
#include "emulator/faults.h"
#include "emulator/groups.h"
#include "emulator/identities.h"
#include "emulator/oauth.h"
#include "emulator/subscriptions.h"
#include "emulator/topics.h"
#include "emulator/validate.h"
#include "http2/exchange.h"

namespace fanfare::emulator {

struct WorldOptions {
  std::string project = "fanfare-demo";
  std::string project_number = "123456789012";
  bool any_project = false;   ///< Serve every project, not only that one.
  bool require_auth = false;  ///< Check access tokens.
  std::size_t kept_messages = 1'000;
  Faults faults;
  DeviceBook devices;
  std::optional<TokenEndpoint> tokens;   ///< Absent: there is no token endpoint.
  std::optional<Identities> identities;  ///< Absent: `tokens` takes signed assertions only.
};

/// How a message is meant, beside its target.
struct Intent {
  bool dry_run = false;  ///< validate_only: all is checked, nothing delivered, APNs not asked.
  bool empty = false;    ///< It carries nothing but its target.

  /// How one asks after a device without bothering anybody.
  [[nodiscard]] bool is_probe() const noexcept { return dry_run && empty; }
};

/// What must be done with one request.
struct Plan {
  http2::Response response;
  bool cut = false;  ///< Close the connection in place of answering.
};

class World {
 public:
  explicit World(WorldOptions options);

  /// A request to /_emulator/, which is answered at once and counted nowhere.
  [[nodiscard]] static bool is_administrative(const http2::Request& request);

  /// How long the next of the other requests must wait before it is processed.
  [[nodiscard]] std::chrono::milliseconds next_delay();

  /// Processes a request. `now` may not go backwards by more than a minute, or quota windows
  /// stretch.
  [[nodiscard]] Plan answer(http2::Request request, SystemTime now);

  /// A request has arrived (there are now `connections`); it was answered; it can't be any more.
  void arrived(std::size_t connections);
  void answered();
  void lost();

  [[nodiscard]] const Books& books() const noexcept { return books_; }
  [[nodiscard]] const Faults& faults() const noexcept { return faults_; }
  [[nodiscard]] DeviceBook& devices() noexcept { return devices_; }

 private:
  struct Path;

  [[nodiscard]] static Path split(std::string_view path);

  [[nodiscard]] Plan finish(const Answer& answer, const Path& path, SystemTime now);

  // messages:send, step by step; each step may end it.
  [[nodiscard]] Answer send(http2::Request& request, const Path& path, SystemTime now);
  [[nodiscard]] std::optional<Answer> check_front_end(const Path& path) const;
  [[nodiscard]] std::optional<Answer> check_bearer(const http2::Request& request, const Path& path,
                                                   SystemTime now, Need need = Need::messaging);
  [[nodiscard]] std::optional<Answer> check_project(std::string_view project) const;
  [[nodiscard]] std::optional<Answer> check_service(SystemTime now);
  [[nodiscard]] std::optional<Answer> check_quota(SystemTime now);
  [[nodiscard]] Answer judge_body(http2::Request& request, std::string_view project,
                                  SystemTime now);
  [[nodiscard]] Answer deliver(const Target& target, Intent intent, std::string_view project,
                               SystemTime now);
  [[nodiscard]] std::optional<Answer> judge_device(const Target& target, Intent intent);
  [[nodiscard]] std::optional<Answer> judge_health(const Device& device, DeviceCounts& counts,
                                                   Intent intent);
  // The neighbours of messages:send, each in its own file; nothing: the path is none of theirs.
  [[nodiscard]] std::optional<Answer> answer_neighbour(const http2::Request& request,
                                                       const Path& path, SystemTime now);
  [[nodiscard]] Answer manage_topics(const http2::Request& request, const TopicPath& named,
                                     const Path& path, SystemTime now);
  [[nodiscard]] Answer manage_instances(const http2::Request& request, const Path& path,
                                        SystemTime now);
  [[nodiscard]] Answer manage_groups(const http2::Request& request, const Path& path,
                                     SystemTime now);
  [[nodiscard]] Answer report_deliveries(const http2::Request& request, const DeliveryPath& named,
                                         const Path& path, SystemTime now);
  [[nodiscard]] Answer impersonate_account(const http2::Request& request, std::string_view email,
                                           const Path& path, SystemTime now);
  /// Where access tokens are given; nothing: not here.
  [[nodiscard]] std::optional<http2::Response> answer_token_request(const http2::Request& request,
                                                                    const Path& path,
                                                                    SystemTime now);
  [[nodiscard]] std::optional<Answer> check_flat(const http2::Request& request, const Path& path,
                                                 SystemTime now);
  [[nodiscard]] Standing standing_of(std::string_view registration);

  // fan_out.cpp.
  void keep(const Answer& answer, const boost::json::object& message, const Target& target,
            std::string request, SystemTime now);
  [[nodiscard]] std::optional<Reached> fan_out(const Target& target, DeliveryLog::Counts& android);
  void reach(const std::string& registration, Reached& reached, DeliveryLog::Counts& android);
  /// Whether a message gets through to the device; counts it where it is Android.
  bool count_for_android(std::string_view registration, DeliveryLog::Counts& android);
  [[nodiscard]] std::optional<DeviceGroups::Id> group_of(const Target& target) const;

  void count_acceptance(const Target& target);
  void spend_quota(const Answer& answer);
  [[nodiscard]] bool is_in_outage(std::string_view registration) const;
  [[nodiscard]] std::string next_name(const Target& target, std::string_view project,
                                      SystemTime now);
  [[nodiscard]] Answer wait_as_told(Answer answer, SystemTime now) const;
  [[nodiscard]] std::string_view date_of(SystemTime now);

  // /_emulator/ (admin.cpp).
  [[nodiscard]] http2::Response administer(const http2::Request& request, const Path& path);
  [[nodiscard]] http2::Response change_faults(const http2::Request& request);
  [[nodiscard]] http2::Response reset();
  [[nodiscard]] boost::json::object stats() const;
  [[nodiscard]] http2::Response list_devices(const Path& path);
  [[nodiscard]] http2::Response list_messages(const Path& path) const;

  std::string project_;
  std::string project_number_;
  bool any_project_;
  bool require_auth_;
  Faults faults_;
  Random random_;
  DeviceBook devices_;
  std::optional<TokenEndpoint> tokens_;
  std::optional<Identities> identities_;
  Subscriptions subscriptions_;
  DeviceGroups groups_;
  DeliveryLog deliveries_;
  Books books_;
  MessageRing ring_;

  std::uint64_t in_flight_ = 0;
  std::uint64_t connections_ = 0;
  std::uint64_t next_message_ = 0;
  std::optional<SystemTime> window_start_;  // Of the quota.
  std::uint64_t window_spent_ = 0;
  SystemTime date_for_;
  std::string date_;
};

}  // namespace fanfare::emulator
