// WatchedCredential: a credentials file that may be replaced while we run (a key is rotated, a
// secret is mounted anew). The file is looked at whenever a token is asked for, which is at least
// once an hour and after each refusal.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "fanfare/result.h"

#include "oauth/credential.h"

namespace fanfare::oauth {

/// What tells one state of a file from another without reading it.
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

/// nullopt when it can't be looked at, or is no regular file: a pipe can be read only once.
[[nodiscard]] std::optional<FileStamp> stamp_of(const std::filesystem::path& path);

class WatchedCredential final : public Credential {
 public:
  /// Reads the file anew and says whether what it finds will do here.
  using Reader = std::function<Result<std::shared_ptr<Credential>>()>;

  /// `current` was read when the file had the stamp `read_at`.
  WatchedCredential(std::filesystem::path path, std::optional<FileStamp> read_at,
                    std::shared_ptr<Credential> current, Reader read);

  /// With the file's latest content. One that can't be read or used keeps the credential that
  /// there is, is told by warning(), and is not read again until it changes again.
  [[nodiscard]] Progress begin(SystemTime now, std::string_view scope) override;
  [[nodiscard]] std::optional<std::string> warning() const override;

 private:
  void look();

  const std::filesystem::path path_;
  const Reader read_;
  mutable std::mutex mutex_;  // Guards all below.
  std::optional<FileStamp> seen_;
  std::shared_ptr<Credential> current_;
  std::optional<std::string> trouble_;
};

}  // namespace fanfare::oauth
