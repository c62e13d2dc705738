#include "oauth/token_source.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace fanfare::oauth {
namespace {

using std::chrono::seconds;

// Delay-seconds or a date (RFC 9110, 10.2.3); zero when absent or unreadable.
seconds parse_retry_after(const std::string& text, SystemTime now) {
  std::uint32_t count = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error == std::errc{} && rest == end) return seconds(count);
  const auto date = parse_http_date(text, now);
  if (!date) return seconds(0);
  return std::max(seconds(0), std::chrono::ceil<seconds>(*date - now));
}

}  // namespace

struct TokenSource::Impl : std::enable_shared_from_this<Impl> {
  std::shared_ptr<Credential> credential;
  FetchToken fetch;
  TokenSourceOptions options;

  std::optional<Token> token;
  SystemTime refresh_at{};
  SystemTime expires_at{};
  std::uint64_t generation = 0;

  bool fetching = false;
  std::vector<Callback> waiters;

  std::optional<TokenError> failure;
  SystemTime failed_at{};
  seconds pause{0};
  int failures_in_a_row = 0;

  // A clock that was set back must not stretch the pause, hence the first comparison.
  [[nodiscard]] bool pausing(SystemTime now) const {
    return failure && now >= failed_at && now < failed_at + pause;
  }

  void start_fetch(SystemTime now) {
    fetching = true;
    advance(credential->begin(now, options.scope), now, now, seconds(0));
  }

  // `begun_at` is when the first step was taken, `now` when this progress was made.
  void advance(Progress progress, SystemTime begun_at, SystemTime now, seconds asked_pause) {
    if (auto* error = std::get_if<TokenError>(&progress.state)) {
      on_failure(std::move(*error), asked_pause, now);
    } else if (auto* got = std::get_if<AccessToken>(&progress.state)) {
      on_token(std::move(*got), begun_at);
    } else {
      take_step(std::move(std::get<Step>(progress.state)), begun_at);
    }
  }

  void take_step(Step step, SystemTime begun_at) {
    fetch(std::move(step.ask), [weak = weak_from_this(), then = std::move(step.then),
                                begun_at](const TokenReply& reply) {
      const auto self = weak.lock();
      if (!self) return;
      self->advance(then(reply), begun_at, reply.received_at,
                    parse_retry_after(reply.retry_after, reply.received_at));
    });
  }

  void on_token(AccessToken got, SystemTime begun_at) {
    const auto lifetime = got.expires_at - begun_at;
    token = Token{std::make_shared<const Secret>(std::move(got.value)), ++generation};
    expires_at = got.expires_at;
    refresh_at = expires_at - std::min<SystemTime::duration>(options.refresh_before, lifetime / 10);
    failure.reset();
    failures_in_a_row = 0;
    finish_fetch(*token);
  }

  void on_failure(TokenError error, seconds asked_pause, SystemTime now) {
    // An old key refused, and a new one unusable: the second is the cause that can be mended.
    if (const auto warning = credential->warning()) error.what += fmt::format("; {}", *warning);
    if (is_passing(error.fault)) {
      const auto doubled = options.first_pause * (1 << std::min(failures_in_a_row, 16));
      pause = std::max(std::min(doubled, options.max_pause), asked_pause);
    } else {
      pause = std::max(options.fault_pause, asked_pause);
    }
    ++failures_in_a_row;
    failed_at = now;
    failure = std::move(error);
    finish_fetch(std::unexpected(*failure));
  }

  // The callbacks may call back into us or destroy us: touch nothing behind them.
  void finish_fetch(const Outcome& outcome) {
    fetching = false;
    const auto keep_alive = shared_from_this();
    for (const auto& waiter : std::exchange(waiters, {})) waiter(outcome);
  }
};

TokenSource::TokenSource(std::shared_ptr<Credential> credential, FetchToken fetch,
                         TokenSourceOptions options)
    : impl_(std::make_shared<Impl>()) {
  impl_->credential = std::move(credential);
  impl_->fetch = std::move(fetch);
  impl_->options = std::move(options);
}

TokenSource::~TokenSource() {
  const Outcome ended = std::unexpected(
      TokenError{TokenFault::network, "the wait for an access token was ended", ""});
  for (const auto& waiter : std::exchange(impl_->waiters, {})) waiter(ended);
}

void TokenSource::get(SystemTime now, Callback callback) {
  const auto impl = impl_;  // A callback may destroy us.
  if (impl->token && now < impl->expires_at) {
    const Outcome current = *impl->token;
    if (now >= impl->refresh_at && !impl->fetching && !impl->pausing(now)) impl->start_fetch(now);
    callback(current);
    return;
  }
  if (!impl->fetching && impl->pausing(now)) {
    callback(std::unexpected(*impl->failure));
    return;
  }
  impl->waiters.push_back(std::move(callback));
  if (!impl->fetching) impl->start_fetch(now);
}

void TokenSource::reject(std::uint64_t generation, SystemTime now) {
  const auto impl = impl_;
  if (!impl->token || impl->token->generation != generation) return;
  impl->token.reset();
  if (!impl->fetching) impl->start_fetch(now);
}

const std::optional<TokenError>& TokenSource::latest_failure() const noexcept {
  return impl_->failure;
}

std::optional<std::string> TokenSource::warning() const {
  return impl_->credential->warning();
}

}  // namespace fanfare::oauth
