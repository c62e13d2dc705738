#include "cli/bench_emulator.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string_view>
#include <vector>

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

std::vector<std::string> arguments_of(const BenchEmulatorOptions& options,
                                      const std::filesystem::path& folder,
                                      const std::filesystem::path& scenario) {
  std::vector<std::string> arguments = {
      "fanfare", "emulate", "--port", "0", "--tls-dir", folder.string(), "--exit-with-parent"};
  if (options.any_project) arguments.emplace_back("--any-project");
  if (!options.latency.empty()) arguments.insert(arguments.end(), {"--latency", options.latency});
  if (options.token_chars > 0) {
    std::ofstream(scenario) << "token_chars = " << options.token_chars << '\n';
    arguments.insert(arguments.end(), {"--scenario", scenario.string()});
  }
  return arguments;
}

[[noreturn]] void become_emulator(std::vector<std::string>& arguments, int out) {
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

Result<void> read_ready_line(const std::string& line, bool plaintext, ClientOptions& client) {
  simdjson::dom::parser parser;
  simdjson::dom::element ready;
  std::uint64_t port = 0;
  std::string_view ca_file;
  std::string_view credentials;
  if (parser.parse(line).get(ready) != simdjson::SUCCESS ||
      ready["port"].get(port) != simdjson::SUCCESS ||
      ready["ca_file"].get(ca_file) != simdjson::SUCCESS ||
      ready["credentials_file"].get(credentials) != simdjson::SUCCESS) {
    return fail(Error::Kind::network, "the built-in emulator did not start",
                "see what 'fanfare emulate' says");
  }
  client.endpoint = fmt::format("{}://127.0.0.1:{}", plaintext ? "http" : "https", port);
  client.ca_file = ca_file;
  client.credentials_file = credentials;
  return {};
}

}  // namespace

BenchEmulator::~BenchEmulator() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Result<void> BenchEmulator::start(const BenchEmulatorOptions& options, ClientOptions& client) {
  std::string pattern = (std::filesystem::temp_directory_path() / "fanfare-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return cannot_start("make a temporary folder");
  folder_ = pattern;
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return cannot_start("make a pipe");
  auto arguments = arguments_of(options, folder_ / "tls", folder_ / "scenario.toml");
  pid_ = ::fork();
  if (pid_ < 0) return cannot_start("start the emulator");
  if (pid_ == 0) become_emulator(arguments, pipe[1]);
  ::close(pipe[1]);
  const std::string line = read_line(pipe[0]);
  ::close(pipe[0]);
  return read_ready_line(line, options.plaintext, client);
}

}  // namespace fanfare::cli
