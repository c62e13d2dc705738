#include "gateway/message_operations.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "client/unsent_attempt.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;

constexpr std::size_t most_ids = 1'000;  // Named in an answer; they are consecutive.

Refusal no_project(const std::string& id) {
  return {.code = 404,
          .status = "NOT_FOUND",
          .message = fmt::format("there is no project '{}'", id),
          .remedy = "configure it, or mend the path",
          .field = "project"};
}

Refusal no_message(const std::string& id) {
  return {.code = 404,
          .status = "NOT_FOUND",
          .message = fmt::format("there is no message '{}'", id),
          .remedy = "ended messages are forgotten after their retention"};
}

http2::Response accepted_answer(const queue::Receipt& receipt) {
  std::string body =
      fmt::format(R"({{"id":"m-{}","count":{},"messages":[)", receipt.first, receipt.count);
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(receipt.count, most_ids); ++i) {
    fmt::format_to(std::back_inserter(body), "{}\"m-{}\"", i == 0 ? "" : ",",
                   receipt.first + static_cast<queue::MessageId>(i));
  }
  body += receipt.kind == queue::Receipt::Kind::repeated ? R"(],"repeated":true})" : "]}";
  http2::Response response;
  response.status = 202;
  response.headers = {{"content-type", "application/json"}};
  response.body = std::move(body);
  return response;
}

http2::Response receipt_answer(const Result<queue::Receipt>& receipt) {
  if (!receipt) return refuse(receipt.error());
  if (receipt->kind == queue::Receipt::Kind::key_reused) {
    return refuse(Refusal{.code = 409,
                          .status = "ALREADY_EXISTS",
                          .message = "this idempotency key was used for something else",
                          .remedy = "use a new key for a new request",
                          .field = "idempotency_key"});
  }
  return accepted_answer(*receipt);
}

Error too_many_devices(std::size_t most) {
  return {Error::Kind::input,
          fmt::format("the users have more than {} devices, and one request takes no more", most),
          "send several requests, or a campaign to an audience"};
}

// Users become their devices when the message is accepted.
using Expanded = std::move_only_function<void(Result<queue::Submission>)>;
void expand_users(Services& services, ReadSubmission read, Expanded then) {
  if (read.users.empty()) return then(std::move(read.submission));
  services.devices.post([&services, most = services.limits.submission.targets,
                         read = std::move(read),
                         then = std::move(then)](registry::Registry& registry) mutable {
    Result<queue::Submission> expanded = read.submission;
    for (const ToUser& to : read.users) {
      auto devices = registry.devices_of(to.user, read.submission.project);
      if (!devices) {
        expanded = std::unexpected(devices.error());
        break;
      }
      for (registry::Receiver& device : *devices) {
        expanded->messages.push_back({.target = std::move(device.registration),
                                      .platform = std::move(device.platform),
                                      .message = to.message});
      }
      if (expanded->messages.size() > most) {
        expanded = std::unexpected(too_many_devices(most));
        break;
      }
    }
    services.to_http([then = std::move(then), expanded = std::move(expanded)]() mutable {
      then(std::move(expanded));
    });
  });
}

class MessageOperations {
 public:
  using ToAudience = std::function<void(Call, std::shared_ptr<Project>, ReadSubmission, Respond)>;
  using BooksNow = std::function<const std::map<std::string, queue::Books>&()>;
  MessageOperations(Services& services, Acceptor& acceptor, ToAudience to_audience, BooksNow books)
      : services_(services),
        acceptor_(acceptor),
        to_audience_(std::move(to_audience)),
        books_(std::move(books)) {}

  void submit(Call call, Respond respond) {
    auto project = services_.projects.find(call.part("project"));
    if (!project) return respond(refuse(no_project(call.part("project"))));
    if (const auto refusal = acceptor_.refusal()) return respond(refuse(*refusal));
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    auto read = read_submission(*body, services_.limits.submission, services_.clock());
    if (!read) return respond(refuse(read.error()));
    if (auto refusal = add_headers(call.request, read->submission))
      return respond(refuse(*refusal));
    read->submission.project = project->id();
    if (read->to_audience) {
      return to_audience_(std::move(call), std::move(project), *std::move(read),
                          std::move(respond));
    }
    expand_users(services_, *std::move(read),
                 [this, project = std::move(project),
                  respond = std::move(respond)](Result<queue::Submission> expanded) mutable {
                   accept(std::move(project), std::move(expanded), std::move(respond));
                 });
  }

  void get(const Call& call, Respond respond) const {
    const auto id = queue::parse_message_id(call.part("message"));
    if (!id) return respond(refuse(no_message(call.part("message"))));
    auto found =
        look(services_, [&] { return services_.read.messages.find(call.part("project"), *id); });
    if (!found) return respond(refuse(found.error()));
    if (!*found) return respond(refuse(no_message(call.part("message"))));
    respond(answer(200, to_json(**found)));
  }

  void cancel(Call call, Respond respond) {
    const auto id = queue::parse_message_id(call.part("message"));
    if (!id) return respond(refuse(no_message(call.part("message"))));
    const auto came_to = std::make_shared<queue::Messages::Cancelled>();
    const std::string project = call.part("project");
    services_.writer.post(
        [this, came_to, id = *id, project] {
          *came_to = services_.write.messages.cancel(project, id, services_.clock());
        },
        [this, came_to, call = std::move(call),
         respond = std::move(respond)](const Result<void>& result) mutable {
          if (const auto sender = services_.projects.find(call.part("project"))) {
            sender->deliverer().look();  // The next of its order_key may go.
          }
          services_.to_http([came_to = *came_to, result, call = std::move(call),
                             respond = std::move(respond)]() mutable {
            respond(result ? cancel_answer(came_to, call.part("message")) : refuse(result.error()));
          });
        });
  }

  void dead_letters(const Call& call, Respond respond) const {
    const std::uint64_t limit = number(call, "limit").value_or(100);
    const std::uint64_t after = number(call, "after").value_or(0);
    auto found = look(services_, [&] {
      return services_.read.messages.dead_letters(call.part("project"),
                                                  static_cast<queue::MessageId>(after),
                                                  std::clamp<std::uint64_t>(limit, 1, 1'000));
    });
    if (!found) return respond(refuse(found.error()));
    json::array letters;
    for (const auto& each : *found) letters.push_back(to_json(each));
    json::object body{{"dead_letters", std::move(letters)}};
    if (!found->empty()) body["after"] = found->back().id;
    respond(answer(200, body));
  }

  // {"messages": ["m-7", …]}: those that are dead letters are accepted anew.
  void replay(const Call& call, Respond respond) {
    auto project = services_.projects.find(call.part("project"));
    if (!project) return respond(refuse(no_project(call.part("project"))));
    auto body = read_object(call.request);
    if (!body) return respond(refuse(body.error()));
    Fields fields(*body);
    const auto names = fields.texts("messages", 10'000);
    std::vector<queue::MessageId> ids;
    for (const std::string& name : names) {
      const auto id = queue::parse_message_id(name);
      if (!id) fields.refuse("messages", fmt::format("'{}' is no message id", name), "as in m-42");
      ids.push_back(id.value_or(0));
    }
    if (auto refusal = fields.refusal()) return respond(refuse(*refusal));
    const auto replayed = std::make_shared<json::array>();
    services_.writer.post(
        [this, replayed, project, ids,
         note = services_.audit(call, "message.replay", project->id(),
                                fmt::format("{} messages", ids.size()))] {
          replayed->clear();
          for (const queue::MessageId id : ids) {
            const auto anew = services_.write.messages.replay(project->id(), id, services_.clock());
            if (anew) {
              replayed->push_back(json::object{{"from", queue::format_message_id(id)},
                                               {"message", queue::format_message_id(*anew)}});
            }
          }
          if (!replayed->empty()) note();
        },
        [this, replayed, project,
         respond = std::move(respond)](const Result<void>& result) mutable {
          project->deliverer().look();
          services_.to_http([replayed, result, respond = std::move(respond)]() mutable {
            respond(result ? answer(202, json::object{{"replayed", *replayed}})
                           : refuse(result.error()));
          });
        });
  }

  void books(const Call& call, Respond respond) const {
    const std::string& id = call.part("project");
    const auto& books = books_();
    const auto at = books.find(id);
    if (at == books.end() && !services_.projects.find(id)) return respond(refuse(no_project(id)));
    respond(answer(200, to_json(at == books.end() ? queue::Books{} : at->second)));
  }

 private:
  static std::optional<Refusal> add_headers(const http2::Request& request, queue::Submission& out) {
    const auto key = http2::find_header(request.headers, "idempotency-key");
    if (!key.empty() && !out.idempotency_key.empty() && key != out.idempotency_key) {
      return Refusal{.message = "the header and the body name different idempotency keys",
                     .remedy = "give one of the two",
                     .field = "idempotency_key"};
    }
    if (key.size() > 256) {
      return Refusal{.message = "the idempotency key is longer than 256 bytes",
                     .remedy = "use a UUID",
                     .field = "idempotency_key"};
    }
    if (!std::ranges::all_of(key, [](char c) { return c >= ' ' && c <= '~'; })) {
      return Refusal{.message = "the idempotency key is not of printable ASCII characters",
                     .remedy = "use a UUID",
                     .field = "idempotency_key"};
    }
    if (!key.empty()) out.idempotency_key = key;
    if (!out.idempotency_key.empty()) out.fingerprint = request.body;
    out.trace = trace_of(request);
    return std::nullopt;
  }

  void accept(std::shared_ptr<Project> project, Result<queue::Submission> submission,
              Respond respond) {
    if (!submission) return respond(refuse(submission.error()));
    if (submission->messages.empty()) {
      return respond(refuse(Refusal{.code = 404,
                                    .status = "NOT_FOUND",
                                    .message = "the user has no device that could be sent to",
                                    .remedy = "register one first",
                                    .field = "to"}));
    }
    std::vector<queue::Submission> all;
    all.push_back(*std::move(submission));
    acceptor_.accept(std::move(project), std::move(all),
                     [respond = std::move(respond)](const Result<queue::Receipt>& receipt) mutable {
                       respond(receipt_answer(receipt));
                     });
  }

  static http2::Response cancel_answer(queue::Messages::Cancelled came_to, const std::string& id) {
    using Cancelled = queue::Messages::Cancelled;
    switch (came_to) {
      case Cancelled::cancelled:
        return answer(200, json::object{{"id", id}, {"state", "cancelled"}});
      case Cancelled::in_flight:
        return refuse(Refusal{.code = 409,
                              .status = "FAILED_PRECONDITION",
                              .message = fmt::format("{} is being sent", id),
                              .remedy = "look again when it has ended"});
      case Cancelled::ended:
        return refuse(Refusal{.code = 409,
                              .status = "FAILED_PRECONDITION",
                              .message = fmt::format("{} has ended", id)});
      case Cancelled::unknown_id:
        return refuse(no_message(id));
    }
    return refuse(no_message(id));
  }

  static std::optional<std::uint64_t> number(const Call& call, std::string_view name) {
    const auto at = call.query.find(name);
    if (at == call.query.end()) return std::nullopt;
    std::string_view text = at->second;
    if (text.starts_with("m-")) text.remove_prefix(2);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
  }

  Services& services_;
  Acceptor& acceptor_;
  ToAudience to_audience_;
  BooksNow books_;
};

}  // namespace

std::string trace_of(const http2::Request& request) {
  const auto trace = http2::find_header(request.headers, "traceparent");
  const bool sound = trace.size() <= 64 && std::ranges::all_of(trace, [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
                     });
  return sound ? std::string(trace) : std::string();
}

std::optional<Refusal> Acceptor::refusal() const {
  const Fullness& fullness = services_.fullness;
  if (fullness.failing) {
    return Refusal{.code = 503,
                   .status = "UNAVAILABLE",
                   .message = "the gateway can't write its store",
                   .remedy = "repeat later; the gateway's log says what is wrong",
                   .retry_after_s = 5};
  }
  if (fullness.free_bytes < services_.limits.min_free_bytes) {
    return Refusal{.code = 503,
                   .status = "UNAVAILABLE",
                   .message = "the gateway's disk is nearly full",
                   .remedy = "repeat later; what is left is kept for results",
                   .retry_after_s = 30};
  }
  if (fullness.waiting >= services_.limits.max_waiting) {
    return Refusal{.code = 429,
                   .status = "RESOURCE_EXHAUSTED",
                   .message = "as many messages wait as the gateway may keep",
                   .remedy = "repeat later, or raise queue.max_waiting",
                   .retry_after_s = 10};
  }
  return std::nullopt;
}

void Acceptor::accept(std::shared_ptr<Project> project, std::vector<queue::Submission> submissions,
                      Done done, std::move_only_function<void(const queue::Receipt&)> on_receipt) {
  struct Work {
    std::shared_ptr<Project> project;
    std::vector<queue::Submission> submissions;
    std::vector<queue::Leased> leased;
    queue::Receipt receipt;
    std::size_t reserved = 0;
    bool waits = false;
    std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  };
  auto work = std::make_shared<Work>();
  work->project = std::move(project);
  work->submissions = std::move(submissions);
  services_.writer.post(
      [this, work] {
        Deliverer& deliverer = work->project->deliverer();
        const SystemTime now = services_.clock();
        for (const queue::Submission& submission : work->submissions) {
          const std::size_t count = submission.messages.size();
          const bool direct = deliverer.reserve(submission.priority, count);
          if (direct) work->reserved += count;
          const auto receipt =
              services_.write.messages.accept(submission, now, direct ? &work->leased : nullptr);
          if (work->receipt.count == 0) {
            work->receipt = receipt;
          } else {
            work->receipt.count += receipt.count;
          }
          work->waits = work->waits || !direct || submission.send_at.has_value();
        }
      },
      [this, work, done = std::move(done),
       on_receipt = std::move(on_receipt)](const Result<void>& result) mutable {
        Deliverer& deliverer = work->project->deliverer();
        deliverer.release(work->reserved - (result ? work->leased.size() : 0));
        // First who waits for the answer, then who may give it.
        services_.to_http([this, work, result, done = std::move(done),
                           on_receipt = std::move(on_receipt)]() mutable {
          seconds_.add(std::chrono::steady_clock::now() - work->begun);
          if (result && on_receipt) on_receipt(work->receipt);
          done(result ? Result<queue::Receipt>(work->receipt) : std::unexpected(result.error()));
        });
        if (!result) return;
        if (!work->leased.empty()) deliverer.hand(std::move(work->leased));
        if (work->waits) deliverer.look();
      });
}

void Answers::on_answer(queue::MessageId id, const Answer& answer, const Verdict& verdict) {
  auto found = waiting_.extract(id);
  if (!found.empty()) found.mapped().take(answer, verdict);
}

void Answers::give_up(client::SteadyTime now) {
  std::vector<queue::MessageId> late;
  for (const auto& [id, waiting] : waiting_) {
    if (waiting.until <= now) late.push_back(id);
  }
  const client::Attempt none = client::unsent_attempt({}, "no answer came in time");
  for (const queue::MessageId id : late) on_answer(id, none.answer, none.verdict);
}

json::object to_json(const queue::MessageStatus& status) {
  json::object out{{"id", queue::format_message_id(status.id)},
                   {"project", status.project},
                   {"state", to_string(status.state)},
                   {"accepted_at", format_rfc3339(status.accepted_at)},
                   {"attempts", status.attempts}};
  if (!status.target.value.empty()) {
    out["target"] = json::object{{to_string(status.target.kind), status.target.value}};
  }
  if (status.due) out["due"] = format_rfc3339(*status.due);
  if (status.expires_at) out["expires_at"] = format_rfc3339(*status.expires_at);
  if (status.ended_at) out["ended_at"] = format_rfc3339(*status.ended_at);
  if (!status.rule.empty()) out["rule"] = status.rule;
  if (status.status != 0) out["status"] = status.status;
  if (!status.name.empty()) out["name"] = status.name;
  boost::system::error_code ignored;
  if (!status.evidence.empty()) out["evidence"] = json::parse(status.evidence, ignored);
  if (!status.labels.empty()) out["labels"] = json::parse(status.labels, ignored);
  if (!status.trace.empty()) out["traceparent"] = status.trace;
  return out;
}

json::object to_json(const queue::Books& books) {
  json::object out{{"accepted", books.accepted}};
  for (std::size_t i = 0; i < queue::state_count; ++i) {
    out[to_string(static_cast<queue::State>(i))] = books.in[i];
  }
  out["balance"] = books.balance();
  return out;
}

std::vector<Operation> message_operations(Services& services, Acceptor& acceptor,
                                          MessageOperations::ToAudience to_audience,
                                          MessageOperations::BooksNow books) {
  const auto self = std::make_shared<MessageOperations>(services, acceptor, std::move(to_audience),
                                                        std::move(books));
  const auto to = [self](auto member) -> Handler {
    return [self, member](auto&&... given) {
      (*self.*member)(std::forward<decltype(given)>(given)...);
    };
  };
  using queue::Scope;
  return {
      {"submitMessages", "POST", "/v1/projects/{project}/messages", Scope::send,
       to(&MessageOperations::submit)},
      {"getMessage", "GET", "/v1/projects/{project}/messages/{message}", Scope::read,
       to(&MessageOperations::get)},
      {"cancelMessage", "POST", "/v1/projects/{project}/messages/{message}:cancel", Scope::send,
       to(&MessageOperations::cancel)},
      {"listDeadLetters", "GET", "/v1/projects/{project}/dead-letters", Scope::read,
       to(&MessageOperations::dead_letters)},
      {"replayDeadLetters", "POST", "/v1/projects/{project}/dead-letters:replay", Scope::admin,
       to(&MessageOperations::replay)},
      {"getBooks", "GET", "/v1/projects/{project}/books", Scope::read,
       to(&MessageOperations::books)},
  };
}

}  // namespace fanfare::gateway
