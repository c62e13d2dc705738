#include "emulator/phones.h"

#include <algorithm>
#include <utility>

namespace fanfare::emulator {
namespace {

using namespace std::chrono_literals;

bool is_android(const Phone& phone) noexcept {
  return phone.platform == Platform::android || phone.platform == Platform::unknown;
}

/// How long a collapsible message waits for its turn: a burst at once, then one in a while.
SystemTime turn_of_collapsible(Phone& phone, const DeviceLimits& limits, SystemTime now) {
  if (!limits.collapsible_burst) return now;
  const auto burst = static_cast<double>(*limits.collapsible_burst);
  const std::chrono::duration<double> refill = limits.collapsible_refill;
  const auto passed = std::chrono::duration<double>(now - phone.collapsible_at);
  auto left = phone.collapsible_left ? *phone.collapsible_left + passed / refill : burst;
  left = std::min(left, burst) - 1;
  phone.collapsible_left = left;
  phone.collapsible_at = now;
  if (left >= 0) return now;
  return now + std::chrono::duration_cast<SystemTime::duration>(-left * refill);
}

/// Takes the waiting message with this key away; its turn goes to the one that replaces it.
std::optional<SystemTime> collapse(Phone& phone, const std::string& key, const Settle& settle) {
  const auto same = std::find_if(phone.waiting.begin(), phone.waiting.end(),
                                 [&](const auto& one) { return one.collapse_key == key; });
  if (same == phone.waiting.end()) return std::nullopt;
  const auto turn = same->not_before;
  settle(same->delivery, Outcome::collapsed);
  phone.waiting.erase(same);
  return turn;
}

std::size_t count_keyed(const Phone& phone) {
  return static_cast<std::size_t>(
      std::count_if(phone.waiting.begin(), phone.waiting.end(),
                    [](const auto& one) { return !one.collapse_key.empty(); }));
}

/// FCM keeps some four keys and does not say which; here the oldest goes.
void make_room_for_key(Phone& phone, const Settle& settle) {
  if (count_keyed(phone) < Phones::max_collapse_keys) return;
  const auto oldest = std::find_if(phone.waiting.begin(), phone.waiting.end(),
                                   [](const auto& one) { return !one.collapse_key.empty(); });
  settle(oldest->delivery, Outcome::collapsed);
  phone.waiting.erase(oldest);
}

/// The app learns of it (onDeletedMessages) and synchronises by itself.
void drop_all_without_key(Phone& phone, const Settle& settle) {
  std::erase_if(phone.waiting, [&](const Phone::Waiting& one) {
    if (!one.collapse_key.empty()) return false;
    settle(one.delivery, Outcome::dropped_too_many_pending);
    return true;
  });
}

}  // namespace

bool Window::count(SystemTime now, std::chrono::seconds length, std::uint64_t limit) {
  if (count_ == 0 || now - start_ >= length) {
    start_ = now;
    count_ = 0;
  }
  if (count_ >= limit) return false;
  ++count_;
  return true;
}

Phone* Phones::find(std::string_view registration) {
  if (phones_.empty()) return nullptr;
  const auto place = phones_.find(registration);
  return place == phones_.end() ? nullptr : &place->second;
}

Phone* Phones::find_or_add(const std::string& registration, Platform platform) {
  if (auto* known = find(registration)) return known;
  if (phones_.size() >= max_count) return nullptr;
  auto& phone = phones_[registration];
  phone.platform = platform;
  return &phone;
}

bool Phones::admit(Phone& phone, const DeviceLimits& limits, SystemTime now) {
  if (!is_android(phone)) return true;
  return (!limits.per_hour || phone.hour.count(now, 1h, *limits.per_hour)) &&
         (!limits.per_minute || phone.minute.count(now, 1min, *limits.per_minute));
}

Outcome Phones::take(Phone& phone, const Handling& handling, std::uint64_t delivery,
                     const DeviceLimits& limits, SystemTime now, const Settle& settle) {
  if (!phone.installed) return Outcome::dropped_uninstalled;
  const bool keyed = !handling.collapse_key.empty();
  if (!phone.online) {
    if (is_android(phone) && now - phone.last_seen > inactive_after) {
      return Outcome::dropped_inactive;
    }
    if (handling.ttl == 0s) return Outcome::expired;
  }
  auto turn = now;
  if (keyed) {
    const auto inherited = collapse(phone, handling.collapse_key, settle);
    // Now or never is never held back.
    if (handling.ttl > 0s) turn = inherited.value_or(SystemTime::min());
    if (turn == SystemTime::min()) turn = turn_of_collapsible(phone, limits, now);
  }
  if (phone.online && turn <= now) return Outcome::delivered;
  if (keyed) {
    make_room_for_key(phone, settle);
  } else if (phone.waiting.size() - count_keyed(phone) >= max_waiting) {
    drop_all_without_key(phone, settle);
    return Outcome::dropped_too_many_pending;
  }
  phone.waiting.push_back({delivery, now + handling.ttl, turn, handling.collapse_key});
  return phone.online ? Outcome::delayed : Outcome::pending;
}

void Phones::connect(Phone& phone, SystemTime now, const Settle& settle) {
  phone.online = true;
  for (const auto& one : std::exchange(phone.waiting, {})) {
    settle(one.delivery, one.expires <= now ? Outcome::expired : Outcome::delivered);
  }
}

void Phones::disconnect(Phone& phone, SystemTime now) {
  if (phone.online) phone.last_seen = now;
  phone.online = false;
}

void Phones::settle_due(SystemTime now, const Settle& settle) {
  for (auto& [registration, phone] : phones_) {
    std::erase_if(phone.waiting, [&, online = phone.online](const Phone::Waiting& one) {
      const bool expired = one.expires <= now;
      if (!expired && !(online && one.not_before <= now)) return false;
      settle(one.delivery, expired ? Outcome::expired : Outcome::delivered);
      return true;
    });
  }
}

bool Phones::is_forgotten(const Phone& phone, SystemTime now) noexcept {
  return is_android(phone) && !phone.online && now - phone.last_seen > expired_after;
}

}  // namespace fanfare::emulator
