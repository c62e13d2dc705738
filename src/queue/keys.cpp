#include "queue/keys.h"

#include <array>
#include <stdexcept>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

namespace fanfare::queue {
namespace {

using sqlite::Blob;
using sqlite::Statement;

constexpr std::string_view prefix = "ff_";
constexpr std::size_t id_letters = 12;

constexpr std::array<std::string_view, scope_count> scope_names = {"send", "read", "devices",
                                                                   "campaigns", "admin"};

std::string hash_of(std::string_view secret) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string join(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined += (joined.empty() ? "" : "\n") + text;
  return joined;
}

std::vector<std::string> split(const std::string& joined) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < joined.size();) {
    const auto end = std::min(joined.size(), joined.find('\n', at));
    texts.push_back(joined.substr(at, end - at));
    at = end + 1;
  }
  return texts;
}

constexpr const char* columns =
    "SELECT id, name, scopes, projects, requests_per_second, created, expires, revoked, hash"
    " FROM api_key";

ApiKey read_key(const Statement::Rows& row) {
  ApiKey key{.id = row.text(0),
             .name = row.text(1),
             .scopes = {},
             .projects = split(row.text(3)),
             .requests_per_second = static_cast<std::uint32_t>(row.integer(4)),
             .created = *row.time(5),
             .expires = row.time(6),
             .revoked = row.time(7)};
  for (const std::string& name : split(row.text(2))) {
    if (const auto scope = parse_scope(name)) key.scopes.push_back(*scope);
  }
  return key;
}

}  // namespace

// Of 32 letters, so that each is five bits of the random bytes.
std::string random_letters(std::size_t count) {
  constexpr std::string_view letters = "abcdefghijkmnpqrstuvwxyz23456789";
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    throw sqlite::Failure{{Error::Kind::storage, "the system gives no random bytes", "try again"}};
  }
  for (char& byte : bytes) byte = letters[static_cast<unsigned char>(byte) % letters.size()];
  return bytes;
}

std::string_view to_string(Scope scope) noexcept {
  return scope_names.at(static_cast<std::size_t>(scope));
}

std::optional<Scope> parse_scope(std::string_view text) noexcept {
  for (std::size_t i = 0; i < scope_count; ++i) {
    if (scope_names.at(i) == text) return static_cast<Scope>(i);
  }
  return std::nullopt;
}

Result<void> check_projects(const std::vector<std::string>& projects) {
  for (const std::string& project : projects) {
    if (project.empty()) {
      return fail(Error::Kind::usage, "a project of the key has no name",
                  "name it, or none for a key that is good for all");
    }
    if (project.contains('\n')) {
      return fail(Error::Kind::usage, "a project's name is one line", "name each by itself");
    }
  }
  return {};
}

Secret Keys::add(ApiKey& key, SystemTime now) {
  key.id = random_letters(id_letters);
  key.created = now;
  const std::string secret = random_letters(52);  // 260 bits.
  std::vector<std::string> scopes;
  for (const Scope scope : key.scopes) scopes.emplace_back(to_string(scope));
  store_.database()
      .prepared(
          "INSERT INTO api_key (id, name, hash, scopes, projects, requests_per_second,"
          " created, expires, revoked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL)")
      .run(std::string_view(key.id), std::string_view(key.name), Blob{hash_of(secret)},
           std::string_view(join(scopes)), std::string_view(join(key.projects)),
           key.requests_per_second, now, key.expires);
  return Secret(std::string(prefix) + key.id + "_" + secret);
}

bool Keys::revoke(const std::string& id, SystemTime now) {
  store_.database()
      .prepared("UPDATE api_key SET revoked = ? WHERE id = ? AND revoked IS NULL")
      .run(now, std::string_view(id));
  return store_.database().changes() > 0;
}

std::vector<ApiKey> Keys::all() {
  std::vector<ApiKey> found;
  auto rows = store_.database().prepared(columns).rows();
  while (rows.next()) found.push_back(read_key(rows));
  return found;
}

std::optional<ApiKey> Keys::find(std::string_view presented) {
  if (!presented.starts_with(prefix)) return std::nullopt;
  presented.remove_prefix(prefix.size());
  if (presented.size() <= id_letters || presented[id_letters] != '_') return std::nullopt;
  static const std::string sql = std::string(columns) + " WHERE id = ?";
  auto rows = store_.database().prepared(sql.c_str()).rows(presented.substr(0, id_letters));
  if (!rows.next()) return std::nullopt;
  const std::string kept = rows.text(8);
  const std::string given = hash_of(presented.substr(id_letters + 1));
  if (kept.size() != given.size() || CRYPTO_memcmp(kept.data(), given.data(), kept.size()) != 0) {
    return std::nullopt;
  }
  return read_key(rows);
}

void Audit::add(const AuditEntry& entry) {
  store_.database()
      .prepared(
          "INSERT INTO audit (at, actor, action, project, target, detail, request_id)"
          " VALUES (?, ?, ?, ?, ?, ?, ?)")
      .run(entry.at, std::string_view(entry.actor), std::string_view(entry.action),
           std::string_view(entry.project), std::string_view(entry.target),
           std::string_view(entry.detail), std::string_view(entry.request_id));
}

std::vector<AuditEntry> Audit::behind(std::int64_t after, std::size_t limit) {
  std::vector<AuditEntry> found;
  auto rows = store_.database()
                  .prepared(
                      "SELECT id, at, actor, action, project, target, detail, request_id"
                      " FROM audit WHERE id > ? ORDER BY id LIMIT ?")
                  .rows(after, limit);
  while (rows.next()) {
    found.push_back({.id = rows.integer(0),
                     .at = *rows.time(1),
                     .actor = rows.text(2),
                     .action = rows.text(3),
                     .project = rows.text(4),
                     .target = rows.text(5),
                     .detail = rows.text(6),
                     .request_id = rows.text(7)});
  }
  return found;
}

}  // namespace fanfare::queue
