// Credential: what access tokens are asked for with, as a sequence of steps.
//
// Some kinds need one request (a key's assertion), others several (read a file, exchange it,
// impersonate). Each begins somewhere and then is told what came back, until there is a token:
//
//   begin --> Step --ask performed, reply fed to `then`--> Step --> ... --> AccessToken
//                                                                  or TokenError, at any point
//
// Whoever drives it performs the asks; nothing here knows a socket or starts a process.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/secret.h"
#include "base/time_text.h"
#include "oauth/scope.h"
#include "oauth/service_account.h"
#include "oauth/token_answer.h"

namespace fanfare::oauth {

struct RequestHeader {
  std::string name;  ///< Lower case.
  Secret value;
};

/// One HTTP request. The URL is https, or http to this machine or a metadata server: whoever makes
/// a request has seen to that.
struct TokenRequest {
  std::string url;
  Secret body;
  std::string method = "POST";
  std::vector<RequestHeader> headers;
};

/// A POST of a form.
[[nodiscard]] TokenRequest form_request(std::string url, Secret form);

/// One run of a program, without a shell, whose standard output is the answer.
struct CommandRequest {
  std::vector<std::string> argv;  ///< Never empty; the first is searched for in PATH.
  std::vector<std::pair<std::string, std::string>> environment;  ///< On top of this process's.
  std::chrono::milliseconds timeout{30'000};                     ///< Then it is killed.
};

using Ask = std::variant<TokenRequest, CommandRequest>;

/// What came back for one Ask.
struct TokenReply {
  bool answered = false;             ///< A whole answer arrived; the program ended by itself.
  int status = 0;                    ///< When answered: HTTP's, or the exit status.
  std::string body;                  ///< When answered: or the standard output.
  std::string retry_after;           ///< The Retry-After header; empty: absent.
  std::string reason;                ///< When not answered: the transport's words, for people.
  SystemTime received_at{};          ///< When this became known.
  std::string metadata_flavor = {};  ///< The Metadata-Flavor header; empty: absent.
};

struct Progress;

struct Step {
  Ask ask;
  std::function<Progress(const TokenReply&)> then;  ///< Called once, when the ask was performed.
};

struct Progress {
  std::variant<AccessToken, TokenError, Step> state;
};

/// Continues with `use` once `progress` comes to a token; a failure stays what it is.
[[nodiscard]] Progress with_token(Progress progress, SystemTime now,
                                  std::function<Progress(const AccessToken&, SystemTime)> use);

/// A token or a failure, as Progress.
[[nodiscard]] Progress ended(std::expected<AccessToken, TokenError> answer);
/// A failure by the transport; `place` is what was asked, as in "the token endpoint".
[[nodiscard]] Progress unreachable(std::string_view place, const TokenReply& reply);

/// Shared by all lanes of a project: both members may be called from any thread.
class Credential {
 public:
  /// Starts on a token for `scope`, as of `now`. Sequences do not know of each other.
  [[nodiscard]] virtual Progress begin(SystemTime now, std::string_view scope) = 0;

  /// What a person should know although it still works, such as a new key file that can't be
  /// used; nullopt when all is well.
  [[nodiscard]] virtual std::optional<std::string> warning() const { return std::nullopt; }
  virtual ~Credential() = default;
};

class ServiceAccountCredential final : public Credential {
 public:
  explicit ServiceAccountCredential(ServiceAccount account) : account_(std::move(account)) {}
  [[nodiscard]] Progress begin(SystemTime now, std::string_view scope) override;

 private:
  ServiceAccount account_;
};

}  // namespace fanfare::oauth
