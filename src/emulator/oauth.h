// The token endpoint: takes a service account's signed assertion, gives an access token, and
// knows its own tokens again.
// Source: Google Identity, "Using OAuth 2.0 for server to server applications".
//
// Tokens carry their expiry under a MAC, so nothing is stored, and with the same service account
// they outlive a restart of the emulator.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

#include "base/secret.h"
#include "base/time_text.h"
#include "emulator/faults.h"
#include "http2/exchange.h"

namespace fanfare::emulator {

/// The one account that may ask for tokens.
struct ServiceAccount {
  std::string client_email;
  Secret private_key_pem;  ///< RSA; PKCS #8.
};

/// A fresh RSA-2048 key as PKCS #8 PEM. Takes a tenth of a second or more.
[[nodiscard]] Result<Secret> make_rsa_key();

enum class TokenState : std::uint8_t { good, missing, invalid, expired, scope_insufficient };

class TokenEndpoint {
 public:
  /// `audiences` are the aud claims taken, the endpoint's own URL first. Error::Kind::input when
  /// the account's key is not an RSA key in PEM.
  [[nodiscard]] static Result<TokenEndpoint> make(const ServiceAccount& account,
                                                  std::vector<std::string> audiences);
  TokenEndpoint(TokenEndpoint&&) noexcept;
  TokenEndpoint& operator=(TokenEndpoint&&) noexcept;
  ~TokenEndpoint();

  /// Answers POST /token; `form` is the request's body.
  [[nodiscard]] http2::Response exchange(std::string_view form, SystemTime now, Fault fault);

  /// What an access token, without "Bearer ", is worth.
  [[nodiscard]] TokenState judge(std::string_view token, SystemTime now);

  /// A token as `exchange` gives it; `may_send` is whether its scopes cover messaging.
  [[nodiscard]] std::string issue(SystemTime now, bool may_send);

 private:
  struct Impl;
  explicit TokenEndpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::emulator
