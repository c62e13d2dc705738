#include "client/command_runner.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fanfare::client {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_output_bytes = 64U << 10;

// This process's variables, with the request's in place of those of the same name.
std::vector<std::string> environment_of(const oauth::CommandRequest& request) {
  std::vector<std::string> out;
  for (const auto& [name, value] : request.environment) out.push_back(name + "=" + value);
  const auto given = out.size();
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    bool replaced = false;
    for (std::size_t i = 0; i < given; ++i) {
      replaced = replaced || text.starts_with(out[i].substr(0, out[i].find('=') + 1));
    }
    if (!replaced) out.emplace_back(text);
  }
  return out;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Its own process group, so that what it starts is killed with it. 0 or an errno.
int spawn(const oauth::CommandRequest& request, int output, pid_t& pid) {
  auto arguments = request.argv;
  auto variables = environment_of(request);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  const int error = ::posix_spawnp(&pid, arguments.front().c_str(), &actions, &attributes,
                                   pointers_to(arguments).data(), pointers_to(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

struct CommandRunner::Run : std::enable_shared_from_this<CommandRunner::Run> {
  Run(boost::asio::io_context& io, Clock now, oauth::TokenReplyHandler handler)
      : pipe(io), deadline(io), poll(io), clock(std::move(now)), on_reply(std::move(handler)) {}

  void start(const oauth::CommandRequest& request) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return end(false, 0, std::strerror(errno));
    const int error = spawn(request, ends[1], pid);
    ::close(ends[1]);
    pipe.assign(ends[0]);
    if (error != 0) {
      pid = 0;
      return end(false, 0,
                 fmt::format("{} can't be run: {}", request.argv.front(), std::strerror(error)));
    }
    deadline.expires_after(request.timeout);
    deadline.async_wait([self = shared_from_this(), limit = request.timeout](auto failed) {
      if (!failed) self->end(false, 0, fmt::format("it did not end within {} ms", limit.count()));
    });
    read();
  }

  void read() {
    pipe.async_read_some(boost::asio::buffer(buffer),
                         [self = shared_from_this()](auto error, std::size_t count) {
                           if (self->done) return;
                           self->output.append(self->buffer.data(), count);
                           if (self->output.size() > max_output_bytes) {
                             return self->end(false, 0, "it printed more than 64 KiB");
                           }
                           return error ? self->reap() : self->read();
                         });
  }

  // After its output has ended the program usually has as well; it is not waited for blocking.
  void reap() {
    if (done) return;
    int status = 0;
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == 0) {
      poll.expires_after(10ms);
      poll.async_wait([self = shared_from_this()](auto error) {
        if (!error) self->reap();
      });
      return;
    }
    pid = 0;
    if (ended < 0) return end(true, 0, "");  // SIGCHLD is ignored here: the system reaped it.
    if (WIFSIGNALED(status)) {
      return end(false, 0, fmt::format("it was ended by signal {}", WTERMSIG(status)));
    }
    end(true, WEXITSTATUS(status), "");
  }

  void end(bool answered, int status, std::string reason) {
    if (done) return;
    done = true;
    if (pid > 0) {
      ::kill(-pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
    boost::system::error_code ignored;
    pipe.close(ignored);
    deadline.cancel();
    poll.cancel();
    oauth::TokenReply reply;
    reply.answered = answered;
    reply.status = status;
    reply.body = std::move(output);
    reply.reason = std::move(reason);
    reply.received_at = clock();
    std::exchange(on_reply, nullptr)(std::move(reply));
  }

  boost::asio::posix::stream_descriptor pipe;
  boost::asio::steady_timer deadline;
  boost::asio::steady_timer poll;
  Clock clock;
  oauth::TokenReplyHandler on_reply;
  std::array<char, 4096> buffer{};
  std::string output;
  pid_t pid = 0;
  bool done = false;
};

CommandRunner::CommandRunner(boost::asio::io_context& io, Clock clock)
    : io_(io), clock_(std::move(clock)) {}

CommandRunner::~CommandRunner() {
  if (run_) run_->end(false, 0, "the sender was closed");
}

void CommandRunner::run(const oauth::CommandRequest& request, oauth::TokenReplyHandler on_reply) {
  const auto run = std::make_shared<Run>(io_, clock_, std::move(on_reply));
  run_ = run;
  run->start(request);
}

}  // namespace fanfare::client
