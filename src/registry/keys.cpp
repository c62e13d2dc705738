#include "registry/keys.h"

#include <algorithm>

#include "registry/hash.h"

namespace fanfare::registry {
namespace {

// When they are read from the devices again.
constexpr std::size_t most_taken_over = 100'000;

constexpr const char* insert_registration =
    "INSERT OR IGNORE INTO key_registration (hash, dev) VALUES (?, ?)";
constexpr const char* insert_user = "INSERT OR IGNORE INTO key_user (hash, dev) VALUES (?, ?)";
constexpr const char* insert_installation =
    "INSERT OR IGNORE INTO key_installation (hash, dev) VALUES (?, ?)";
constexpr const char* select_registration = "SELECT dev FROM key_registration WHERE hash = ?";
constexpr const char* select_installation = "SELECT dev FROM key_installation WHERE hash = ?";

std::int64_t hash_of(const Target& registration) {
  return registration_hash(registration.kind, registration.value);
}

}  // namespace

DeviceId Keys::stored_up_to() {
  auto rows = database_->prepared("SELECT up_to FROM keyed").rows();
  return rows.next() ? rows.integer(0) : 0;
}

// Of ids ever given, not of devices there are: those at the end may be purged.
DeviceId Keys::stored_last() {
  auto rows = database_->prepared("SELECT seq FROM sqlite_sequence WHERE name = 'dev'").rows();
  return rows.next() ? rows.integer(0) : 0;
}

void Keys::begin() {
  if (stored_up_to() == up_to_ && stored_last() == last_) return;
  forget();
  take_over();
}

void Keys::take_over() {
  up_to_ = stored_up_to();
  const DeviceId last = stored_last();
  auto& next = database_->prepared(
      "SELECT id, kind, value, user, installation FROM dev WHERE id > ? ORDER BY id LIMIT 10000");
  std::vector<Device> devices;
  for (DeviceId after = up_to_; after < last; after = devices.back().id) {
    devices.clear();
    {
      auto rows = next.rows(after);
      while (rows.next()) {
        Device device;
        device.id = rows.integer(0);
        device.registration = {static_cast<TargetKind>(rows.integer(1)), rows.text(2)};
        device.user = rows.text(3);
        device.installation = rows.text(4);
        devices.push_back(std::move(device));
      }
    }
    if (devices.empty()) break;
    for (const Device& device : devices) add(device);
    if (registrations_.size() >= most_taken_over) write();
  }
  last_ = last;
  write();
}

// The map has room for one device a hash; a second one is written at once.
void Keys::wait(Waiting& waiting, std::int64_t hash, DeviceId id, const char* insert) {
  if (!waiting.emplace(hash, id).second) database_->prepared(insert).run(hash, id);
}

void Keys::add(const Device& device) {
  wait(registrations_, hash_of(device.registration), device.id, insert_registration);
  if (!device.user.empty()) users_.push_back({text_hash(device.user), device.id});
  if (!device.installation.empty()) {
    wait(installations_, text_hash(device.installation), device.id, insert_installation);
  }
  last_ = device.id;
}

void Keys::add_user(DeviceId id, const std::string& user) {
  if (!user.empty()) database_->prepared(insert_user).run(text_hash(user), id);
}

void Keys::add_installation(DeviceId id, const std::string& installation) {
  if (installation.empty()) return;
  database_->prepared(insert_installation).run(text_hash(installation), id);
}

void Keys::remove(const Device& device) {
  database_->prepared("DELETE FROM key_registration WHERE hash = ? AND dev = ?")
      .run(hash_of(device.registration), device.id);
  database_->prepared("DELETE FROM key_user WHERE hash = ? AND dev = ?")
      .run(text_hash(device.user), device.id);
  database_->prepared("DELETE FROM key_installation WHERE hash = ? AND dev = ?")
      .run(text_hash(device.installation), device.id);
}

void Keys::end() {
  if (registrations_.size() >= most_waiting_) write();
}

void Keys::settle() {
  begin();
  write();
}

void Keys::write_run(std::vector<Key>& run, const char* insert) {
  std::ranges::sort(run);
  auto& statement = database_->prepared(insert);
  for (const Key& key : run) statement.run(key.hash, key.dev);
  run.clear();
}

void Keys::write() {
  if (up_to_ == last_) return;
  std::vector<Key> run;
  run.reserve(registrations_.size());
  for (const auto& [hash, id] : registrations_) run.push_back({hash, id});
  write_run(run, insert_registration);
  for (const auto& [hash, id] : installations_) run.push_back({hash, id});
  write_run(run, insert_installation);
  write_run(users_, insert_user);
  registrations_.clear();
  installations_.clear();
  database_->prepared("UPDATE keyed SET up_to = ?").run(last_);
  up_to_ = last_;
}

void Keys::find(const Waiting& waiting, std::int64_t hash, const char* select,
                std::vector<DeviceId>& out) {
  if (const auto at = waiting.find(hash); at != waiting.end()) out.push_back(at->second);
  auto rows = database_->prepared(select).rows(hash);
  while (rows.next()) out.push_back(rows.integer(0));
}

void Keys::find_registration(TargetKind kind, std::string_view value, std::vector<DeviceId>& out) {
  find(registrations_, registration_hash(kind, value), select_registration, out);
}

void Keys::find_installation(const std::string& installation, std::vector<DeviceId>& out) {
  find(installations_, text_hash(installation), select_installation, out);
}

void Keys::forget() noexcept {
  registrations_.clear();
  installations_.clear();
  users_.clear();
  up_to_ = last_ = -1;  // Equal to nothing that is stored.
}

}  // namespace fanfare::registry
