#include "gateway/project_senders.h"

#include <algorithm>
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

}  // namespace

class ProjectSenders::Sender final : public Project {
 public:
  Sender(const client::ClientParts& parts, registry::Registry registry,
         const ProjectSetting& setting, CommitThread& writer, Views& write,
         const DelivererHooks& hooks)
      : id_(parts.project),
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
  [[nodiscard]] Result<void> made() const {
    return sender_made_.valid() ? sender_made_.get() : Result<void>();
  }

 private:
  std::string id_;
  client::RetryOptions retry_;
  client::Lanes lanes_;
  std::shared_future<Result<void>> sender_made_;
  std::unique_ptr<Deliverer> deliverer_;  // Behind the lanes: it uses them.
};

Result<void> ProjectSenders::add(const ProjectSetting& setting) {
  auto parts = client::network_parts(setting.client);
  if (!parts) return std::unexpected(std::move(parts).error());
  for (const std::string& warning : parts->warnings) hooks_.on_warning(warning);
  registry::OpenOptions open;
  open.lock_wait = 30s;
  open.cache_bytes = 2U << 20;
  auto registry = registry::Registry::open(setting.registry_path, open);
  if (!registry) return std::unexpected(std::move(registry).error());
  const std::string id = parts->project;
  const auto sender =
      std::make_shared<Sender>(*parts, *std::move(registry), setting, writer_, write_, hooks_);
  if (auto made = sender->made(); !made) return made;
  const std::lock_guard lock(mutex_);
  senders_.insert_or_assign(id, sender);
  return {};
}

ProjectSenders::~ProjectSenders() {
  for (const auto& each : with_removed()) each->deliverer().close();
}

// Whoever holds one last may be the writer, who can't wait for what is posted to him: so it is not
// left to them to end it.
void ProjectSenders::remove_all_but(const std::vector<std::string>& keep) {
  const std::lock_guard lock(mutex_);
  std::erase_if(senders_, [&](const auto& each) {
    if (std::ranges::find(keep, each.first) != keep.end()) return false;
    each.second->deliverer().stop();
    removed_.push_back(each.second);
    return true;
  });
}

void ProjectSenders::sweep() {
  std::vector<std::shared_ptr<Sender>> over;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(removed_, [&](const auto& each) {
      if (!each->deliverer().stopped()) return false;
      over.push_back(each);
      return true;
    });
  }
  for (const auto& each : over) each->deliverer().close();
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

std::vector<std::shared_ptr<ProjectSenders::Sender>> ProjectSenders::with_removed() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Sender>> found = removed_;
  for (const auto& [id, sender] : senders_) found.push_back(sender);
  return found;
}

void ProjectSenders::stop() {
  for (const auto& each : with_removed()) each->deliverer().stop();
}

void ProjectSenders::abandon() {
  for (const auto& each : with_removed()) each->deliverer().abandon();
}

bool ProjectSenders::stopped() const {
  return std::ranges::all_of(with_removed(),
                             [](const auto& each) { return each->deliverer().stopped(); });
}

}  // namespace fanfare::gateway
