// Breakers: what of one project is blocked, and when to ask again. `client` says that a scope is
// blocked (client::Hold); this machine remembers it, lets one message through now and then to find
// out, and closes by itself. Meanwhile messages wait in the store within their expiry.
//
//   closed --blocked--> open --its time has come--> probing --anything else--> closed
//                        ^                             |
//                        +----- blocked again: --------+
//                               twice the wait
//
// Scopes: the access token (oauth), the project (API, IAM, project id), a platform's credential
// (APNs or web push key), the service (many failures in a row, nothing accepted between). A message
// that is wrong for everyone has a breaker of its own, payload_breaker.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/verdict.h"

#include "client/retry_loop.h"
#include "client/steady_time.h"

namespace fanfare::gateway {

using client::SteadyTime;

struct BreakerOptions {
  std::chrono::milliseconds first_wait{30'000};  ///< Before the first probe of what is blocked.
  std::chrono::milliseconds longest_wait{300'000};
  std::chrono::milliseconds first_service_wait{10'000};
  std::chrono::milliseconds longest_service_wait{60'000};
  std::uint32_t service_failures = 50;  ///< In a row, all of the service or the network.
};

/// One that is not closed.
struct BreakerState {
  std::string scope;  ///< "oauth", "project", "service", "platform:ios", "platform:" (unknown one).
  bool probing = false;
  SteadyTime since{};
  SteadyTime next_probe{};
  std::uint32_t probes = 0;  ///< That found it still blocked.
  std::string rule;          ///< Of the verdict that opened it, "project.api_disabled".
  int status = 0;            ///< Of that answer.
  std::string remedy;        ///< For people.
};

struct BreakerChange {
  bool opened = false;  ///< Else closed.
  BreakerState state;
};

class Breakers {
 public:
  explicit Breakers(const BreakerOptions& options = {}) : options_(options) {}

  /// A scope is blocked, says the loop.
  void on_hold(const client::Hold& hold, SteadyTime now);
  /// Any attempt came back.
  void on_attempt(const Verdict& verdict, const std::string& platform, SteadyTime now);

  enum class Admission : std::uint8_t { all, one, none };
  /// How many messages of the project may be taken. `one` begins a probe: ask only when it will be
  /// sent; on_attempt, on_hold or no_probe ends it.
  [[nodiscard]] Admission admit(SteadyTime now);
  /// The same for a message of this platform, once the project lets it pass.
  [[nodiscard]] Admission admit_platform(const std::string& platform, SteadyTime now);
  /// There was nothing to probe with.
  void no_probe();
  /// Until when messages of this platform had better wait.
  [[nodiscard]] SteadyTime platform_wait(const std::string& platform, SteadyTime now) const;

  /// A person says that it is mended: asks again at once.
  void ask_now(SteadyTime now);

  /// Whether anything but a platform is blocked, be it probed or not.
  [[nodiscard]] bool blocks() const noexcept;
  /// When admit may let one pass; nullopt: nothing is blocked, or a probe is under way.
  [[nodiscard]] std::optional<SteadyTime> next_probe() const;
  /// Nothing is to be retired on the word of a project in this state.
  [[nodiscard]] bool freezes_retirements() const noexcept;
  [[nodiscard]] std::vector<BreakerState> open() const;
  /// What opened or closed since the last call.
  [[nodiscard]] std::vector<BreakerChange> take_changes();

 private:
  using Scopes = std::map<std::string, BreakerState, std::less<>>;

  void trip(const std::string& scope, const client::Attempt& attempt, SteadyTime now);
  void close(std::string_view scope);
  [[nodiscard]] std::chrono::milliseconds wait_of(const BreakerState& state) const;
  [[nodiscard]] static Admission ask(BreakerState& state, SteadyTime now);

  BreakerOptions options_;
  Scopes open_;
  std::uint32_t service_failures_ = 0;
  std::vector<BreakerChange> changes_;
};

}  // namespace fanfare::gateway
