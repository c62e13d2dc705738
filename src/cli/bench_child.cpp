#include "cli/bench_child.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfare::cli {
namespace {

std::unexpected<Error> cannot_start(const char* deed) {
  return fail(Error::Kind::storage, fmt::format("can't {}: {}", deed, std::strerror(errno)), "");
}

[[noreturn]] void become(std::vector<std::string>& arguments, int out) {
  ::dup2(out, STDOUT_FILENO);
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) ::dup2(nowhere, STDERR_FILENO);
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  ::execv("/proc/self/exe", pointers.data());
  ::_exit(127);
}

std::string read_line(int fd) {
  std::string line;
  char c = 0;
  while (::read(fd, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

}  // namespace

BenchChild::~BenchChild() {
  stop();
}

void BenchChild::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Result<std::string> BenchChild::start(
    std::vector<std::string> arguments,
    const std::vector<std::pair<std::string, std::string>>& environment) {
  arguments.insert(arguments.begin(), "fanfare");
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return cannot_start("make a pipe");
  pid_ = ::fork();
  if (pid_ < 0) return cannot_start("start another fanfare");
  if (pid_ == 0) {
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    become(arguments, pipe[1]);
  }
  ::close(pipe[1]);
  std::string line = read_line(pipe[0]);
  ::close(pipe[0]);
  return line;
}

Result<std::uint16_t> port_of(const std::string& ready_line, const char* command) {
  simdjson::dom::parser parser;
  simdjson::dom::element ready;
  std::uint64_t port = 0;
  if (parser.parse(ready_line).get(ready) != simdjson::SUCCESS ||
      ready["port"].get(port) != simdjson::SUCCESS) {
    return fail(Error::Kind::network, fmt::format("'fanfare {}' did not start", command),
                fmt::format("see what 'fanfare {}' says", command));
  }
  return static_cast<std::uint16_t>(port);
}

}  // namespace fanfare::cli
