// World: everything the emulator knows and decides, without a socket or a clock. A request and
// the time go in, what must be done comes out.
//
// Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "base/time_text.h"
#include "emulator/answers.h"
#include "emulator/books.h"
#include "emulator/deliveries.h"
#include "emulator/devices.h"
#include "emulator/fault_plan.h"
#include "emulator/groups.h"
#include "emulator/identities.h"
#include "emulator/journal.h"
#include "emulator/oauth.h"
#include "emulator/phones.h"
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
  std::size_t kept_messages = 10'000;
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
  std::optional<http2::Mishap> mishap = {};   ///< How the answer fails on its way.
  std::optional<std::uint32_t> streams = {};  ///< From now on so many at once on this connection.
  /// Above zero: what was asked for is not there yet. Ask again when something has changed, and
  /// when so much time has passed take what there is.
  std::chrono::milliseconds patience{0};
};

class World {
 public:
  explicit World(WorldOptions options);

  /// A request to /_emulator/, which is answered at once and counted nowhere.
  [[nodiscard]] static bool is_administrative(const http2::Request& request);

  /// How long one of the other requests must wait before it is processed.
  [[nodiscard]] std::chrono::milliseconds delay_of(const http2::Request& request, SystemTime now);

  /// Processes a request. `now` may not go backwards by more than a minute, or quota windows
  /// stretch.
  [[nodiscard]] Plan answer(http2::Request request, SystemTime now);

  /// Grows whenever something happens that a patient request may have waited for.
  [[nodiscard]] std::uint64_t changes() const noexcept { return journal_.changes(); }

  /// A request has arrived (there are now `connections`); it was answered; it can't be any more.
  void arrived(std::size_t connections);
  void answered();
  void lost();

  [[nodiscard]] const Books& books() const noexcept { return books_; }
  [[nodiscard]] const Faults& faults() const noexcept { return plan_.settings(); }
  [[nodiscard]] DeviceBook& devices() noexcept { return devices_; }

 private:
  struct Path;

  [[nodiscard]] static Path split(std::string_view path);

  /// The clock of devices and quotas, which a test may set ahead.
  [[nodiscard]] SystemTime device_time(SystemTime now) const { return now + ahead_; }

  [[nodiscard]] Plan finish(const Answer& answer, const Path& path, SystemTime now);

  /// As the settings say.
  void shape_tokens();

  /// Begins the note of a request; finish_note says how it ended, and gives the answer's kind.
  void begin_note(const http2::Request& request, std::string_view path, SystemTime now);
  const std::string& finish_note(std::string_view plane, const Answer& answer);

  // messages:send, step by step; each step may end it (send.cpp).
  [[nodiscard]] Answer send(http2::Request& request, const Path& path, SystemTime now);
  /// The answer of a fault that strikes at the step.
  [[nodiscard]] std::optional<Answer> fail_at(Step step, const Path& path, SystemTime now);
  [[nodiscard]] Answer answer_of(Fault fault, const Path& path, SystemTime now);
  [[nodiscard]] std::optional<Answer> check_front_end(const Path& path, SystemTime now);
  [[nodiscard]] std::optional<Answer> check_bearer(const http2::Request& request, const Path& path,
                                                   SystemTime now, Need need = Need::messaging);
  [[nodiscard]] std::optional<Answer> check_project(std::string_view project, const Path& path,
                                                    SystemTime now);
  [[nodiscard]] std::optional<Answer> check_service(const Path& path, SystemTime now);
  /// Whose quota a message counts against.
  [[nodiscard]] std::string quota_owner(const Path& path) const;
  [[nodiscard]] std::optional<Answer> check_quota(const Path& path, SystemTime now);
  [[nodiscard]] Answer judge_body(http2::Request& request, const Path& path, SystemTime now);
  [[nodiscard]] std::optional<Answer> check_payload(const boost::json::object& message,
                                                    Intent intent, const Path& path,
                                                    SystemTime now);
  /// Faults of any step, when they are meant for this subject only.
  [[nodiscard]] std::optional<Answer> check_aim(const Subject& subject, const Path& path,
                                                SystemTime now);
  [[nodiscard]] Answer deliver(const Target& target, Intent intent, const Path& path,
                               SystemTime now);
  [[nodiscard]] std::optional<Answer> judge_device(const Target& target, Intent intent,
                                                   const Path& path, SystemTime now);
  [[nodiscard]] std::optional<Answer> judge_health(const Device& device, DeviceCounts& counts,
                                                   Intent intent);
  [[nodiscard]] std::optional<Answer> judge_phone(const Target& target, const Device& device,
                                                  SystemTime now);
  [[nodiscard]] std::optional<Answer> check_fan_outs(const Target& target, SystemTime now);
  [[nodiscard]] Subject subject_of(const Target& target);
  [[nodiscard]] Answer spoil(Answer answer, const Path& path, SystemTime now);
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
  [[nodiscard]] static bool is_token_request(const http2::Request& request);
  [[nodiscard]] bool may_subscribe(SystemTime now);
  [[nodiscard]] Standing standing_of(std::string_view registration);

  // fan_out.cpp.
  void hand_over(std::string_view registration, const boost::json::object& message,
                 DeliveryLog::Counts& android, SystemTime present);
  void forget_after_last(Phone& phone, const Device& device);
  void keep(const Answer& answer, const boost::json::object& message, const Target& target,
            std::string_view request, SystemTime now);
  [[nodiscard]] std::optional<Reached> fan_out(const Target& target, DeliveryLog::Counts& android);
  void reach(const std::string& registration, Reached& reached, DeliveryLog::Counts& android);
  /// Whether a message gets through to the device; counts it where it is Android.
  bool count_for_android(std::string_view registration, DeliveryLog::Counts& android);
  [[nodiscard]] std::optional<DeviceGroups::Id> group_of(const Target& target) const;

  void count_acceptance(const Target& target);
  [[nodiscard]] std::string next_name(const Target& target, std::string_view project, Intent intent,
                                      SystemTime now);
  [[nodiscard]] Answer wait_as_told(Answer answer, SystemTime now) const;
  [[nodiscard]] Settle settle_at(SystemTime present);
  [[nodiscard]] const CommonHeaders& common_headers(SystemTime now);

  // /_emulator/ (admin.cpp).
  [[nodiscard]] Plan administer(const http2::Request& request, const Path& path, SystemTime now);
  /// A GET.
  [[nodiscard]] Plan tell(std::string_view what, const Path& path, SystemTime now);
  [[nodiscard]] http2::Response change_faults(const http2::Request& request);
  [[nodiscard]] http2::Response reset();
  [[nodiscard]] boost::json::object stats(SystemTime now) const;
  [[nodiscard]] http2::Response list_devices(const Path& path);
  [[nodiscard]] http2::Response list_messages(const Path& path) const;

  // What the phones got (admin_phones.cpp).
  [[nodiscard]] http2::Response list_phones(const Path& path);
  [[nodiscard]] Plan list_inbox(const Path& path, SystemTime now);
  [[nodiscard]] Plan list_changes(const Path& path, SystemTime now);
  [[nodiscard]] http2::Response list_requests(const Path& path) const;
  [[nodiscard]] http2::Response set_clock(const http2::Request& request, SystemTime now);
  [[nodiscard]] http2::Response register_device(const http2::Request& request, SystemTime now);
  [[nodiscard]] http2::Response act_on_device(const http2::Request& request, std::string_view place,
                                              SystemTime now);
  [[nodiscard]] http2::Response replace_device(const Device& device,
                                               const std::string& registration, bool by_fid);
  struct RecentActivity;
  [[nodiscard]] RecentActivity recent_activity();
  [[nodiscard]] boost::json::object describe_phone(const std::string& registration,
                                                   const RecentActivity& recent);
  [[nodiscard]] boost::json::object describe_delivery(const Delivery& delivery);
  /// Its owner; empty when nobody said.
  [[nodiscard]] std::string user_of(std::string_view registration);

  std::string project_;
  std::string project_number_;
  bool any_project_;
  bool require_auth_;
  FaultPlan plan_;
  DeviceBook devices_;
  Phones phones_;
  std::optional<TokenEndpoint> tokens_;
  std::optional<Identities> identities_;
  Subscriptions subscriptions_;
  DeviceGroups groups_;
  DeliveryLog deliveries_;
  Books books_;
  Journal journal_;
  RequestNote* note_ = nullptr;  ///< Of the request at hand.

  std::uint64_t in_flight_ = 0;
  std::uint64_t connections_ = 0;
  std::uint64_t next_message_ = 0;
  std::chrono::seconds ahead_{0};
  std::uint64_t faults_changed_ = 0;  // In the journal's count.
  std::uint64_t phones_changed_ = 0;  // The same.
  Random names_;                      // Of registrations made here.
  OfProject<QuotaWindow> quota_windows_;
  Rate rate_;                        // Of all requests.
  QuotaUse quota_use_;               // Of those that FCM counts.
  std::deque<SystemTime> fan_outs_;  // When those under way end.
  Window subscribing_;
  SystemTime common_for_;
  std::optional<CommonHeaders> common_;
};

}  // namespace fanfare::emulator
