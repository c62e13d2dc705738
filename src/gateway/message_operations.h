// The operations that take messages and tell what became of them.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "gateway/services.h"

namespace fanfare::gateway {

/// Whoever waits for FCM's own answer to a message. On the HTTP thread.
class Answers {
 public:
  using Take = std::move_only_function<void(const Answer&, const Verdict&)>;
  void expect(queue::MessageId id, client::SteadyTime until, Take take) {
    waiting_.emplace(id, Waiting{until, std::move(take)});
  }
  void on_answer(queue::MessageId id, const Answer& answer, const Verdict& verdict);
  /// Those whose time has come are told that there is none.
  void give_up(client::SteadyTime now);

 private:
  struct Waiting {
    client::SteadyTime until;
    Take take;
  };
  std::unordered_map<queue::MessageId, Waiting> waiting_;
};

/// Accepts a submission durably: what the API's own form, gorush's and FCM's share.
class Acceptor {
 public:
  /// On the HTTP thread, when it is on the disk, or was refused.
  using Done = std::move_only_function<void(const Result<queue::Receipt>&)>;

  explicit Acceptor(Services& services) : services_(services) {}

  /// Why nothing can be taken now; nullopt: it can.
  [[nodiscard]] std::optional<Refusal> refusal() const;
  /// `on_receipt` (may be empty) is called on the HTTP thread before a deliverer has the messages.
  void accept(std::shared_ptr<Project> project, std::vector<queue::Submission> submissions,
              Done done, std::move_only_function<void(const queue::Receipt&)> on_receipt = {});

  [[nodiscard]] const Histogram& seconds() const noexcept { return seconds_; }

 private:
  Services& services_;
  Histogram seconds_;
};

[[nodiscard]] std::vector<Operation> message_operations(
    Services& services, Acceptor& acceptor,
    std::function<void(Call, std::shared_ptr<Project>, ReadSubmission, Respond)> to_audience,
    std::function<const std::map<std::string, queue::Books>&()> books);
/// POST /v1/projects/{project}/messages:send as FCM has it, and POST /api/push as gorush has it.
[[nodiscard]] std::vector<Operation> compatible_operations(Services& services, Acceptor& acceptor,
                                                           Answers& answers,
                                                           std::string default_project);

/// The request's traceparent, for what it hands over; empty when there is none, or it is not of W3C
/// Trace Context's characters.
[[nodiscard]] std::string trace_of(const http2::Request& request);

/// {"id":"m-7","project":…,"state":…, …}
[[nodiscard]] boost::json::object to_json(const queue::MessageStatus& status);
[[nodiscard]] boost::json::object to_json(const queue::Books& books);

}  // namespace fanfare::gateway
