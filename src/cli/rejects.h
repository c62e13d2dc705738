// Rejects: where an import's bad lines go. The first few are shown; all of them go to a file, if
// one was asked for, that can be mended and imported in its turn.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "cli/output.h"
#include "registry/device_batch.h"

namespace fanfare::cli {

class Rejects {
 public:
  /// `source`: the file that is imported, for messages.
  Rejects(Log& log, std::string source) : log_(log), source_(std::move(source)) {}

  /// No file when `path` is empty. `comment` begins a line that is not read; `go_on` appends to
  /// what an earlier run left.
  [[nodiscard]] Result<void> open(const std::string& path, std::string comment, bool go_on);
  /// The line that a file of this kind begins with; only the first one counts.
  [[nodiscard]] Result<void> begin_with(const std::string& header);
  [[nodiscard]] Result<void> add(const registry::BadLine& line);
  /// What was added is in the file then.
  [[nodiscard]] Result<void> flush();
  /// Says how many were not shown.
  void finish();
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  [[nodiscard]] Result<void> write(const std::string& text);
  [[nodiscard]] std::unexpected<Error> failure(const char* deed) const;

  Log& log_;
  std::string source_;
  std::string path_;
  std::string comment_;
  bool needs_header_ = false;
  std::unique_ptr<std::FILE, Close> file_;
  std::uint64_t count_ = 0;
};

}  // namespace fanfare::cli
