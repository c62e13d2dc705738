// Emulator: an FCM look-alike on one port, for everyone who tests a sender.
//
// It answers messages:send, its neighbours (topics, groups, delivery data) and the ways to an
// access token as Google does, knows the health of every device it was given, and fails on request.
// It shares no code with the sending side, so that the two can't be wrong together. README.md says
// what it leaves out.
//
// Lives on one thread, that of its io_context.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "fanfare/result.h"

#include "emulator/faults.h"
#include "emulator/generator.h"
#include "http2/exchange.h"

namespace boost::asio {
class io_context;
}

namespace fanfare::emulator {

struct Books;

struct EmulatorOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: the system chooses; see Emulator::port().

  /// Where ca.pem, credentials.json and their keys live; made when missing, reused when still
  /// good. Absent: plaintext only, and no access token is asked for.
  std::optional<std::filesystem::path> tls_dir;

  /// The project of the credentials, and the only one served. Empty: "fanfare-demo", and without
  /// tls_dir any project is served.
  std::string project;

  /// Every project is served, whatever `project` says and with the same access tokens: for senders
  /// of many.
  bool any_project = false;

  /// Whether access tokens are checked. Absent: yes with tls_dir, no without.
  std::optional<bool> require_auth;

  /// Devices with their health, CSV or JSON lines (README.md). Excludes `generate`.
  std::optional<std::filesystem::path> devices_file;

  /// Devices made up from a seed. Without these and without a file every plausible token lives.
  std::optional<GeneratorOptions> generate;

  std::optional<std::filesystem::path> scenario_file;  ///< Faults as TOML (README.md).

  /// Added to what the scenario says: `--latency`.
  std::optional<std::chrono::milliseconds> latency;
  std::optional<std::chrono::milliseconds> latency_jitter;  ///< On top, uniformly up to this.

  std::size_t kept_messages = 10'000;  ///< For the inboxes and GET /_emulator/messages.
};

class Emulator {
 public:
  /// Listens at once. Error::Kind::input for a bad devices or scenario file, storage when tls_dir
  /// can't be written, network when the address can't be had.
  [[nodiscard]] static Result<std::unique_ptr<Emulator>> open(boost::asio::io_context& io,
                                                              const EmulatorOptions& options);
  ~Emulator();
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  [[nodiscard]] std::uint16_t port() const noexcept;

  /// What a script reads from standard output, without the line feed:
  /// {"port":N,"ca_file":"…","credentials_file":"…","project":"…"}; the files are null without
  /// tls_dir.
  [[nodiscard]] std::string ready_line() const;

  /// Asks what /_emulator/ answers, past the network; on the emulator's thread. `on_answer` is
  /// called once, at once or when what was asked for has happened.
  void administer(http2::Request request, std::function<void(http2::Response)> on_answer);

  /// What has happened so far; valid as long as the emulator.
  [[nodiscard]] const Books& books() const noexcept;
  /// Open connections; none after stop() once all is said.
  [[nodiscard]] std::size_t connections() const noexcept;

  /// Stops listening and says goodbye on every connection; open requests are still answered.
  void stop();

 private:
  struct Impl;
  explicit Emulator(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace fanfare::emulator
