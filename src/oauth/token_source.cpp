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

std::expected<AccessToken, TokenError> read_reply(const TokenReply& reply, SystemTime asked_at) {
  if (reply.answered) return parse_token_answer(reply.status, reply.body, asked_at);
  return std::unexpected(
      TokenError{TokenFault::network,
                 fmt::format("the token endpoint can't be reached: {}", reply.reason), ""});
}

}  // namespace

struct TokenSource::Impl : std::enable_shared_from_this<Impl> {
  std::unique_ptr<Credential> credential;
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
    auto request = credential->make_request(now);
    if (!request) {
      on_failure({TokenFault::configuration, request.error().what, request.error().remedy},
                 seconds(0), now);
      return;
    }
    fetch(*std::move(request), [weak = weak_from_this(), now](const TokenReply& reply) {
      if (const auto self = weak.lock()) self->on_reply(reply, now);
    });
  }

  void on_reply(const TokenReply& reply, SystemTime asked_at) {
    auto answer = read_reply(reply, asked_at);
    if (!answer) {
      on_failure(std::move(answer).error(), parse_retry_after(reply.retry_after, reply.received_at),
                 reply.received_at);
      return;
    }
    const auto lifetime = answer->expires_at - asked_at;
    token = Token{std::make_shared<const Secret>(std::move(answer->value)), ++generation};
    expires_at = answer->expires_at;
    refresh_at = expires_at - std::min<SystemTime::duration>(options.refresh_before, lifetime / 10);
    failure.reset();
    failures_in_a_row = 0;
    finish_fetch(*token);
  }

  void on_failure(TokenError error, seconds asked_pause, SystemTime now) {
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

TokenSource::TokenSource(std::unique_ptr<Credential> credential, FetchToken fetch,
                         TokenSourceOptions options)
    : impl_(std::make_shared<Impl>()) {
  impl_->credential = std::move(credential);
  impl_->fetch = std::move(fetch);
  impl_->options = options;
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

}  // namespace fanfare::oauth
