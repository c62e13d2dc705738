// Settings: the gateway's configuration file (TOML) and what the environment overrides, as values.
// docs/gateway.md has the table of keys; deploy/gateway.toml is an example of all.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/client.h"
#include "fanfare/result.h"

namespace fanfare::gateway {

struct Settings {
  // [serve]
  std::string listen = "127.0.0.1:8200";  ///< HOST:PORT; port 0: any free one.
  std::string tls_certificate = {};       ///< PEM file with the chain; with tls_key.
  std::string tls_key = {};
  std::string tls_client_ca = {};  ///< PEM file: only clients with a certificate of these (mTLS).
  /// "auto": plaintext is taken from this machine only, and with tls_client_ca not at all.
  std::string require_tls = "auto";
  /// "auto": keys are asked for unless only this machine can reach the port.
  std::string require_keys = "auto";
  std::uint64_t max_connections = 1'000;
  std::uint64_t max_body_bytes = 4U << 20;
  std::uint64_t max_buffered_bytes = 256U << 20;
  std::chrono::seconds stop_deadline{30};
  std::string log_level = "info";
  // [queue]
  std::chrono::seconds retention{std::chrono::hours(24 * 7)};  ///< Of what has ended, and events.
  std::chrono::seconds idempotency_retention{std::chrono::hours(24)};
  std::chrono::seconds default_expiry{std::chrono::hours(24 * 28)};
  std::uint64_t max_waiting = 10'000'000;
  std::uint64_t min_free_bytes = 256U << 20;
  ClientOptions fcm = {};  ///< [fcm]: of a project, for what it does not say itself.
  std::vector<ClientOptions> projects = {};  ///< Each [[project]], with that.
  // [breakers]
  std::chrono::seconds breaker_first_wait{30};
  std::chrono::seconds breaker_longest_wait{300};
  // [webhooks]
  bool webhooks_allow_plain_http = false;
  std::string webhooks_ca_file = {};
};

/// A variable of the environment; nullopt: it is not set.
using GetVariable = std::function<std::optional<std::string>(const std::string&)>;

/// Reads the file's text. Every key may be overridden by FANFARE_SERVE_<SECTION>_<KEY>, those of
/// [serve] by FANFARE_SERVE_<KEY>. Error::Kind::input with file, line and key, all faults at once.
/// `defaults` are the options of each project for what neither [fcm] nor it says.
[[nodiscard]] Result<Settings> read_settings(std::string_view toml, std::string_view path,
                                             const ClientOptions& defaults,
                                             const GetVariable& variable);

/// "listen = 127.0.0.1:8200", one a line; no secret is among them.
[[nodiscard]] std::string describe(const Settings& settings);

/// HOST:PORT taken apart; IPv6 in brackets.
[[nodiscard]] Result<std::pair<std::string, std::uint16_t>> parse_listen(std::string_view listen);
/// Whether only this machine can reach it.
[[nodiscard]] bool is_loopback(std::string_view host) noexcept;

}  // namespace fanfare::gateway
