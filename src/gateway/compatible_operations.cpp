// The forms of others: FCM's own, so that every official SDK can be pointed here, and gorush's.
#include <boost/json/array.hpp>
#include <fmt/format.h>

#include "fcm/message_json.h"
#include "gateway/fcm_words.h"
#include "gateway/gorush_reader.h"
#include "gateway/message_operations.h"

namespace fanfare::gateway {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

// Whoever waits for an answer repeats it himself after that.
constexpr auto answer_within = 25s;

class FcmOperation {
 public:
  FcmOperation(Services& services, Acceptor& acceptor, Answers& answers)
      : services_(services), acceptor_(acceptor), answers_(answers) {}

  void send(const Call& call, Respond respond) {
    auto project = services_.projects.find(call.part("project"));
    if (!project) {
      return respond(
          fcm_refusal(404, "NOT_FOUND", "UNSPECIFIED_ERROR",
                      fmt::format("the gateway serves no project '{}'", call.part("project"))));
    }
    if (const auto refusal = acceptor_.refusal()) {
      return respond(fcm_refusal(503, "UNAVAILABLE", "UNAVAILABLE", refusal->message));
    }
    if (!project->deliverer().takes_once()) return respond(blocked(*project));
    fcm::ReadMessage read = fcm::read_message(call.request.body);
    if (!read.faults.empty()) return respond(invalid(read.faults.front()));
    if (!read.parsed.target) {
      return respond(fcm_refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
                                 "Recipient of the message is not set.", "message"));
    }
    std::vector<queue::Submission> one;
    one.push_back(submission_of(call, read.parsed, project->id()));
    // Shared by the two who may have to answer: it is given by the first.
    const auto answer = std::make_shared<Respond>(std::move(respond));
    acceptor_.accept(
        std::move(project), std::move(one),
        [answer](const Result<queue::Receipt>& receipt) {
          if (receipt) return;
          (*answer)(fcm_refusal(503, "UNAVAILABLE", "UNAVAILABLE", receipt.error().what));
        },
        [this, answer](const queue::Receipt& receipt) {
          answers_.expect(receipt.first, std::chrono::steady_clock::now() + answer_within + 2s,
                          [answer](const Answer& said, const Verdict& verdict) {
                            (*answer)(fcm_answer(said, verdict));
                          });
        });
  }

 private:
  [[nodiscard]] queue::Submission submission_of(const Call& call, const fcm::ParsedMessage& parsed,
                                                const std::string& project) const {
    queue::Submission submission{.project = project, .messages = {}};
    submission.message = fcm::write_message(parsed.message);
    submission.messages.push_back({.target = *parsed.target});
    submission.priority = Priority::urgent;  // Somebody waits for it.
    submission.expires_at = services_.clock() + answer_within;
    submission.on_unknown = queue::OnUnknown::drop;
    submission.validate_only = parsed.validate_only;
    submission.once = true;
    const auto trace = http2::find_header(call.request.headers, "traceparent");
    if (trace.size() <= 64) submission.trace = trace;
    return submission;
  }

  // Whoever waits for an answer is not kept until a person has mended it.
  static http2::Response blocked(Project& project) {
    const auto breakers = project.deliverer().stats().breakers;
    const std::string why =
        breakers.empty() ? "" : breakers.front().rule + ": " + breakers.front().remedy;
    return fcm_refusal(503, "UNAVAILABLE", "UNAVAILABLE", "The project is blocked. " + why);
  }

  static http2::Response invalid(const fcm::ReadFault& fault) {
    return fcm_refusal(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT",
                       fault.path.empty() ? fault.what : fault.path + ": " + fault.what,
                       fault.path);
  }

  Services& services_;
  Acceptor& acceptor_;
  Answers& answers_;
};

void push_as_gorush(Services& services, Acceptor& acceptor, const std::string& default_project,
                    const Call& call, Respond respond) {
  const auto asked = call.query.find("project");
  const std::string id = asked == call.query.end() ? default_project : asked->second;
  auto project = services.projects.find(id);
  if (!project || !call.caller.may_use(id)) {
    return respond(refuse(Refusal{.code = 404,
                                  .status = "NOT_FOUND",
                                  .message = fmt::format("there is no project '{}'", id),
                                  .remedy = "name one: /api/push?project=ID"}));
  }
  if (const auto refusal = acceptor.refusal()) return respond(refuse(*refusal));
  auto body = read_object(call.request);
  if (!body) return respond(refuse(body.error()));
  auto push = read_gorush(*body, services.limits.submission, services.clock());
  if (!push) return respond(refuse(push.error()));
  for (queue::Submission& each : push->submissions) each.project = project->id();
  acceptor.accept(
      std::move(project), std::move(push->submissions),
      [count = push->count,
       respond = std::move(respond)](const Result<queue::Receipt>& receipt) mutable {
        if (!receipt) return respond(refuse(receipt.error()));
        respond(answer(
            200, json::object{{"success", "ok"}, {"counts", count}, {"logs", json::array{}}}));
      });
}

}  // namespace

std::vector<Operation> compatible_operations(Services& services, Acceptor& acceptor,
                                             Answers& answers, std::string default_project) {
  const auto fcm = std::make_shared<FcmOperation>(services, acceptor, answers);
  return {
      {"sendAsFcm", "POST", "/v1/projects/{project}/messages:send", queue::Scope::send,
       [fcm](const Call& call, Respond respond) { fcm->send(call, std::move(respond)); }},
      {"pushAsGorush", "POST", "/api/push", queue::Scope::send,
       [&services, &acceptor, project = std::move(default_project)](const Call& call,
                                                                    Respond respond) {
         push_as_gorush(services, acceptor, project, call, std::move(respond));
       },
       true},
  };
}

}  // namespace fanfare::gateway
