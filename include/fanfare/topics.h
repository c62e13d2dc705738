// fanfare::Topics: subscribe registrations to topics, unsubscribe them, list what they have.
//
//   auto topics = fanfare::Topics::open({.credentials_file = "key.json"});
//   auto outcome = topics->subscribe("news", {TargetKind::token, "…"});
//   if (outcome.verdict.action == Action::retire_device) …   // It is dead here, too.
//
// FCM has two APIs for it. The v1 API (since 2026-09) takes one registration a request, FIDs
// included, and speaks of faults as messages:send does. The older Instance ID API takes 1,000
// tokens a request; Google calls it deprecated.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/api_data.h"
#include "fanfare/client.h"
#include "fanfare/result.h"
#include "fanfare/target.h"

namespace fanfare {

/// Which of FCM's APIs is asked.
enum class TopicApi : std::uint8_t {
  v1,           ///< One registration a request, many requests at once.
  instance_id,  ///< 1,000 registration tokens a request; no FIDs.
};

/// Not from two threads at once. Retries, holds and pace are those of a Client; FCM takes 3,000
/// changes a second for a project, and no more are asked for.
class Topics {
 public:
  /// `options.endpoint` is that of the chosen API. Errors as of Client::open.
  [[nodiscard]] static Result<Topics> open(const ClientOptions& options,
                                           TopicApi api = TopicApi::v1);
  Topics(Topics&&) noexcept;             ///< What was moved from may only be destroyed.
  Topics& operator=(Topics&&) noexcept;  ///< The same.
  ~Topics();

  /// Asked for a registration when there is room; nullopt: there are no more.
  using Next = std::function<std::optional<Target>()>;
  /// Called once for each registration, in the order in which the ends are known.
  using OnOutcome = std::function<void(const Outcome&)>;

  /// Subscribes every registration of a stream, in constant memory; both are called on this
  /// thread. A registration that was subscribed before counts as accepted.
  void subscribe_each(const std::string& topic, const Next& next, const OnOutcome& on_outcome);
  /// The same for unsubscribing; a registration that was not subscribed counts as accepted.
  void unsubscribe_each(const std::string& topic, const Next& next, const OnOutcome& on_outcome);

  /// One registration.
  [[nodiscard]] Outcome subscribe(const std::string& topic, const Target& registration);
  /// One registration.
  [[nodiscard]] Outcome unsubscribe(const std::string& topic, const Target& registration);

  /// All topics of a registration, or why they are not known.
  [[nodiscard]] Reply<std::vector<Subscription>> list(const Target& registration);

  /// About the credentials, for people.
  [[nodiscard]] const std::vector<std::string>& warnings() const noexcept;

 private:
  struct Impl;
  explicit Topics(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare
