// Services: what the operations of the API work with, and on which thread each part may be touched.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/send_budget.h"
#include "gateway/api.h"
#include "gateway/commit_thread.h"
#include "gateway/deliverer.h"
#include "gateway/registry_thread.h"
#include "gateway/side_calls.h"
#include "gateway/submission_reader.h"
#include "queue/campaigns.h"
#include "queue/events.h"
#include "queue/keys.h"
#include "queue/messages.h"

namespace fanfare::gateway {

/// The views of one store. The writer's belong to its thread, the reader's to the HTTP thread.
struct Views {
  explicit Views(queue::Store& store)
      : messages(store), events(store), keys(store), audit(store), campaigns(store) {}
  queue::Messages messages;
  queue::Events events;
  queue::Keys keys;
  queue::Audit audit;
  queue::Campaigns campaigns;
};

/// How full everything is, looked at several times a second: what a request may be refused for.
struct Fullness {
  std::atomic<std::uint64_t> waiting = 0;         ///< Messages that have not ended.
  std::atomic<std::uint64_t> free_bytes = ~0ULL;  ///< Of the disk.
  std::atomic<bool> failing = false;              ///< The latest commit failed.
};

struct AcceptLimits {
  SubmissionLimits submission;
  std::uint64_t max_waiting = 10'000'000;
  std::uint64_t min_free_bytes = 256ULL << 20;  ///< Kept for results: they need room, too.
};

/// One project that can be sent to.
class Project {
 public:
  virtual ~Project() = default;
  [[nodiscard]] virtual const std::string& id() const noexcept = 0;
  [[nodiscard]] virtual Deliverer& deliverer() noexcept = 0;
  [[nodiscard]] virtual const client::Lanes& lanes() const noexcept = 0;
  [[nodiscard]] virtual const client::RetryOptions& retry() const noexcept = 0;
  [[nodiscard]] virtual SideCalls& side_calls() noexcept = 0;
  [[nodiscard]] virtual const client::SendBudget& budget() const noexcept = 0;
  /// How it is configured; the id stands in id().
  [[nodiscard]] virtual const ClientOptions& client() const noexcept = 0;
  /// What access tokens are asked for with, "service account x@y"; empty: none are.
  [[nodiscard]] virtual const std::string& credentials() const noexcept = 0;
};

/// Those that are configured. From any thread.
class Projects {
 public:
  virtual ~Projects() = default;
  /// Null: there is no such project. What is found lives as long as it is held.
  [[nodiscard]] virtual std::shared_ptr<Project> find(const std::string& id) const = 0;
  [[nodiscard]] virtual std::vector<std::shared_ptr<Project>> all() const = 0;
};

/// Writes an administrative deed down: to be called inside the transaction that does it, so that
/// there is no entry without the deed, and no deed without its entry.
using Note = std::function<void()>;

struct Services {
  CommitThread& writer;
  Views& write;  ///< Inside what is posted to the writer.
  queue::Store& reader_store;
  Views& read;  ///< On the HTTP thread.
  RegistryThread& devices;
  Projects& projects;
  Fullness& fullness;
  AcceptLimits limits;
  /// Runs something on the HTTP thread; from any thread.
  std::function<void(std::move_only_function<void()>)> to_http;
  std::function<SystemTime()> clock;
  /// On the HTTP thread: what writes down that this caller did that.
  std::function<Note(const Call&, std::string_view action, std::string project, std::string target)>
      audit;
};

/// Reads on one state of the reader's store; the refusal is a storage failure.
template <class Body>
[[nodiscard]] auto look(Services& services, Body&& body) -> Result<std::invoke_result_t<Body>> {
  std::optional<std::invoke_result_t<Body>> found;
  auto looked = services.reader_store.look([&] { found.emplace(body()); });
  if (!looked) return std::unexpected(std::move(looked).error());
  return *std::move(found);
}

}  // namespace fanfare::gateway
