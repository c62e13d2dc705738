#include "gateway/project_senders.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace fanfare::gateway {

using namespace std::chrono_literals;

namespace {

// What waits longer than this, or is tried more often, is not for memory to keep but for the store:
// there its own expiry ends it.
client::RetryOptions retry_options(const ClientOptions& options) {
  client::RetryOptions retry = client::retry_options_of(options);
  retry.give_up_after = 24h * 366;
  return retry;
}

// Enough for a second of the pace, so that what waits for its turn waits in the store.
std::size_t window_of(const ClientOptions& options, const client::RetryOptions& retry) {
  const std::size_t carried = retry.max_window * 2;
  if (options.messages_per_minute == 0) return carried;
  return std::clamp<std::size_t>(options.messages_per_minute / 60, 20, carried);
}

// All that a configuration can say of a project.
bool is_same(const ClientOptions& one, const ClientOptions& other) {
  const auto all = [](const ClientOptions& o) {
    return std::tie(o.credentials_file, o.project, o.endpoint, o.ca_file, o.connections, o.lanes,
                    o.http2_engine, o.messages_per_minute, o.ramp, o.avoid_quarter_hours,
                    o.device_messages_per_minute, o.device_messages_per_hour,
                    o.topic_messages_per_minute, o.request_timeout, o.max_attempts, o.retry_share,
                    o.retries_per_second);
  };
  return all(one) == all(other);
}

}  // namespace

class ProjectSenders::Sender final : public Project {
 public:
  Sender(const client::ClientParts& parts, registry::Registry registry,
         const ProjectSetting& setting, CommitThread& writer, Views& write,
         const DelivererHooks& hooks)
      : id_(parts.project),
        client_(setting.client),
        credentials_(parts.credentials),
        budget_(parts.budget),
        side_calls_(setting.client),
        retry_(retry_options(setting.client)),
        lanes_(client::make_lanes(parts.make_sender, parts.lanes)),
        sender_made_(parts.sender_made) {
    retry_.max_window = std::min(retry_.max_window, window_of(setting.client, retry_));
    DelivererOptions options{.project = id_, .retry = retry_};
    options.breakers = setting.breakers;
    options.window = window_of(setting.client, retry_);
    options.clock = setting.clock;
    deliverer_ = std::make_unique<Deliverer>(lanes_, std::move(registry), writer, write.messages,
                                             write.events, std::move(options), hooks);
  }

  [[nodiscard]] const std::string& id() const noexcept override { return id_; }
  [[nodiscard]] Deliverer& deliverer() noexcept override { return *deliverer_; }
  [[nodiscard]] const client::Lanes& lanes() const noexcept override { return lanes_; }
  [[nodiscard]] const client::RetryOptions& retry() const noexcept override { return retry_; }
  [[nodiscard]] SideCalls& side_calls() noexcept override { return side_calls_; }
  [[nodiscard]] const client::SendBudget& budget() const noexcept override { return *budget_; }
  [[nodiscard]] const ClientOptions& client() const noexcept override { return client_; }
  [[nodiscard]] const std::string& credentials() const noexcept override { return credentials_; }
  [[nodiscard]] bool stopped() const { return deliverer_->stopped() && side_calls_.idle(); }
  [[nodiscard]] Result<void> made() const {
    return sender_made_.valid() ? sender_made_.get() : Result<void>();
  }

 private:
  std::string id_;
  ClientOptions client_;
  std::string credentials_;
  std::shared_ptr<client::SendBudget> budget_;
  SideCalls side_calls_;
  client::RetryOptions retry_;
  client::Lanes lanes_;
  std::shared_future<Result<void>> sender_made_;
  std::unique_ptr<Deliverer> deliverer_;  // Behind the lanes: it uses them.
};

Result<std::shared_ptr<ProjectSenders::Sender>> ProjectSenders::open(
    const ProjectSetting& setting) const {
  auto parts = client::network_parts(setting.client);
  if (!parts) return std::unexpected(std::move(parts).error());
  for (const std::string& warning : parts->warnings) hooks_.on_warning(warning);
  registry::OpenOptions open;
  open.lock_wait = 30s;
  open.cache_bytes = 2U << 20;
  auto registry = registry::Registry::open(setting.registry_path, open);
  if (!registry) return std::unexpected(std::move(registry).error());
  auto sender =
      std::make_shared<Sender>(*parts, *std::move(registry), setting, writer_, write_, hooks_);
  if (auto made = sender->made(); !made) return std::unexpected(std::move(made).error());
  return sender;
}

Result<void> ProjectSenders::set(const std::vector<ProjectSetting>& wanted) {
  Senders now;
  {
    const std::lock_guard lock(mutex_);
    now = senders_;
  }
  Senders next;
  for (const ProjectSetting& setting : wanted) {
    const auto same = std::ranges::find_if(
        now, [&](const auto& each) { return is_same(each.second->client(), setting.client); });
    if (same != now.end()) {
      next.insert(*same);
      continue;
    }
    auto opened = open(setting);
    if (!opened) return std::unexpected(std::move(opened).error());
    const std::string id = (*opened)->id();
    next.insert_or_assign(id, *std::move(opened));
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [id, sender] : senders_) {
    const auto kept = next.find(id);
    if (kept != next.end() && kept->second == sender) continue;
    sender->deliverer().stop();
    leaving_.push_back(sender);
  }
  senders_ = std::move(next);
  return {};
}

ProjectSenders::~ProjectSenders() {
  for (const auto& each : with_leaving()) each->deliverer().close();
}

// Whoever holds one last may be the writer, who can't wait for what is posted to him: so it is not
// left to them to end it.
bool ProjectSenders::forget_stopped() {
  std::vector<std::shared_ptr<Sender>> gone;
  {
    const std::lock_guard lock(mutex_);
    const auto at =
        std::ranges::partition(leaving_, [](const auto& each) { return !each->stopped(); });
    std::ranges::move(at, std::back_inserter(gone));
    leaving_.erase(at.begin(), leaving_.end());
  }
  for (const auto& each : gone) each->deliverer().close();
  return !gone.empty();
}

std::shared_ptr<Project> ProjectSenders::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto at = senders_.find(id);
  return at == senders_.end() ? nullptr : at->second;
}

std::vector<std::shared_ptr<Project>> ProjectSenders::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Project>> found;
  for (const auto& [id, sender] : senders_) found.push_back(sender);
  return found;
}

std::vector<std::shared_ptr<ProjectSenders::Sender>> ProjectSenders::with_leaving() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Sender>> found = leaving_;
  for (const auto& [id, sender] : senders_) found.push_back(sender);
  return found;
}

void ProjectSenders::stop() {
  for (const auto& each : with_leaving()) each->deliverer().stop();
}

void ProjectSenders::abandon() {
  for (const auto& each : with_leaving()) each->deliverer().abandon();
}

bool ProjectSenders::stopped() const {
  return std::ranges::all_of(with_leaving(), [](const auto& each) { return each->stopped(); });
}

}  // namespace fanfare::gateway
