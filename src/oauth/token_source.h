// TokenSource: the current access token, fetched when needed, by one fetch at a time however many
// ask. A machine: it has no socket (it is given a fetch function) and no clock (time is an
// argument), and acts only when it is called. One fetch is all the steps of its credential.
//
//   none --get--> fetching --token--> valid --little time left, get--> valid + fetching
//    ^               |                  |                                   |
//    |               +--failure--> pausing (get fails at once until the     +--token--> valid
//    |                             pause is over, then fetches again)       +--failure--> valid,
//    +------------- reject, expiry ----+                                        tries again later
//
// Each token has a generation. A request refused with 401 names the generation it used: only the
// first refusal of the current one asks for another, so a thousand refusals make one fetch.
//
// Lives on one thread, as do its callbacks. They may call it again, and may destroy it.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/secret.h"
#include "base/time_text.h"
#include "oauth/credential.h"
#include "oauth/scope.h"
#include "oauth/token_answer.h"

namespace fanfare::oauth {

using TokenReplyHandler = std::function<void(TokenReply)>;
/// Performs one ask; calls the handler exactly once, at once or later, on the same thread.
using FetchToken = std::function<void(Ask, TokenReplyHandler)>;

/// A token as it is handed out; cheap to copy.
struct Token {
  std::shared_ptr<const Secret> value;
  std::uint64_t generation = 0;  ///< For reject(); never 0.
};

struct TokenSourceOptions {
  std::string scope{messaging_scope};  ///< What the tokens must be good for.
  /// Refresh when this much remains, or a tenth of the lifetime if that is less.
  std::chrono::seconds refresh_before{300};
  std::chrono::seconds first_pause{1};   ///< After a failure that passes; doubles each time.
  std::chrono::seconds max_pause{60};    ///< Unless the endpoint asks for more (Retry-After).
  std::chrono::seconds fault_pause{30};  ///< After a failure that a person must mend.
};

class TokenSource {
 public:
  using Outcome = std::expected<Token, TokenError>;
  using Callback = std::function<void(const Outcome&)>;

  TokenSource(std::shared_ptr<Credential> credential, FetchToken fetch,
              TokenSourceOptions options = {});
  /// Callbacks that still wait are called with a network fault; these must not call it again.
  ~TokenSource();
  TokenSource(const TokenSource&) = delete;
  TokenSource& operator=(const TokenSource&) = delete;

  /// Calls back exactly once: at once with a token that is valid at `now` (starting a refresh when
  /// it is due) or with the latest failure while its pause lasts; else after the fetch.
  void get(SystemTime now, Callback callback);

  /// This token was refused. When it is still the current one it is dropped and one fetch starts,
  /// without regard to a pause; otherwise nothing happens.
  void reject(std::uint64_t generation, SystemTime now);

  /// Why the latest fetch failed; nullopt after one succeeded. The way to learn of trouble while
  /// the old token still serves.
  [[nodiscard]] const std::optional<TokenError>& latest_failure() const noexcept;

  /// What the credential wants a person to know although it works.
  [[nodiscard]] std::optional<std::string> warning() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace fanfare::oauth
