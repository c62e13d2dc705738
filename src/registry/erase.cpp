// Registry: erasing all that is known of one user, so that no copy stays in the files.
//
// As a rule SQLite leaves deleted bytes where they were until a page is used again (Debian's does
// not). `secure_delete` writes zeros over what this transaction deletes; the log, which holds the
// pages as they were, is emptied. What earlier deletions left in free space is looked for: if a
// registration is found there, the file is written anew.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "registry/evidence.h"
#include "registry/hash.h"
#include "registry/registry_impl.h"

namespace fanfare::registry {

using sqlite::guarded;
using sqlite::Transaction;

namespace {

constexpr std::string_view erased_evidence = R"({"erased":true})";

// Shorter texts may stand in the file by chance.
constexpr std::size_t least_searched_bytes = 16;

// Whether one of the texts stands anywhere in the file.
bool stands_in_file(const std::filesystem::path& path, const std::vector<std::string>& texts) {
  std::size_t longest = 0;
  for (const auto& text : texts) longest = std::max(longest, text.size());
  if (longest == 0) return false;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  // Not to be read is not to be sure.
  if (file == nullptr) return true;
  constexpr std::size_t chunk_bytes = 4U << 20;
  std::string bytes;
  while (true) {
    const std::size_t kept = std::min(bytes.size(), longest - 1);
    bytes.erase(0, bytes.size() - kept);
    bytes.resize(kept + chunk_bytes);
    const std::size_t got = std::fread(bytes.data() + kept, 1, chunk_bytes, file.get());
    bytes.resize(kept + got);
    if (std::ranges::any_of(texts, [&](const std::string& text) {
          return bytes.find(text) != std::string::npos;
        })) {
      return true;
    }
    if (got == 0) return std::ferror(file.get()) != 0;
  }
}

class Eraser {
 public:
  Eraser(Registry::Impl& impl, const std::string& user) : impl_(impl), user_(user) {}

  // Events are only ever appended, so what was looked through needs no second look. The long walk
  // is done before the transaction, which then looks at what came meanwhile.
  void look_through_events() {
    find_devices();
    read_events();
  }

  /// Within a transaction.
  [[nodiscard]] EraseCounts erase() {
    find_devices();
    read_events();
    auto& database = impl_.database;
    EraseCounts counts;
    counts.devices = devices_.size();
    counts.superseded = superseded_;
    counts.mentions = 0;
    auto& doomed = database.prepared("INSERT OR IGNORE INTO temp.purged VALUES (?)");
    for (const Device& device : devices_) doomed.run(device.id);
    counts.events = static_cast<std::uint64_t>(
        database.integer("SELECT count(*) FROM event WHERE dev IN (SELECT id FROM temp.purged)"));
    auto& blank = database.prepared(
        "UPDATE event SET evidence = ?, packed = NULL"
        " WHERE id = ? AND dev NOT IN (SELECT id FROM temp.purged)");
    for (const std::int64_t event : mentioning_) {
      blank.run(erased_evidence, event);
      counts.mentions += static_cast<std::uint64_t>(database.changes());
    }
    clear_times();
    database.execute(
        "DELETE FROM replaced WHERE dev IN (SELECT id FROM temp.purged);"
        "DELETE FROM list_member WHERE dev IN (SELECT id FROM temp.purged)"
        " AND list IN (SELECT id FROM list UNION SELECT list FROM campaign);");
    impl_.remove_purged();
    remove_keys_of_former();
    return counts;
  }

  /// What must not be found any more: the registrations, and the user as a former owner.
  [[nodiscard]] std::vector<std::string> searched() const {
    std::vector<std::string> texts{evidence_of("from", user_)};
    for (const Device& device : devices_) {
      const std::string& value = device.registration.value;
      if (value.size() >= least_searched_bytes) texts.push_back(value);
    }
    return texts;
  }

 private:
  void find_devices() {
    devices_.clear();
    superseded_ = 0;
    {
      auto rows = impl_.database
                      .prepared("SELECT " FANFARE_OWN_COLUMNS
                                ", NULL FROM device"
                                " WHERE " FANFARE_KEYED_IN("key_user") " AND user = ?")
                      .rows(text_hash(user_), user_);
      while (rows.next()) devices_.push_back(read_device(rows));
    }
    add_predecessors();
  }

  // One that is known as another user's was passed on; it is theirs.
  void add_predecessors() {
    auto& of = impl_.database.prepared("SELECT " FANFARE_OWN_COLUMNS
                                       ", NULL FROM replaced CROSS JOIN device"
                                       " WHERE device.id = replaced.dev AND successor = ?");
    for (std::size_t i = 0; i < devices_.size(); ++i) {
      auto rows = of.rows(devices_[i].id);
      while (rows.next()) {
        Device earlier = read_device(rows);
        const bool known = std::ranges::any_of(
            devices_, [&](const Device& device) { return device.id == earlier.id; });
        if (known || !earlier.user.empty()) continue;
        ++superseded_;
        devices_.push_back(std::move(earlier));
      }
    }
  }

  [[nodiscard]] std::set<std::string> telling_texts() const {
    std::set<std::string> texts{evidence_of("from", user_)};
    for (const Device& device : devices_) {
      texts.insert(evidence_of("by", device.registration.value));
      texts.insert(evidence_of("maybe_by", device.registration.value));
    }
    return texts;
  }

  void read_events() {
    const auto texts = telling_texts();
    auto& next = impl_.database.prepared(
        "SELECT id, evidence, packed FROM event WHERE id > ? AND id <= ?"
        " AND cause IN ('owner', 'replaced')");
    const auto last = impl_.database.integer("SELECT max(id) FROM event");
    for (; events_read_ < last; events_read_ += id_window) {
      auto rows = next.rows(events_read_, std::min(events_read_ + id_window, last));
      while (rows.next()) {
        if (texts.contains(stored_evidence(rows.text(1), rows.text(2)))) {
          mentioning_.push_back(rows.integer(0));
        }
      }
    }
    events_read_ = last;
  }

  void clear_times() {
    auto& read = impl_.database.prepared("SELECT times FROM accepted WHERE block = ?");
    auto& write = impl_.database.prepared("UPDATE accepted SET times = ? WHERE block = ?");
    for (const Device& device : devices_) {
      const DeviceId number = AcceptedBlock::number_of(device.id);
      std::optional<AcceptedBlock> block;
      {
        auto rows = read.rows(number);
        if (rows.next()) block.emplace(rows.text(0));
      }
      if (!block || !block->knows(device.id)) continue;
      block->set(device.id, SystemTime{});
      write.run(sqlite::Blob{block->bytes()}, number);
    }
  }

  // The keys of those that are another's now. Two users may share a hash.
  void remove_keys_of_former() {
    const auto hash = text_hash(user_);
    std::vector<DeviceId> former;
    {
      auto rows = impl_.database
                      .prepared(
                          "SELECT dev, ifnull(user, '') FROM key_user LEFT JOIN dev"
                          " ON dev.id = key_user.dev WHERE hash = ?")
                      .rows(hash);
      while (rows.next()) {
        const std::string user = rows.text(1);
        if (user.empty() || text_hash(user) != hash) former.push_back(rows.integer(0));
      }
    }
    auto& remove = impl_.database.prepared("DELETE FROM key_user WHERE hash = ? AND dev = ?");
    for (const DeviceId id : former) remove.run(hash, id);
  }

  Registry::Impl& impl_;
  const std::string& user_;
  std::vector<Device> devices_;
  std::uint64_t superseded_ = 0;
  std::vector<std::int64_t> mentioning_;  // Events.
  std::int64_t events_read_ = 0;
};

bool empty_log(sqlite::Database& database) {
  return database.integer("PRAGMA wal_checkpoint(TRUNCATE)") == 0;
}

}  // namespace

Result<EraseCounts> Registry::erase_user(const std::string& user, bool dry_run) {
  if (user.empty()) {
    return fail(Error::Kind::usage, "the devices of no user can't be erased as one user's",
                "name the user; devices without one go with prune and purge");
  }
  auto& database = impl_->database;
  auto erased = guarded([&] {
    if (!dry_run && !empty_log(database)) {
      throw sqlite::Failure{{Error::Kind::storage,
                             fmt::format("another process is reading {}, so its log can't be "
                                         "emptied; nothing was erased",
                                         database.path().string()),
                             "wait until it is done, or stop it, and erase then"}};
    }
    database.execute("PRAGMA secure_delete = ON");
    Eraser eraser(*impl_, user);
    eraser.look_through_events();
    EraseCounts counts;
    {
      Transaction transaction(database);
      counts = eraser.erase();
      if (dry_run) return counts;
      transaction.commit();
    }
    counts.log_emptied = empty_log(database);
    if (counts.log_emptied && stands_in_file(database.path(), eraser.searched())) {
      database.execute("VACUUM");
      counts.rebuilt = true;
      counts.log_emptied = empty_log(database);
    }
    return counts;
  });
  if (!erased || dry_run) impl_->keys.forget();
  return erased;
}

}  // namespace fanfare::registry
