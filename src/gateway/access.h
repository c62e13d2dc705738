// Access: who asks, and how often. Keys are kept in memory, by their id, with the hash of their
// secret: no request reads the store.
//
// On the HTTP thread.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "client/steady_time.h"
#include "gateway/api.h"
#include "http2/exchange.h"
#include "queue/keys.h"

namespace fanfare::gateway {

class Access {
 public:
  /// `require_keys` false: whoever reaches the port may do everything, which is for this machine.
  explicit Access(bool require_keys) : require_keys_(require_keys) {}

  /// Looks a presented key up in the store; remembered until forget_keys().
  using Found = Result<std::optional<queue::ApiKey>>;
  using Find = std::function<Found(std::string_view presented)>;
  void set_find(Find find) { find_ = std::move(find); }
  /// A key was added or revoked.
  void forget_keys() { known_.clear(); }

  /// "Authorization: Bearer ff_…", or "x-api-key: ff_…". 401 without a good key; 429 when the key
  /// asks more often than it may; 503 when nobody knows, since the store can't be read.
  [[nodiscard]] std::expected<Caller, Refusal> admit(const http2::Request& request, SystemTime now,
                                                     client::SteadyTime steady_now);

 private:
  /// One second's worth, filled evenly.
  struct Bucket {
    double tokens = 0;
    client::SteadyTime at{};
  };
  static constexpr std::size_t most_known = 10'000;

  [[nodiscard]] Result<const queue::ApiKey*> find(std::string_view presented);
  [[nodiscard]] bool may_ask_now(const queue::ApiKey& key, client::SteadyTime now);

  bool require_keys_;
  Find find_;
  std::unordered_map<std::string, queue::ApiKey> known_;  // By the hash of what was presented.
  std::unordered_map<std::string, Bucket> buckets_;       // By the key's id.
};

}  // namespace fanfare::gateway
