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

  /// From now on there are these: opens what is new or set otherwise (reads the credentials, opens
  /// the registry, begins to deliver what waits), and stops the others, whose messages stay in the
  /// store. An error changes nothing.
  [[nodiscard]] Result<void> set(const std::vector<ProjectSetting>& wanted);
  /// Lets go of those that have stopped; true when there were any.
  bool forget_stopped();

  [[nodiscard]] std::shared_ptr<Project> find(const std::string& id) const override;
  [[nodiscard]] std::vector<std::shared_ptr<Project>> all() const override;

  void stop();
  void abandon();
  [[nodiscard]] bool stopped() const;

 private:
  class Sender;
  using Senders = std::map<std::string, std::shared_ptr<Sender>>;

  [[nodiscard]] Result<std::shared_ptr<Sender>> open(const ProjectSetting& setting) const;
  [[nodiscard]] std::vector<std::shared_ptr<Sender>> with_leaving() const;

  CommitThread& writer_;
  Views& write_;
  DelivererHooks hooks_;
  mutable std::mutex mutex_;  // Guards the next.
  Senders senders_;
  std::vector<std::shared_ptr<Sender>> leaving_;  // Stopped, until all has come back.
};

}  // namespace fanfare::gateway
