#include "registry/brake.h"

#include <algorithm>

namespace fanfare::registry {
namespace {

// FcmError SENDER_ID_MISMATCH, for a token or a fid: the registration is another project's.
bool is_foreign(std::string_view rule) noexcept {
  return rule.ends_with("sender_id_mismatch");  // Of an answer or of a probe.
}

bool is_above(double limit, std::uint64_t dead, std::uint64_t answers) noexcept {
  return static_cast<double>(dead) > limit * static_cast<double>(answers);
}

bool concerns(const BrakeState& brake, std::string_view platform) noexcept {
  return brake.platform == every_platform || brake.platform == platform;
}

// With a brake on for one platform the others are watched from so few deaths.
constexpr std::uint64_t floor_beside_another = 10;
// Fewer active devices than this can't say that a wave is over.
constexpr std::uint64_t fewest_actives = 10;
constexpr std::uint64_t answers_in_block = 100;
constexpr std::size_t latest_blocks = 10;
constexpr std::size_t stretch_blocks = 20;

// The last block of so many, begun anew when it is full.
template <class Block>
Block& open_block(std::deque<Block>& blocks, std::size_t most) {
  if (blocks.empty() || blocks.back().answers == answers_in_block) {
    blocks.emplace_back();
    if (blocks.size() > most) blocks.pop_front();
  }
  return blocks.back();
}

}  // namespace

bool brake_pulls(const BrakeLimits& limits, std::string_view rule, std::uint64_t retired,
                 std::uint64_t answered) noexcept {
  if (retired == 0 || retired < limits.floor) return false;
  return is_above(is_foreign(rule) ? limits.foreign_share : limits.share, retired, answered);
}

double brake_limit(const BrakeLimits& limits, std::string_view rule, std::uint64_t dead,
                   std::uint64_t answers) noexcept {
  if (is_foreign(rule)) return limits.foreign_share;
  if (answers == 0 || answers < limits.enough_answers) return limits.share;
  const double usual = static_cast<double>(dead) / static_cast<double>(answers);
  return std::clamp(limits.factor * usual + limits.margin, limits.lowest_share,
                    limits.highest_share);
}

SystemTime brake_bucket_of(SystemTime time) noexcept {
  return time - (time.time_since_epoch() % brake_bucket);
}

// BrakeWatch -------------------------------------------------------------------------------------

void BrakeWatch::Tally::add(std::string_view rule, std::uint64_t count) {
  answers += count;
  if (rule.empty()) return;
  if (const auto at = dead.find(rule); at != dead.end()) {
    at->second += count;
  } else {
    dead.emplace(rule, count);
  }
}

std::uint64_t BrakeWatch::Tally::dead_by(std::string_view rule) const {
  const auto at = dead.find(rule);
  return at == dead.end() ? 0 : at->second;
}

BrakeWatch::BrakeWatch(BrakeLimits limits, const BrakeHistory& history, std::int64_t campaign,
                       SystemTime begun)
    : limits_(limits), begun_(begun), canaries_(history.canaries) {
  for (const AnswerCount& row : history.baseline) {
    platform(row.platform).baseline.add(row.rule, row.count);
  }
  for (const AnswerCount& row : history.window) {
    auto& hour = platform(row.platform).hour;
    auto at = std::ranges::lower_bound(hour, row.bucket, {}, &Bucket::start);
    if (at == hour.end() || at->start != row.bucket) at = hour.insert(at, {row.bucket, {}});
    at->tally.add(row.rule, row.count);
  }
  for (const auto& [brake, actives] : history.open) {
    if (brake.over) continue;
    on_.emplace(brake.platform, brake.rule);
    // What the run that pulled it hears is part of the wave, however long it goes on.
    if (brake.campaign == campaign) continue;
    Check& check = checks_.emplace_back();
    check.brake = brake;
    check.wanted_suspects = std::min(brake.suspects, limits_.sample);
    check.wanted_actives = std::min(actives, limits_.sample);
    for (const auto& [device, platform] : canaries_) {
      if (concerns(brake, platform)) check.canaries.insert(device);
    }
  }
}

BrakeWatch::Platform& BrakeWatch::platform(std::string_view name) {
  if (const auto at = platforms_.find(name); at != platforms_.end()) return at->second;
  return platforms_.emplace(name, Platform{}).first->second;
}

void BrakeWatch::note(const Answer& answer) {
  const bool dead = !answer.rule.empty();
  const bool canary_died =
      dead && answer.before != State::retired && canaries_.contains(answer.device);
  if (canary_died) {
    dead_canaries_.emplace(BrakeKey(answer.platform, answer.rule), answer.device);
  }
  for (Check& check : checks_) {
    if (!concerns(check.brake, answer.platform)) continue;
    const bool by_its_rule = answer.rule == check.brake.rule;
    if (canary_died && by_its_rule) check.canary_dead = true;
    if (!check.canaries.empty()) check.canaries.erase(answer.device);
    if (answer.before == State::suspect && answer.suspected_by == check.brake.rule) {
      ++check.suspects;
      if (by_its_rule) ++check.suspects_dead;
    } else if (answer.before == State::active) {
      ++check.actives;
      if (by_its_rule) ++check.actives_dead;
    }
  }
  // The death of a suspect is no news.
  if (!dead || answer.before == State::active) count(answer.platform, answer.rule);
}

void BrakeWatch::count(std::string_view name, std::string_view rule) {
  Platform& its = platform(name);
  its.pending.add(rule, 1);
  its.run.add(rule, 1);
  open_block(its.latest, latest_blocks).add(rule, 1);
  in_newest_block(name, its).add(rule, 1);
  if (rule.empty() || fresh_rules_.contains(rule)) return;
  fresh_rules_.emplace(rule);
  all_rules_.emplace(rule);
}

// Looked up once for each block, not for each answer.
BrakeWatch::Tally& BrakeWatch::in_newest_block(std::string_view name, Platform& its) {
  Block& block = open_block(stretch_, stretch_blocks);
  if (block.answers++ == 0) {
    for (auto& [any, platform] : platforms_) platform.in_stretch = nullptr;
  }
  if (its.in_stretch == nullptr) {
    its.in_stretch = &block.platforms.emplace(name, Tally{}).first->second;
  }
  return *its.in_stretch;
}

std::vector<AnswerCount> BrakeWatch::take_counts(SystemTime now) {
  const SystemTime start = brake_bucket_of(now);
  std::vector<AnswerCount> counts;
  for (auto& [name, platform] : platforms_) {
    if (platform.pending.answers == 0) continue;
    const Tally heard = std::exchange(platform.pending, {});
    if (platform.hour.empty() || platform.hour.back().start < start) {
      platform.hour.push_back({start, {}});
    }
    Tally& bucket = platform.hour.back().tally;
    std::uint64_t accepted = heard.answers;
    for (const auto& [rule, count] : heard.dead) {
      accepted -= count;
      bucket.add(rule, count);
      counts.push_back({start, name, rule, count});
    }
    bucket.add({}, accepted);
    if (accepted > 0) counts.push_back({start, name, {}, accepted});
  }
  return counts;
}

void BrakeWatch::slide(SystemTime now) {
  const SystemTime oldest = brake_bucket_of(now) - brake_window;
  for (auto& [name, platform] : platforms_) {
    while (!platform.hour.empty() && platform.hour.front().start < oldest) {
      platform.hour.pop_front();
    }
  }
}

// Pulling ----------------------------------------------------------------------------------------

bool BrakeWatch::is_on(std::string_view platform, std::string_view rule) const {
  return std::ranges::any_of(on_, [&](const BrakeKey& key) {
    return key.second == rule && (key.first == platform || key.first == every_platform);
  });
}

bool BrakeWatch::any_on(std::string_view rule) const {
  return std::ranges::any_of(on_, [&](const BrakeKey& key) { return key.second == rule; });
}

double BrakeWatch::limit(const Platform& platform, std::string_view rule) const {
  return brake_limit(limits_, rule, platform.baseline.dead_by(rule), platform.baseline.answers);
}

BrakeReason BrakeWatch::judge(std::string_view name, const Platform& platform,
                              std::string_view rule, Look look) const {
  BrakeReason seen;
  seen.limit = limit(platform, rule);
  const auto add = [&](const Tally& tally) {
    seen.answers += tally.answers;
    seen.dead += tally.dead_by(rule);
  };
  switch (look) {
    case Look::latest:
      for (const Tally& block : platform.latest) add(block);
      // Devices that were imported together die together; so few answers must say more.
      if (!is_foreign(rule)) seen.limit = std::max(seen.limit, limits_.share);
      break;
    case Look::run:
      add(platform.run);
      break;
    case Look::hour:
      for (const Bucket& bucket : platform.hour) add(bucket.tally);
      break;
    case Look::stretch:
      for (const Block& block : stretch_) {
        if (const auto at = block.platforms.find(name); at != block.platforms.end()) {
          add(at->second);
        }
      }
      // Another platform was at its limit just now, and this one can't be far from it.
      seen.limit /= 2;
      break;
  }
  if (seen.answers > 0) {
    seen.share = static_cast<double>(seen.dead) / static_cast<double>(seen.answers);
  }
  return seen;
}

void BrakeWatch::pull(BrakePull pull, std::vector<BrakePull>& pulls) {
  on_.emplace(pull.platform, pull.rule);
  pulled_now_.insert(pull.rule);
  pulls.push_back(std::move(pull));
}

void BrakeWatch::look_at(std::string_view rule, Look look, SystemTime since, std::uint64_t floor,
                         std::vector<BrakePull>& pulls) {
  std::uint64_t dead = 0;
  std::vector<BrakePull> due;
  for (const auto& [name, platform] : platforms_) {
    if (is_on(name, rule)) continue;
    const BrakeReason seen = judge(name, platform, rule, look);
    if (seen.dead == 0 || !is_above(seen.limit, seen.dead, seen.answers)) continue;
    dead += seen.dead;
    due.push_back({.platform = name, .rule = std::string(rule), .since = since, .why = seen});
  }
  if (due.empty() || dead < floor) return;
  for (BrakePull& one : due) pull(std::move(one), pulls);
}

std::vector<BrakePull> BrakeWatch::take_pulls(SystemTime now, bool ended) {
  slide(now);
  const SystemTime window = brake_bucket_of(now) - brake_window;
  std::vector<BrakePull> pulls;
  for (const auto& [key, device] : std::exchange(dead_canaries_, {})) {
    const auto& [name, rule] = key;
    if (is_on(name, rule)) continue;
    pull({.platform = name,
          .rule = rule,
          .since = window,
          .why = judge(name, platform(name), rule, Look::run),
          .canary = device},
         pulls);
  }
  const auto news = std::exchange(fresh_rules_, {});
  for (const std::string& rule : ended ? all_rules_ : news) {
    for (const Look look : {Look::latest, Look::run, Look::hour, Look::stretch}) {
      const bool short_look = look == Look::latest || look == Look::stretch;
      // What probes find out comes late and in bunches.
      if (short_look && rule.starts_with("token.probe_")) continue;
      if (look == Look::stretch && !pulled_now_.contains(rule)) continue;
      const std::uint64_t beside_another = ended ? 1 : floor_beside_another;
      look_at(rule, look, look == Look::run ? std::min(window, begun_) : window,
              any_on(rule) ? std::min(limits_.floor, beside_another) : limits_.floor, pulls);
    }
  }
  return pulls;
}

// Letting go -------------------------------------------------------------------------------------

std::vector<std::int64_t> BrakeWatch::take_over(SystemTime now, bool ended) {
  std::vector<std::int64_t> over;
  for (auto check = checks_.begin(); check != checks_.end();) {
    check->looks_over = check->looks_over || looks_over(*check, now);
    if (!check->looks_over || check->canary_dead || (!check->canaries.empty() && !ended)) {
      ++check;
      continue;
    }
    over.push_back(check->brake.id);
    let_go({check->brake.platform, check->brake.rule});
    check = checks_.erase(check);
  }
  return over;
}

// Each question is asked once, of the first answers that are enough. A run that begins within the
// wave and outlasts it would else water down what it heard, and believe it in the end.
bool BrakeWatch::looks_over(Check& check, SystemTime now) {
  const auto known = platforms_.find(check.brake.platform);
  const double most = known == platforms_.end() ? brake_limit(limits_, check.brake.rule, 0, 0)
                                                : limit(known->second, check.brake.rule);
  const std::uint64_t answers = check.suspects + check.actives;
  const std::uint64_t wanted =
      std::min(limits_.sample, check.wanted_suspects + check.wanted_actives);
  if (!check.share_judged && check.suspects >= check.wanted_suspects && answers >= wanted) {
    check.share_judged = true;
    // The suspects by themselves, too: among many active devices a few hundred would not show.
    if (!is_above(most, check.suspects_dead + check.actives_dead, answers) &&
        !is_above(most, check.suspects_dead, check.suspects)) {
      return true;
    }
  }
  if (!check.fresh_judged && check.actives >= std::max(check.wanted_actives, fewest_actives)) {
    check.fresh_judged = true;
    return now - check.brake.since >= limits_.recheck_after &&
           !is_above(most, check.actives_dead, check.actives);
  }
  return false;
}

// The wave no longer counts, or the first death after it would pull the brake again.
void BrakeWatch::let_go(const BrakeKey& brake) {
  const auto& [platform, rule] = brake;
  on_.erase(brake);
  const auto forget = [&](Tally& tally) {
    if (const auto at = tally.dead.find(rule); at != tally.dead.end()) {
      tally.answers -= at->second;
      tally.dead.erase(at);
    }
  };
  for (auto& [name, its] : platforms_) {
    if (platform != every_platform && platform != name) continue;
    for (Bucket& bucket : its.hour) forget(bucket.tally);
    for (Tally& block : its.latest) forget(block);
    forget(its.run);
    for (Block& block : stretch_) {
      if (const auto at = block.platforms.find(name); at != block.platforms.end()) {
        forget(at->second);
      }
    }
  }
}

void BrakeWatch::keep(const std::set<BrakeKey>& on) {
  for (const BrakeKey& brake : std::set(on_)) {
    if (on.contains(brake)) continue;
    let_go(brake);
    std::erase_if(checks_, [&](const Check& check) {
      return check.brake.platform == brake.first && check.brake.rule == brake.second;
    });
  }
}

}  // namespace fanfare::registry
