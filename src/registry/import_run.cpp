#include "registry/import_run.h"

#include <algorithm>
#include <system_error>

#include "registry/byte_source.h"
#include "registry/hash.h"
#include "registry/registry_impl.h"

namespace fanfare::registry {

using sqlite::guarded;

namespace {

constexpr std::size_t head_bytes = 64U << 10;

// Of the first bytes, at most so many.
Result<std::string> hash_of_head(FileSource& file, std::size_t most) {
  std::string head(most, '\0');
  std::size_t length = 0;
  while (length < head.size()) {
    const auto count = file.read(std::span(head).subspan(length));
    if (!count) return std::unexpected(count.error());
    if (*count == 0) break;
    length += *count;
  }
  const auto hash = static_cast<std::uint64_t>(text_hash({head.data(), length}));
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(hash >> shift & 0xffU);
  return bytes;
}

}  // namespace

Result<std::optional<ImportRun>> describe_import(const std::filesystem::path& path,
                                                 const std::string& table) {
  if (path == "-") return std::nullopt;
  auto file = FileSource::open(path);
  if (!file) return std::unexpected(file.error());
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  auto head = hash_of_head(**file, head_bytes);
  if (!head) return std::unexpected(head.error());
  ImportRun run;
  run.source = std::filesystem::absolute(path, error).lexically_normal().string();
  if (!table.empty()) run.source += " table " + table;
  run.size = (*file)->bytes_total();
  run.head = std::move(*head);
  return run;
}

Result<bool> can_resume(const ImportRun& earlier, const std::filesystem::path& path) {
  auto file = FileSource::open(path);
  if (!file) return std::unexpected(file.error());
  if ((*file)->bytes_total() < earlier.size) return false;
  const auto head = hash_of_head(**file, std::min<std::uint64_t>(earlier.size, head_bytes));
  if (!head) return std::unexpected(head.error());
  return *head == earlier.head;
}

// In the store --------------------------------------------------------------------------------

void Registry::Impl::write_import_run(const ImportRun& run, SystemTime now) {
  database
      .prepared(
          "INSERT OR REPLACE INTO import_run (source, size, head, lines, at)"
          " VALUES (?, ?, ?, ?, ?)")
      .run(run.source, run.size, sqlite::Blob{run.head}, run.mark, now);
}

Result<std::optional<ImportRun>> Registry::unfinished_import(const std::string& source) {
  return guarded([&]() -> std::optional<ImportRun> {
    auto rows =
        impl_->database.prepared("SELECT size, head, lines FROM import_run WHERE source = ?")
            .rows(source);
    if (!rows.next()) return std::nullopt;
    return ImportRun{source, rows.count(0), rows.text(1), rows.count(2)};
  });
}

Result<void> Registry::end_import(const std::string& source) {
  return guarded(
      [&] { impl_->database.prepared("DELETE FROM import_run WHERE source = ?").run(source); });
}

}  // namespace fanfare::registry
