// The token endpoint: takes a service account's signed assertion, gives an access token, and
// knows its own tokens again.
// Source: Google Identity, "Using OAuth 2.0 for server to server applications".
//
// Tokens carry their expiry under a MAC, so nothing is stored, and with the same service account
// they outlive a restart of the emulator.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

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

/// What an access token may be used for, as far as the emulator asks.
struct Scopes {
  bool messaging = false;  ///< firebase.messaging, or cloud-platform, which covers all.
  bool cloud_platform = false;
};

/// Of a list separated by blanks; nothing when it is empty or has one of somebody else's.
[[nodiscard]] std::optional<Scopes> parse_scopes(std::string_view scopes);

/// What a request wants of its access token.
enum class Need : std::uint8_t { messaging, cloud_platform };

/// Google's figure; not the 3,600 of the assertion.
inline constexpr std::chrono::seconds token_life{3'599};

/// Google's own token endpoints, old ones among them. Some libraries sign for one of these and go
/// there whatever their key file says.
inline constexpr std::array<std::string_view, 4> google_token_urls{
    "https://oauth2.googleapis.com/token", "https://www.googleapis.com/oauth2/v4/token",
    "https://www.googleapis.com/oauth2/v3/token", "https://accounts.google.com/o/oauth2/token"};

/// Whether a path is that of the token endpoint, at one of these or here: /token.
[[nodiscard]] bool is_token_path(std::string_view path);

/// The flat bodies of OAuth, which are not google.rpc.
[[nodiscard]] http2::Response oauth_answer(int status, const boost::json::object& body);
[[nodiscard]] http2::Response oauth_refusal(int status, std::string_view error,
                                            std::string_view description);

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
  [[nodiscard]] TokenState judge(std::string_view token, SystemTime now,
                                 Need need = Need::messaging);

  /// A token as `exchange` gives it; absent, it lives as long as those do.
  [[nodiscard]] std::string issue(SystemTime now, Scopes scopes,
                                  std::optional<std::chrono::seconds> life = std::nullopt);

  /// Of the tokens given from now on: how long they live, and about how long their text is.
  void set_life(std::chrono::seconds life) noexcept { life_ = life; }
  void set_chars(std::size_t chars) noexcept {
    chars_ = std::clamp(chars, least_chars, most_chars);
  }
  [[nodiscard]] std::chrono::seconds life() const noexcept { return life_; }

 private:
  struct Impl;
  explicit TokenEndpoint(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  std::chrono::seconds life_ = token_life;
  static constexpr std::size_t least_chars = 84;
  static constexpr std::size_t most_chars = 4'096;
  std::size_t chars_ = 224;
};

}  // namespace fanfare::emulator
