// Campaigns: what a person has asked the gateway to send to many, and how far that is. The walk
// over the devices, its cursor and its results by device are the registry's (registry::Campaign).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time_text.h"
#include "queue/store.h"

namespace fanfare::queue {

enum class CampaignState : std::uint8_t {
  draft,      ///< Made, to be started by a person.
  scheduled,  ///< Starts at start_at.
  running,
  paused,    ///< By a person; goes on where it was.
  blocked,   ///< Credentials, project or platform; goes on when resumed or when the breaker closes.
  finished,  ///< Everyone's result is final.
  cancelled,  ///< Those not yet sent to never will be. Until it has `ended` some are under way.
  failed,     ///< The message is wrong for everyone, or the store failed.
};
[[nodiscard]] std::string_view to_string(CampaignState state) noexcept;
[[nodiscard]] constexpr bool is_final(CampaignState state) noexcept {
  return state == CampaignState::finished || state == CampaignState::cancelled ||
         state == CampaignState::failed;
}

struct CampaignRecord {
  std::int64_t id = 0;  ///< 0: not stored yet. "c-7" for people.
  std::string project;
  std::string name;
  CampaignState state = CampaignState::draft;
  std::string audience;  ///< A filter of the registry's (docs/filters.md); empty: everybody.
  std::string message;   ///< FCM Message JSON without a target.
  bool validate_only = false;
  std::optional<SystemTime> start_at;
  std::optional<SystemTime> expires_at;   ///< Nothing is sent after it.
  std::uint64_t messages_per_minute = 0;  ///< 0: the project's pace.
  std::int64_t registry_campaign = 0;     ///< 0: not begun.
  SystemTime created{};
  std::optional<SystemTime> started;
  std::optional<SystemTime> ended;
  std::string reason;  ///< Why it is blocked or failed, for people.
  std::string labels;  ///< JSON object; empty: none.

  // As of the latest progress. The books: audience == accepted + retired + failed + unknown +
  // cancelled + (not final yet). When it has ended `cancelled` is everyone who was not sent to,
  // those who had left the audience before their turn, too.
  std::uint64_t audience_count = 0;
  std::uint64_t accepted = 0;
  std::uint64_t retired = 0;
  std::uint64_t failed = 0;
  std::uint64_t unknown = 0;
  std::uint64_t cancelled = 0;
  std::map<std::string, std::uint64_t> by_rule;
};

class Campaigns {
 public:
  explicit Campaigns(Store& store) : store_(store) {}

  // Inside a transaction.
  void add(CampaignRecord& campaign);           ///< Gives it its id.
  void update(const CampaignRecord& campaign);  ///< All its columns.

  [[nodiscard]] std::optional<CampaignRecord> find(std::int64_t id);
  /// Newest first, before `before` (0: from the newest); `project` empty: all.
  [[nodiscard]] std::vector<CampaignRecord> list(const std::string& project, std::int64_t before,
                                                 std::size_t limit);
  /// Those in none of the final states, and those that were cancelled while they ran and have not
  /// ended; oldest first.
  [[nodiscard]] std::vector<CampaignRecord> open();

 private:
  Store& store_;
};

[[nodiscard]] std::string format_campaign_id(std::int64_t id);
[[nodiscard]] std::optional<std::int64_t> parse_campaign_id(std::string_view text) noexcept;

}  // namespace fanfare::queue
