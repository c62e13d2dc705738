#include "delivery/report.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json_text.h"

namespace fanfare::delivery {
namespace {

std::unexpected<Error> cannot_write(const std::filesystem::path& path, int error) {
  return fail(Error::Kind::storage,
              fmt::format("can't write the report {}: {}", path.string(), std::strerror(error)),
              error == ENOSPC ? "free some disk space, then go on with --resume"
                              : "choose a --report file that can be written");
}

}  // namespace

void append_report_line(std::string& out, const Target& target, const Verdict& verdict, int status,
                        int attempts) {
  fmt::format_to(std::back_inserter(out), "{{\"target\":{{\"{}\":", to_string(target.kind));
  append_json_string(out, target.value);
  fmt::format_to(std::back_inserter(out),
                 "}},\"verdict\":\"{}\",\"rule\":\"{}\",\"fault_domain\":\"{}\",\"code\":",
                 to_string(verdict.kind), verdict.rule, to_string(verdict.fault_domain));
  append_json_string_or_null(out, verdict.code);
  if (status == 0) {
    out += ",\"status\":null";
  } else {
    fmt::format_to(std::back_inserter(out), ",\"status\":{}", status);
  }
  fmt::format_to(std::back_inserter(out), ",\"attempts\":{},\"name\":", attempts);
  append_json_string_or_null(out, verdict.name);
  out += "}\n";
}

Report::Report(int fd, std::filesystem::path path, std::uint64_t bytes)
    : fd_(fd), path_(std::move(path)), bytes_(bytes) {}

Report::Report(Report&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      path_(std::move(other.path_)),
      bytes_(other.bytes_),
      pending_(std::move(other.pending_)) {}

Report& Report::operator=(Report&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  std::swap(pending_, other.pending_);
  return *this;
}

Report::~Report() {
  if (fd_ > STDERR_FILENO) ::close(fd_);
}

Result<Report> Report::open(const std::filesystem::path& path, std::uint64_t keep_bytes) {
  if (path == "-") return Report(STDOUT_FILENO, path, keep_bytes);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return cannot_write(path, errno);
  Report report(fd, path, keep_bytes);

  struct stat status{};
  if (::fstat(fd, &status) != 0) return cannot_write(path, errno);
  if (!S_ISREG(status.st_mode)) return report;  // A pipe or /dev/null has no length.
  if (static_cast<std::uint64_t>(status.st_size) < keep_bytes) {
    return fail(Error::Kind::storage,
                fmt::format("the report {} has {} bytes, but the interrupted send had written {}",
                            path.string(), status.st_size, keep_bytes),
                "give the --report file of the interrupted send");
  }
  if (::ftruncate(fd, static_cast<off_t>(keep_bytes)) != 0 || ::lseek(fd, 0, SEEK_END) < 0) {
    return cannot_write(path, errno);
  }
  return report;
}

void Report::add(const Target& target, const Verdict& verdict, int status, int attempts) {
  append_report_line(pending_, target, verdict, status, attempts);
}

Result<void> Report::flush() {
  std::size_t done = 0;
  while (done < pending_.size()) {
    const auto count = ::write(fd_, pending_.data() + done, pending_.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_write(path_, errno);
    done += static_cast<std::size_t>(count);
  }
  bytes_ += done;
  pending_.clear();
  return {};
}

}  // namespace fanfare::delivery
