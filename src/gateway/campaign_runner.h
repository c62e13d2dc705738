// CampaignRunner: a thread for each campaign that runs, which walks over the devices as
// delivery::CampaignRun does for the command. What a campaign is and how far it is lies in the
// store, so that the next gateway goes on where this one stopped.
//
//   draft --start--> running --> finished | failed
//     |  scheduled --its time--^   | ^ |
//     |                            v | +--> blocked --(after a while, or resume)--> running
//     +--------cancel--> cancelled  paused --resume--> running
//
// On the HTTP thread, but for what its own threads do.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "gateway/services.h"
#include "queue/campaigns.h"

namespace fanfare::gateway {

class CampaignRunner {
 public:
  CampaignRunner(Services& services, std::filesystem::path registry_path);
  ~CampaignRunner();
  CampaignRunner(const CampaignRunner&) = delete;
  CampaignRunner& operator=(const CampaignRunner&) = delete;

  /// Goes on with those that ran when the last gateway ended.
  void resume();
  /// Starts what is due, and clears away what has ended. Now and then.
  void look();

  /// What came of a new one.
  struct Added {
    queue::Receipt::Kind kind = queue::Receipt::Kind::accepted;
    queue::CampaignRecord campaign;  ///< The one of that time, when this is a repeat of a request.
  };
  /// Stores a new one; a scheduled or running one begins by itself. `note` is called in the same
  /// transaction, `done` on the HTTP thread.
  void add(queue::CampaignRecord campaign, queue::Messages::KeyedRequest request, Note note,
           std::move_only_function<void(const Result<Added>&)> done);

  using Done = std::move_only_function<void(const Result<queue::CampaignRecord>&)>;

  enum class Deed : std::uint8_t { start, pause, resume, cancel };
  /// `done` on the HTTP thread, when what is to become of it is on the disk, with the `note`: a
  /// crash does not bring back what was cancelled. Error::Kind::usage when its state does not allow
  /// that.
  void steer(std::int64_t id, Deed deed, Note note, Done done);
  /// With the counts of this moment; nullopt: there is none.
  [[nodiscard]] Result<std::optional<queue::CampaignRecord>> find(std::int64_t id);

  void stop();
  /// Every walk has ended, and that is on the disk.
  [[nodiscard]] bool stopped() const;
  void abandon();

 private:
  struct Run;
  void begin(const queue::CampaignRecord& campaign);
  void work(Run& run);
  [[nodiscard]] queue::CampaignRecord walk(Run& run);
  void decide(Run& run, queue::CampaignRecord outcome);
  void keep(Run& run);
  void settle(queue::CampaignRecord campaign);
  void interrupt(Run& run, Deed deed, Note note, Done done);
  void set_aside(queue::CampaignRecord campaign, Deed deed, Note note, Done done);
  void post(queue::CampaignRecord campaign, Note note,
            std::move_only_function<void(const Result<void>&)> done);

  Services& services_;
  const std::filesystem::path registry_path_;
  std::map<std::int64_t, std::unique_ptr<Run>> runs_;
  std::map<std::int64_t, queue::CampaignRecord> due_;  ///< Scheduled or blocked: at start_at.
  std::set<std::int64_t> steered_;  ///< What is to become of them is on its way to the disk.
  bool stopping_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace fanfare::gateway
