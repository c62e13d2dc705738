// Keys: who may call the gateway, and Audit: what they changed.
//
// An API key is "ff_<id>_<secret>". The id finds the row, and only a hash of the secret is kept:
// the secret is 32 random bytes, which no list can guess, so SHA-256 is enough (a slow hash is for
// passwords).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "base/time_text.h"
#include "queue/store.h"

namespace fanfare::queue {

/// So many letters and digits at random, five bits each. Throws sqlite::Failure when the system has
/// no random bytes.
[[nodiscard]] std::string random_letters(std::size_t count);

/// What a key may do. Each is asked for by name; there is no order among them.
enum class Scope : std::uint8_t {
  send,       ///< Hand over messages, in any of the forms.
  read,       ///< See messages, campaigns, devices, events, metrics.
  devices,    ///< Register, change, retire and restore devices; topics and groups.
  campaigns,  ///< Create and steer campaigns.
  admin,      ///< Projects, credentials, keys, webhooks, brakes, replay.
};
inline constexpr std::size_t scope_count = 5;
[[nodiscard]] std::string_view to_string(Scope scope) noexcept;
[[nodiscard]] std::optional<Scope> parse_scope(std::string_view text) noexcept;

struct ApiKey {
  std::string id = {};  ///< 12 letters and digits, chosen at random; not secret.
  std::string name = {};
  std::vector<Scope> scopes = {};
  std::vector<std::string> projects = {};  ///< Empty: all.
  std::uint32_t requests_per_second = 0;   ///< 0: no limit.
  SystemTime created{};
  std::optional<SystemTime> expires = {};
  std::optional<SystemTime> revoked = {};
};

/// Whether a key may be bound to these: a name that is empty would bind it to nothing, so that it
/// would be good for all. Error::Kind::usage.
[[nodiscard]] Result<void> check_projects(const std::vector<std::string>& projects);

class Keys {
 public:
  explicit Keys(Store& store) : store_(store) {}

  // Inside a transaction. Makes id, secret and `created`; the returned text is shown once.
  [[nodiscard]] Secret add(ApiKey& key, SystemTime now);
  bool revoke(const std::string& id, SystemTime now);

  [[nodiscard]] std::vector<ApiKey> all();
  /// The key whose secret this is, revoked or expired ones too: the caller looks. Compares in
  /// constant time. nullopt for anything else.
  [[nodiscard]] std::optional<ApiKey> find(std::string_view presented);

 private:
  Store& store_;
};

/// A deed that changed something for others.
struct AuditEntry {
  std::int64_t id = 0;
  SystemTime at{};
  std::string actor;   ///< "key:<id>", "local" (no key was asked for), "command".
  std::string action;  ///< "key.create", "brake.release", …
  std::string project;
  std::string target;       ///< What it was done to; a device by its short hash.
  std::string detail = {};  ///< JSON object; empty: none.
  std::string request_id = {};
};

class Audit {
 public:
  explicit Audit(Store& store) : store_(store) {}
  void add(const AuditEntry& entry);  ///< Inside a transaction.
  [[nodiscard]] std::vector<AuditEntry> behind(std::int64_t after, std::size_t limit);

 private:
  Store& store_;
};

}  // namespace fanfare::queue
