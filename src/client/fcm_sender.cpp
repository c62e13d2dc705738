#include "client/fcm_sender.h"

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <fmt/format.h>

#include "base/prefetch.h"
#include "client/token_fetcher.h"
#include "client/token_verdict.h"
#include "client/unsent_attempt.h"
#include "client/user_agent.h"
#include "fcm/judge.h"
#include "fcm/rules.h"

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;

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

// Takes the words of `ended`, and leaves it the memory of the answer's.
void take_answer(http2::Ended& ended, Answer& answer) {
  answer.transport = transport_of(ended.how);
  answer.status = ended.response.status;
  answer.body.swap(ended.response.body);
  if (ended.how == http2::Ended::How::answered) {
    answer.reason.clear();
  } else {
    answer.reason.swap(ended.reason);
  }
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
    head = std::make_shared<const http2::RequestHead>(prototype);
  }

  // One delivery on its way through the sender; used again for the next.
  struct Job final : http2::Call {
    explicit Job(Impl& sender) : owner(sender) {}
    void on_ended(http2::Ended& ended) override { owner.on_ended(*this, ended); }
    void ends_soon() const noexcept override { prefetch(delivery.get(), sizeof(Delivery)); }

    Impl& owner;
    DeliveryPtr delivery;
    SteadyTime submitted_at{};
    std::string bytes;  // Of the body: what had to be escaped, or all of another API's.
    std::uint64_t token_generation = 0;
    bool repeated = false;  // With a fresh token, after a refusal.
  };

  boost::asio::io_context& io;
  FcmSenderOptions options;
  boost::asio::steady_timer timer;
  http2::RequestHead prototype;
  http2::SharedHead head;  // The prototype, as the pool takes it.

  // Destroyed in this order by close(): what calls back into us while it ends.
  std::unique_ptr<oauth::TokenSource> tokens;  // Null: requests carry no token.
  std::unique_ptr<TokenFetcher> fetcher;
  std::unique_ptr<http2::Pool> pool;

  std::deque<Job> jobs;              // All there ever were; a job stays where it is.
  boost::intrusive::list<Job> idle;  // Those without a delivery.
  using Queue = boost::intrusive::list<Job>;
  std::array<Queue, priority_count> queues;  // Those that wait for a token or their turn.

  // The latencies of the pool's present turn, told to the budget at the next.
  SteadyTime turn{};
  SystemTime turn_by_wall_clock{};
  std::uint64_t answers = 0;
  std::chrono::nanoseconds latency{0};       // Of all of them together.
  std::chrono::nanoseconds mean_latency{0};  // In the latest turn that is over.
  std::size_t answers_since_rest = 0;
  std::shared_ptr<const http2::Headers> no_retry_after;  // The latest without that field.

  std::uint64_t token_generation = 0;
  std::optional<std::string> latest_warning;  // Told once, and again after it was mended.
  bool token_usable = false;
  bool waiting_for_token = false;
  bool asking_for_token = false;  // In the call: pump goes on itself when the answer comes at once.
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
    if (nobody_waits() || !has_token()) return;
    const auto forever = std::chrono::nanoseconds::max();
    std::chrono::nanoseconds wait = forever;
    for (Queue& queue : queues) wait = std::min(wait, drain(queue));
    if (wait != forever) wait_for_turn(wait);
  }

  bool nobody_waits() const { return std::ranges::all_of(queues, &Queue::empty); }

  Queue& queue_of(const Delivery& delivery) {
    return queues.at(static_cast<std::size_t>(delivery.priority));
  }

  // Sends those of one priority whose turn it is, the more urgent having had theirs. How long the
  // rest must wait.
  std::chrono::nanoseconds drain(Queue& queue) {
    const auto forever = std::chrono::nanoseconds::max();
    if (queue.empty()) return forever;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (!options.budget) {
      while (!queue.empty()) submit(take_front(queue), now);
      return forever;
    }
    const Priority priority = queue.front().delivery->priority;
    const Grant grant = options.budget->reserve(now, priority, queue.size());
    for (std::size_t i = 0; i < grant.count; ++i) submit(take_front(queue), now);
    return queue.empty() ? forever : grant.wait;
  }

  static Job& take_front(Queue& queue) {
    Job& job = queue.front();
    queue.pop_front();
    return job;
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
      head = std::make_shared<const http2::RequestHead>(prototype);
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
    for (Queue& queue : queues) {
      while (!queue.empty()) {
        Job& job = take_front(queue);
        job.delivery->set_attempt({not_sent(error.what), verdict});
        finish(job);
      }
    }
  }

  Answer not_sent(std::string reason) const {
    Answer answer;
    answer.transport = Answer::Transport::unsent;
    answer.reason = std::move(reason);
    answer.received_at = options.wall_clock();
    return answer;
  }

  void wait_for_turn(std::chrono::nanoseconds wait) {
    timer.expires_after(wait);
    timer.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
      const auto self = weak.lock();
      if (self && !error) self->pump();
    });
  }

  void send(DeliveryPtr delivery) {
    if (idle.empty()) idle.push_back(jobs.emplace_back(*this));
    Job& job = idle.front();
    idle.pop_front();
    job.delivery = std::move(delivery);
    job.repeated = false;
    prefetch(job.delivery->target.value);  // For submit, which comes after all that are sent now.
    queue_of(*job.delivery).push_back(job);
    pump_soon();
  }

  void submit(Job& job, SteadyTime now) {
    if (job.delivery->expires && *job.delivery->expires < now) {
      job.delivery->set_attempt(
          unsent_attempt(job.delivery->target, "it expired while it waited for its turn"));
      finish(job);
      return;
    }
    job.submitted_at = now;
    job.token_generation = token_generation;
    if (options.call) {
      submit_other_call(job);
      return;
    }
    if (job.head != head) job.head = head;
    job.body.pieces = job.delivery->message->body(job.delivery->target, job.bytes);
    pool->send(job);
  }

  void submit_other_call(Job& job) {
    http2::Request request{.method = prototype.method,
                           .scheme = prototype.scheme,
                           .authority = prototype.authority,
                           .path = prototype.path,
                           .headers = prototype.headers,
                           .body = {}};
    options.call->fill(options.project, job.delivery->target, request);
    job.bytes = std::move(request.body);
    job.body.pieces = {job.bytes};
    job.head = std::make_shared<const http2::RequestHead>(
        http2::RequestHead{.method = std::move(request.method),
                           .scheme = std::move(request.scheme),
                           .authority = std::move(request.authority),
                           .path = std::move(request.path),
                           .headers = std::move(request.headers)});
    pool->send(job);
  }

  void on_ended(Job& job, http2::Ended& ended) {
    Answer& answer = job.delivery->answer;
    Verdict& verdict = job.delivery->verdict;
    answer.date.clear();
    if (options.call) answer.date = http2::find_header(ended.response, "date");
    answer.retry_after = retry_after_of(ended.response);
    take_answer(ended, answer);
    enter_turn();
    ++answers;
    ++answers_since_rest;
    latency += turn - job.submitted_at;
    answer.received_at = turn_by_wall_clock;
    const TargetKind kind = job.delivery->target.kind;
    if (options.call) {
      verdict = options.call->judge(answer, kind);
    } else {
      fcm::judge_into(verdict, answer, kind);
    }
    if (verdict.kind == VerdictKind::credential_stale) {
      if (tokens && !job.repeated && !closing) return repeat_with_fresh_token(job);
      verdict = refused_for_good(verdict, tokens != nullptr);
    } else if (verdict.kind == VerdictKind::unsent && could_not_trust(answer.reason)) {
      verdict = untrusted(*pool->connect_error());
    } else if (verdict.kind == VerdictKind::throttled_project && options.budget) {
      options.budget->on_throttled(turn);
      options.budget->pause_until(turn, turn + verdict.retry_after.value_or(options.quota_wait));
    }
    finish(job);
  }

  // Thousands of answers share their headers.
  std::string_view retry_after_of(const http2::Response& response) {
    if (response.headers.empty() && response.common && response.common == no_retry_after) return {};
    const std::string_view value = http2::find_header(response, "retry-after");
    if (value.empty()) no_retry_after = response.common;
    return value;
  }

  // A turn has a price of its own, whatever it brings: worth it when most of what is awaited came.
  std::chrono::nanoseconds rest() {
    constexpr std::size_t many_come = 64;
    constexpr std::size_t many_awaited = 32;
    const std::size_t came = std::exchange(answers_since_rest, 0);
    const std::size_t awaited = pool->in_flight();
    if (awaited < many_awaited || came >= std::max(many_come, awaited * 2 / 3)) return 0ns;
    return std::min<std::chrono::nanoseconds>(8ms, mean_latency / 2);
  }

  // All answers that a turn of the pool brings share their time.
  void enter_turn() {
    const SteadyTime now = pool ? pool->turn_began() : std::chrono::steady_clock::now();
    if (now == turn) return;
    if (answers > 0) {
      mean_latency = latency / static_cast<int>(answers);
      if (options.budget) options.budget->on_latency(turn, answers, mean_latency);
    }
    answers = 0;
    latency = {};
    turn = now;
    turn_by_wall_clock = options.wall_clock();
  }

  // The pool gives the failure to connect as the reason; others have their own (a refused stream).
  bool could_not_trust(const std::string& reason) const {
    return !closing && is_untrusted(pool->connect_error()) && reason == pool->connect_error()->what;
  }

  void repeat_with_fresh_token(Job& job) {
    tokens->reject(job.token_generation, options.wall_clock());
    job.repeated = true;
    queue_of(*job.delivery).push_front(job);
    pump_soon();
  }

  void finish(Job& job) {
    DeliveryPtr delivery = std::move(job.delivery);
    idle.push_front(job);
    AttemptSink& sink = *delivery->sink;
    sink.on_attempt(std::move(delivery));
  }

  void close() {
    closing = true;
    timer.cancel();
    tokens.reset();
    fetcher.reset();
    pool.reset();
    for (Queue& queue : queues) {
      while (!queue.empty()) {
        Job& job = take_front(queue);
        job.delivery->set_attempt(unsent_attempt(job.delivery->target, "the sender was closed"));
        finish(job);
      }
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

std::chrono::nanoseconds FcmSender::rest() {
  return impl_->rest();
}

void FcmSender::send(DeliveryPtr delivery) {
  impl_->send(std::move(delivery));
}

}  // namespace fanfare::client
