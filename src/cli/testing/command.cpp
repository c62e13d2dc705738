#include "cli/testing/command.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfare::cli::testing {
namespace {

// An unnamed file: output into it never blocks the child.
int memory_file(const std::string& bytes = {}) {
  const int fd = ::memfd_create("fanfare-test", MFD_CLOEXEC);
  if (fd < 0 || ::write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    std::abort();
  }
  ::lseek(fd, 0, SEEK_SET);
  return fd;
}

// Appends what can be read at once; false at the end.
bool read_some(int fd, std::string& bytes) {
  char buffer[4096];
  ssize_t count = 0;
  do {
    count = ::read(fd, buffer, sizeof buffer);
  } while (count < 0 && errno == EINTR);
  if (count > 0) bytes.append(buffer, static_cast<std::size_t>(count));
  return count > 0;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> environment_of(const CallOptions& options) {
  std::vector<std::string> words{std::string("PATH=") + std::getenv("PATH")};
  for (const auto& [name, value] : options.environment) words.push_back(name + "=" + value);
  return words;
}

}  // namespace

Running::Running(const std::vector<std::string>& arguments, const CallOptions& options) {
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) std::abort();
  out_ = pipe[0];
  err_ = memory_file();
  const int in = memory_file(options.input);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, pipe[1], STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err_, STDERR_FILENO);
  if (!options.folder.empty()) {
    ::posix_spawn_file_actions_addchdir_np(&actions, options.folder.c_str());
  }
  std::vector<std::string> words{FANFARE_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = environment_of(options);
  if (::posix_spawn(&pid_, FANFARE_BINARY, &actions, nullptr, pointers(words).data(),
                    pointers(environment).data()) != 0) {
    std::abort();
  }
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(pipe[1]);
  ::close(in);
}

Running::~Running() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    static_cast<void>(wait());
  }
  ::close(out_);
  ::close(err_);
}

std::string Running::read_line() {
  while (true) {
    if (const auto end = unread_.find('\n'); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    if (!read_some(out_, unread_)) return std::exchange(unread_, {});
  }
}

void Running::signal(int number) const {
  ::kill(pid_, number);
}

Finished Running::wait() {
  Finished finished;
  finished.out = std::exchange(unread_, {});
  while (read_some(out_, finished.out)) {
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  finished.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  ::lseek(err_, 0, SEEK_SET);
  while (read_some(err_, finished.err)) {
  }
  return finished;
}

Finished run_fanfare(const std::vector<std::string>& arguments, const CallOptions& options) {
  return Running(arguments, options).wait();
}

}  // namespace fanfare::cli::testing
