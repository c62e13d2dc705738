#include "base/file.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fanfare {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

std::string remedy_for(int error) {
  switch (error) {
    case ENOENT:
      return "check the path";
    case EACCES:
      return "check the file's permissions";
    case ENOSPC:
      return "free some disk space";
    case EROFS:
      return "choose a place that can be written";
    default:
      return "";
  }
}

std::unexpected<Error> system_failure(Error::Kind kind, const char* deed,
                                      const std::filesystem::path& path, int error) {
  return fail(kind, fmt::format("can't {} {}: {}", deed, path.string(), std::strerror(error)),
              remedy_for(error));
}

Result<void> write_all(int fd, const std::string& bytes, const std::filesystem::path& path) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = ::write(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure(Error::Kind::storage, "write", path, errno);
    done += static_cast<std::size_t>(count);
  }
  if (::fsync(fd) != 0) return system_failure(Error::Kind::storage, "write", path, errno);
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const bool standard_input = path == "-";
  const Descriptor file(standard_input ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return system_failure(Error::Kind::input, "open", path, errno);

  std::string bytes;
  std::size_t used = 0;
  while (true) {
    if (used > max_bytes) {
      return fail(Error::Kind::input,
                  fmt::format("{} is larger than {} bytes", path.string(), max_bytes),
                  "check that it is the right file");
    }
    bytes.resize(used + (64U << 10));
    const auto count = ::read(file.get(), bytes.data() + used, bytes.size() - used);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_failure(Error::Kind::input, "read", path, errno);
    used += static_cast<std::size_t>(count);
    if (count == 0) break;
  }
  bytes.resize(used);
  return bytes;
}

Result<void> write_file(const std::filesystem::path& path, const std::string& bytes,
                        unsigned mode) {
  std::filesystem::path unfinished = path;
  unfinished += fmt::format(".{}.tmp", ::getpid());
  {
    const Descriptor file(
        ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (file.get() < 0) return system_failure(Error::Kind::storage, "create", path, errno);
    if (auto written = write_all(file.get(), bytes, path); !written) {
      ::unlink(unfinished.c_str());
      return written;
    }
  }
  if (::rename(unfinished.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(unfinished.c_str());
    return system_failure(Error::Kind::storage, "replace", path, error);
  }
  return {};
}

}  // namespace fanfare
