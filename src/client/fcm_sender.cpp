#include "client/fcm_sender.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "client/token_fetcher.h"
#include "client/token_verdict.h"
#include "client/unsent_attempt.h"
#include "client/user_agent.h"
#include "fcm/rules.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;

// Waking up for each message of a fast campaign would cost more than sending it; the pacer lets
// a late sender catch up.
constexpr std::chrono::nanoseconds shortest_wait = 1ms;

struct Job {
  std::shared_ptr<const fcm::EncodedMessage> message;
  Target target;
  Sender::Handler on_attempt;
  std::uint64_t token_generation = 0;
  bool repeated = false;  // With a fresh token, after a refusal.
};

Answer::Transport transport_of(http2::Ended::How how) {
  switch (how) {
    case http2::Ended::How::answered:
      return Answer::Transport::answered;
    case http2::Ended::How::unsent:
      return Answer::Transport::unsent;
    case http2::Ended::How::unknown:
      return Answer::Transport::unknown;
  }
  return Answer::Transport::unknown;
}

Answer to_answer(http2::Ended ended) {
  Answer answer;
  answer.transport = transport_of(ended.how);
  if (answer.transport == Answer::Transport::answered) {
    answer.status = ended.response.status;
    answer.retry_after = http2::find_header(ended.response.headers, "retry-after");
    answer.body = std::move(ended.response.body);
  } else {
    answer.reason = std::move(ended.reason);
  }
  return answer;
}

}  // namespace

struct FcmSender::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& context, FcmSenderOptions chosen)
      : io(context),
        options(std::move(chosen)),
        timer(context),
        pool(std::make_unique<http2::Pool>(context, options.origin, options.tls, options.pool)) {
    prototype.method = "POST";
    prototype.scheme = options.origin.tls ? "https" : "http";
    prototype.authority = options.origin.authority();
    prototype.path = fmt::format("/v1/projects/{}/messages:send", options.project);
    prototype.headers = {{"content-type", "application/json"},
                         {"x-goog-api-client", std::string(user_agent)},
                         {"user-agent", std::string(user_agent)}};
  }

  boost::asio::io_context& io;
  FcmSenderOptions options;
  boost::asio::steady_timer timer;
  http2::Request prototype;

  // Destroyed in this order by close(): what calls back into us while it ends.
  std::unique_ptr<oauth::TokenSource> tokens;  // Null: requests carry no token.
  std::unique_ptr<TokenFetcher> fetcher;
  std::unique_ptr<http2::Pool> pool;

  std::deque<Job> queue;
  std::uint64_t token_generation = 0;
  std::optional<std::string> latest_warning;  // Told once, and again after it was mended.
  bool token_usable = false;
  bool waiting_for_token = false;
  bool asking_for_token = false;  // In the call: pump goes on itself when the answer comes at once.
  bool waiting_for_turn = false;
  bool pump_posted = false;
  bool closing = false;

  void use_credential() {
    fetcher = std::make_unique<TokenFetcher>(io, options.tls, options.wall_clock);
    tokens = std::make_unique<oauth::TokenSource>(
        options.credential,
        [this](const oauth::Ask& ask, oauth::TokenReplyHandler on_reply) {
          fetcher->fetch(ask, std::move(on_reply));
        },
        oauth::TokenSourceOptions{.scope = options.scope});
    if (!options.quota_project.empty()) {
      prototype.headers.push_back({"x-goog-user-project", options.quota_project});
    }
    prototype.headers.push_back({"authorization", ""});
  }

  void pump_soon() {
    if (pump_posted || closing) return;
    pump_posted = true;
    boost::asio::post(io, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->pump_posted = false;
      self->pump();
    });
  }

  void pump() {
    if (queue.empty() || waiting_for_turn || !has_token()) return;
    while (!queue.empty() && takes_turn()) {
      Job job = std::move(queue.front());
      queue.pop_front();
      submit(std::move(job));
    }
  }

  // False: it is waited for, or can't be had and the queue has been told.
  bool has_token() {
    if (!tokens) return true;
    if (waiting_for_token) return false;
    waiting_for_token = true;
    asking_for_token = true;
    tokens->get(options.wall_clock(), [this](const auto& outcome) { on_token(outcome); });
    asking_for_token = false;
    return !waiting_for_token && token_usable;
  }

  void on_token(const oauth::TokenSource::Outcome& outcome) {
    waiting_for_token = false;
    token_usable = outcome.has_value();
    if (!outcome) {
      fail_queue(outcome.error());
      return;
    }
    if (outcome->generation != token_generation) {
      token_generation = outcome->generation;
      tell_warning();
      prototype.headers.back().value = fmt::format("Bearer {}", outcome->value->reveal());
    }
    if (!asking_for_token) pump_soon();
  }

  void tell_warning() {
    auto now = tokens->warning();
    if (now && now != latest_warning && options.on_warning) options.on_warning(*now);
    latest_warning = std::move(now);
  }

  void fail_queue(const oauth::TokenError& error) {
    if (closing) return;  // close() tells the queue itself.
    const Verdict verdict = verdict_of(error, fetcher->connect_error());
    for (const Job& job : std::exchange(queue, {})) {
      finish(job, {not_sent(error.what), verdict});
    }
  }

  Answer not_sent(std::string reason) const {
    Answer answer;
    answer.transport = Answer::Transport::unsent;
    answer.reason = std::move(reason);
    answer.received_at = options.wall_clock();
    return answer;
  }

  bool takes_turn() {
    if (options.pacer == nullptr) return true;
    const auto wait = options.pacer->reserve(std::chrono::steady_clock::now());
    if (wait <= 0ns) return true;
    waiting_for_turn = true;
    timer.expires_after(std::max(wait, shortest_wait));
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (!self || error) return;
      self->waiting_for_turn = false;
      self->pump();
    });
    return false;
  }

  void submit(Job job) {
    http2::Request request = prototype;
    if (options.call) {
      options.call->fill(options.project, job.target, request);
    } else {
      job.message->append_body(job.target, request.body);
    }
    job.token_generation = token_generation;
    pool->send(std::move(request), [this, job = std::move(job)](http2::Ended ended) mutable {
      on_ended(std::move(job), std::move(ended));
    });
  }

  void on_ended(Job job, http2::Ended ended) {
    std::string date;
    if (options.call) date = http2::find_header(ended.response.headers, "date");
    Answer answer = to_answer(std::move(ended));
    answer.date = std::move(date);
    answer.received_at = options.wall_clock();
    Verdict verdict = options.call ? options.call->judge(answer, job.target.kind)
                                   : judge(answer, job.target.kind);
    if (verdict.kind == VerdictKind::credential_stale) {
      if (tokens && !job.repeated && !closing) {
        repeat_with_fresh_token(std::move(job));
        return;
      }
      verdict = refused_for_good(verdict, tokens != nullptr);
    } else if (verdict.kind == VerdictKind::unsent && could_not_trust(answer.reason)) {
      verdict = untrusted(*pool->connect_error());
    } else if (verdict.kind == VerdictKind::throttled_project && options.pacer != nullptr) {
      options.pacer->on_throttled(std::chrono::steady_clock::now());
    }
    finish(job, {std::move(answer), std::move(verdict)});
  }

  // The pool gives the failure to connect as the reason; others have their own (a refused stream).
  bool could_not_trust(const std::string& reason) const {
    return !closing && is_untrusted(pool->connect_error()) && reason == pool->connect_error()->what;
  }

  void repeat_with_fresh_token(Job job) {
    tokens->reject(job.token_generation, options.wall_clock());
    job.repeated = true;
    queue.push_front(std::move(job));
    pump_soon();
  }

  static void finish(const Job& job, Attempt attempt) { job.on_attempt(std::move(attempt)); }

  void close() {
    closing = true;
    timer.cancel();
    tokens.reset();
    fetcher.reset();
    pool.reset();
    for (const Job& job : std::exchange(queue, {})) {
      finish(job, unsent_attempt(job.target, "the sender was closed"));
    }
  }
};

Result<std::unique_ptr<FcmSender>> FcmSender::open(boost::asio::io_context& io,
                                                   FcmSenderOptions options) {
  if (options.origin.tls && !options.tls) {
    return fail(Error::Kind::usage, fmt::format("{} is reached by https, but TLS was not set up",
                                                options.origin.authority()));
  }
  auto impl = std::make_shared<Impl>(io, std::move(options));
  if (impl->options.credential) impl->use_credential();
  return std::unique_ptr<FcmSender>(new FcmSender(std::move(impl)));
}

FcmSender::FcmSender(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

FcmSender::~FcmSender() {
  impl_->close();
}

void FcmSender::send(std::shared_ptr<const fcm::EncodedMessage> message, const Target& target,
                     Handler on_attempt) {
  impl_->queue.push_back({std::move(message), target, std::move(on_attempt)});
  impl_->pump_soon();
}

}  // namespace fanfare::client
