/// \file
/// FCM inside a test: an emulator on a thread of the test's own process, and what the phones got.
/// No account, no network beyond the loopback address, ready in milliseconds.
///
/// Link `fanfare::testing`. docs/emulator.md tells what the emulator does and does not imitate.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fanfare/result.h"

namespace fanfare::testing {

/// How an emulator starts.
struct EmulatorOptions {
  /// The project of the credentials, and the only one served. Empty: any without `tls_dir`, and
  /// "fanfare-demo" with it.
  std::string project = {};
  bool any_project = false;  ///< Any project all the same, with the same access tokens.
  /// Devices with their health, CSV or JSON lines. Absent: every plausible token lives.
  std::optional<std::filesystem::path> devices_file = {};
  std::optional<std::filesystem::path> scenario_file = {};  ///< Faults, as TOML.
  /// Speaks TLS too and asks for access tokens; CA and credentials are kept here. Absent: plaintext
  /// and no access tokens.
  std::optional<std::filesystem::path> tls_dir = {};
};

/// A message at one device.
struct Delivery {
  std::uint64_t id = 0;      ///< Grows with each delivery.
  std::string message_name;  ///< As FCM's answer gave it to the sender.
  std::string registration;  ///< Token or FID.
  std::string outcome;       ///< "delivered", "pending", "expired", …
  bool shown = false;        ///< False: for the app alone, nothing on the screen.
  std::string title;         ///< What this platform shows, once its overrides are applied.
  std::string body;          ///< The same.
  std::map<std::string, std::string> data;  ///< What the app gets; values that are no text as JSON.
  std::string json;                         ///< All of it, as GET /_emulator/inbox gives it.
};

/// An emulator, from start() to its end. Thread-safe.
class Emulator {
 public:
  /// Listens on a free port of 127.0.0.1. Error::Kind::input for a bad file, network when there is
  /// no port.
  [[nodiscard]] static Result<Emulator> start(const EmulatorOptions& options = {});
  /// What was moved from may only be assigned to or destroyed.
  Emulator(Emulator&&) noexcept;
  /// As destroying this one, then taking the other's place.
  Emulator& operator=(Emulator&&) noexcept;
  /// Closes every connection.
  ~Emulator();

  [[nodiscard]] std::uint16_t port() const noexcept;  ///< The port.
  /// "127.0.0.1:PORT", for FCM_EMULATOR_HOST.
  [[nodiscard]] std::string host() const;
  /// "http://127.0.0.1:PORT", for ClientOptions::endpoint and every client with a settable one.
  [[nodiscard]] std::string endpoint() const;

  /// A phone that lives, with a token of its own. `platform` is "android", "ios" or "web"; an empty
  /// user is nobody. Error::Kind::input for another platform.
  [[nodiscard]] Result<std::string> register_phone(std::string_view platform,
                                                   std::string_view user = {});
  /// What a person or the app does: "offline", "online", "uninstall", "expire", "rotate",
  /// "migrate", "disable-apns", "read". The registration afterwards, which is a new one for
  /// "rotate" and "migrate". Error::Kind::input for an unknown device or action.
  Result<std::string> act(std::string_view registration, std::string_view action);

  /// Changes the settings named in a JSON object: {"fault":"outage_404","outage_share":0.5}.
  /// Error::Kind::input names the one that is wrong.
  Result<void> set_faults(std::string_view json);
  /// Moves the clock of devices and quotas ahead: messages expire, devices are forgotten. At most
  /// ten years in all; Error::Kind::input beyond.
  Result<void> advance(std::chrono::seconds span);

  /// Waits until the device has got `count` messages, or the time is over: all that it got, oldest
  /// first, those that wait or were dropped included.
  [[nodiscard]] std::vector<Delivery> await(
      std::string_view registration, std::size_t count = 1,
      std::chrono::milliseconds timeout = std::chrono::seconds(5));
  /// What the device got so far.
  [[nodiscard]] std::vector<Delivery> inbox(std::string_view registration);

  /// Counts as JSON, as GET /_emulator/stats gives them.
  [[nodiscard]] std::string stats();
  /// Empties inboxes and sets counts to zero.
  void reset();

 private:
  struct Impl;
  explicit Emulator(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare::testing
