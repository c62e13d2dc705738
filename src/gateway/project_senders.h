// ProjectSenders: the projects that are configured, each with its lanes to FCM and its deliverer.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/client_parts.h"
#include "gateway/services.h"

namespace fanfare::gateway {

/// What a project's parts are made with.
struct ProjectSetting {
  ClientOptions client;
  std::filesystem::path registry_path;
  BreakerOptions breakers;
  std::function<SystemTime()> clock;
};

class ProjectSenders final : public Projects {
 public:
  ProjectSenders(CommitThread& writer, Views& write, DelivererHooks hooks)
      : writer_(writer), write_(write), hooks_(std::move(hooks)) {}
  /// Closes all, also those that somebody still holds.
  ~ProjectSenders() override;
  ProjectSenders(const ProjectSenders&) = delete;
  ProjectSenders& operator=(const ProjectSenders&) = delete;

  /// Reads the credentials, opens the registry, and begins to deliver what waits.
  [[nodiscard]] Result<void> add(const ProjectSetting& setting);
  /// Those not in `keep` are stopped; what waits for them stays in the store.
  void remove_all_but(const std::vector<std::string>& keep);
  /// Closes those removed that have come to their end. Now and then.
  void sweep();

  [[nodiscard]] std::shared_ptr<Project> find(const std::string& id) const override;
  [[nodiscard]] std::vector<std::shared_ptr<Project>> all() const override;

  void stop();
  void abandon();
  [[nodiscard]] bool stopped() const;

 private:
  class Sender;
  [[nodiscard]] std::vector<std::shared_ptr<Sender>> with_removed() const;

  CommitThread& writer_;
  Views& write_;
  DelivererHooks hooks_;
  mutable std::mutex mutex_;  // Guards the next two.
  std::map<std::string, std::shared_ptr<Sender>> senders_;
  std::vector<std::shared_ptr<Sender>> removed_;  // Some of their messages are still under way.
};

}  // namespace fanfare::gateway
