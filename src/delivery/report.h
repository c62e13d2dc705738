// Report: the file of `--report`, one JSON line for each target with its final verdict.
//
// The file is appended to before the batch it belongs to is committed, and the batch records its
// length. After a crash it is cut back to the recorded length, so that a target whose result was
// not committed has no line yet and gets its one line when it is sent again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "fanfare/result.h"
#include "fanfare/target.h"
#include "fanfare/verdict.h"

namespace fanfare::delivery {

/// {"target":{"token":"…"},"verdict":…,"rule":…,"fault_domain":…,"code":…,"status":…,
/// "attempts":…,"name":…} and a newline; empty texts are null, and status 0 (no answer) too.
void append_report_line(std::string& out, const Target& target, const Verdict& verdict, int status,
                        int attempts);

class Report {
 public:
  /// Opens the file and cuts it to `keep_bytes` (0: a new report). "-" is standard output, which
  /// is never cut. Error::Kind::storage when it can't be written, or when less than `keep_bytes`
  /// is there, which means that it is another file.
  [[nodiscard]] static Result<Report> open(const std::filesystem::path& path,
                                           std::uint64_t keep_bytes);
  Report(Report&& other) noexcept;
  Report& operator=(Report&& other) noexcept;
  ~Report();

  void add(const Target& target, const Verdict& verdict, int status, int attempts);
  /// Adds lines made by append_report_line.
  void add_lines(std::string_view lines) { pending_ += lines; }
  /// Hands the added lines to the system. Error::Kind::storage, for example on a full disk.
  [[nodiscard]] Result<void> flush();
  /// Length of the file after the last flush.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  Report(int fd, std::filesystem::path path, std::uint64_t bytes);

  int fd_ = -1;
  std::filesystem::path path_;
  std::uint64_t bytes_ = 0;
  std::string pending_;
};

}  // namespace fanfare::delivery
