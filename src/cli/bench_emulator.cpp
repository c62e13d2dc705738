#include "cli/bench_emulator.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <simdjson.h>
#include <unistd.h>

namespace fanfare::cli {
namespace {

std::unexpected<Error> cannot_start(const char* deed) {
  return fail(Error::Kind::storage, fmt::format("can't {}: {}", deed, std::strerror(errno)), "");
}

std::vector<std::string> arguments_of(const BenchEmulatorOptions& options,
                                      const std::filesystem::path& folder,
                                      const std::filesystem::path& scenario) {
  std::vector<std::string> arguments = {"emulate",   "--port",        "0",
                                        "--tls-dir", folder.string(), "--exit-with-parent"};
  if (options.any_project) arguments.emplace_back("--any-project");
  if (!options.latency.empty()) arguments.insert(arguments.end(), {"--latency", options.latency});
  if (options.token_chars > 0) {
    std::ofstream(scenario) << "token_chars = " << options.token_chars << '\n';
    arguments.insert(arguments.end(), {"--scenario", scenario.string()});
  }
  return arguments;
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
  child_.stop();
  std::error_code ignored;
  if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
}

Result<void> BenchEmulator::start(const BenchEmulatorOptions& options, ClientOptions& client) {
  std::string pattern = (std::filesystem::temp_directory_path() / "fanfare-bench-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) return cannot_start("make a temporary folder");
  folder_ = pattern;
  auto line = child_.start(arguments_of(options, folder_ / "tls", folder_ / "scenario.toml"));
  if (!line) return std::unexpected(std::move(line).error());
  return read_ready_line(*line, options.plaintext, client);
}

}  // namespace fanfare::cli
