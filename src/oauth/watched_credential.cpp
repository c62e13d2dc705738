#include "oauth/watched_credential.h"

#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

namespace fanfare::oauth {

std::optional<FileStamp> stamp_of(const std::filesystem::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return FileStamp{
      .device = status.st_dev,
      .inode = status.st_ino,
      .size = static_cast<std::uint64_t>(status.st_size),
      .modified_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

WatchedCredential::WatchedCredential(std::filesystem::path path, std::optional<FileStamp> read_at,
                                     std::shared_ptr<Credential> current, Reader read)
    : path_(std::move(path)),
      read_(std::move(read)),
      seen_(read_at),
      current_(std::move(current)) {}

Progress WatchedCredential::begin(SystemTime now, std::string_view scope) {
  std::shared_ptr<Credential> current;
  {
    const std::lock_guard lock(mutex_);
    look();
    current = current_;
  }
  return current->begin(now, scope);
}

std::optional<std::string> WatchedCredential::warning() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void WatchedCredential::look() {
  // A file that is away is being replaced, or was given as a pipe: what was read goes on serving.
  const auto stamp = stamp_of(path_);
  if (!stamp || stamp == seen_) return;
  seen_ = stamp;  // Taken before reading: a change in between is seen the next time.
  auto read = read_();
  if (read) {
    current_ = *std::move(read);
    trouble_.reset();
    return;
  }
  trouble_ = fmt::format(
      "the credentials file has changed and can't be used, so the earlier one is "
      "kept: {}",
      read.error().what);
}

}  // namespace fanfare::oauth
