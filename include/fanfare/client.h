// fanfare::Client: send through Firebase Cloud Messaging from C++.
//
//   auto client = fanfare::Client::open({.credentials_file = "key.json"});
//   if (!client) { … client.error().what … }
//   auto outcome = client->send(message, {TargetKind::token, "…"});
//   if (outcome.accepted()) … else if (outcome.verdict.action == Action::retire_device) …
//
// One client holds one project's connections and access token; make it once and keep it. It
// retries what FCM's rules allow (Retry-After, backoff with jitter, quota) and returns the final
// outcome. An outcome is never an exception: a refused message is a result.
//
// Threads: every member may be called from any thread. Callbacks run on the client's own threads,
// several at once when it has several lanes; they must not block and must not call the blocking
// forms.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "fanfare/message.h"
#include "fanfare/outcome.h"
#include "fanfare/priority.h"
#include "fanfare/result.h"
#include "fanfare/target.h"
#include "fanfare/verdict.h"

/// Client sends a Message to a Target, and Outcome says what became of it; judge() and
/// check_message() are the parts of it that need no network.
namespace fanfare {

namespace client {
struct ClientMaker;
}

/// Who writes and reads the HTTP/2 frames. Both do the same for the caller.
enum class Http2Engine : std::uint8_t {
  frames,   ///< Fanfare itself; some ten times cheaper (docs/performance.md).
  nghttp2,  ///< The nghttp2 library.
};

/// How a Client reaches FCM, and how it behaves there. All defaults are for the real service.
struct ClientOptions {
  /// Credentials file of any kind (docs/credentials.md). Empty: GOOGLE_APPLICATION_CREDENTIALS,
  /// else the well-known file of gcloud, else the machine's metadata server. Not needed when
  /// FCM_EMULATOR_HOST is set or the endpoint is plaintext.
  std::string credentials_file = {};
  std::string project = {};      ///< Empty: the credentials' own project.
  std::string endpoint = {};     ///< Empty: https://fcm.googleapis.com; "http://…" is plaintext.
  std::string ca_file = {};      ///< PEM with extra trust anchors; empty: the system's only.
  bool validate_only = false;    ///< FCM checks every message and delivers none.
  std::size_t connections = 12;  ///< At most this many, 100 messages under way on each; opened
                                 ///< only as they are needed.
  std::size_t lanes = 0;  ///< Threads that send, each with its share of the connections; 0: as many
                          ///< as the machine has cores.
  Http2Engine http2_engine = Http2Engine::frames;  ///< For connections to FCM.
  std::uint64_t messages_per_minute = 600'000;     ///< FCM's default quota; 0: no pacing.
  std::chrono::milliseconds ramp{60'000};          ///< From a slow start to the full rate.
  /// FCM asks to stay away from the two minutes before and after each quarter of an hour
  /// ("scale-fcm"). True: bulk messages are sent at a tenth of the rate there.
  bool avoid_quarter_hours = false;
  /// Messages to one token or FID in any minute; 0: no limit. FCM refuses more than 240 to an
  /// Android device with a 429 ("throttling-and-quotas"). What is over the limit waits; the rest
  /// goes on. Counted for each lane: send() puts all messages to one target on the same lane, and
  /// each send_each() counts its own.
  std::uint16_t device_messages_per_minute = 240;
  std::uint16_t device_messages_per_hour = 5'000;  ///< The same in any hour.
  /// To one topic or condition in any minute; 0: no limit. FCM publishes no number.
  std::uint16_t topic_messages_per_minute = 0;
  /// For one answer, from the request's first byte. FCM asks for at least 10 s ("scale-fcm").
  std::chrono::milliseconds request_timeout{30'000};
  /// For one message, the first included. An attempt that certainly never arrived is not counted
  /// until it had to be waited for.
  int max_attempts = 5;
  /// Retries for each first attempt while FCM fails all, so that an outage does not double the
  /// load; retries that are answered do not count. What is over it waits. Counted as the limits of
  /// devices are.
  double retry_share = 0.2;
  double retries_per_second = 10;  ///< Beside that share; with 0 the last ones may never go.
  /// Since send() was called: no attempt starts later. FCM takes failures that outlast an hour for
  /// an outage or a misreading ("scale-fcm").
  std::chrono::milliseconds give_up_after{std::chrono::hours(1)};
  /// Told what a person should know although all still works, such as a new key file that can't be
  /// used. On the client's own thread; empty: nobody is told.
  std::function<void(const std::string&)> on_warning = {};
  bool retry_unknown = true;  ///< False: a message whose outcome is unknown is not sent again.
};

/// What a question to one of FCM's other APIs ends with: the reply, or the outcome that says why
/// there is none.
template <class T>
using Reply = std::expected<T, Outcome>;

/// One project's connection to FCM.
class Client {
 public:
  /// Reads the credentials and starts the client's thread; connects on first use.
  /// Error::Kind::credentials or Error::Kind::input when the key file is missing or wrong,
  /// Error::Kind::usage when no project is known.
  [[nodiscard]] static Result<Client> open(const ClientOptions& options);
  /// What was moved from may only be assigned to or destroyed.
  Client(Client&&) noexcept;
  /// As destroying this client, then taking the other's place.
  Client& operator=(Client&&) noexcept;
  /// Ends what is pending (as unknown or unsent), then returns. Not from within a callback.
  ~Client();

  /// Called exactly once for each send, on one of the client's threads. It must not throw.
  using Callback = std::function<void(Outcome)>;

  /// Sends one message; `on_outcome` is called exactly once. While the project is found blocked,
  /// sends end with that verdict after one attempt or none; each later one finds out anew.
  void send(const Message& message, Target target, Callback on_outcome,
            Priority priority = Priority::normal);
  /// The same, as a future.
  [[nodiscard]] std::future<Outcome> send_async(const Message& message, Target target);
  /// The same, waiting for the outcome.
  [[nodiscard]] Outcome send(const Message& message, Target target);

  /// Sends one message to every target that `next` yields, in constant memory: `next` is asked
  /// only when there is room, outcomes come in the order in which they are known. Both are called
  /// on the calling thread; returns after the last outcome. Once the project is found blocked, or
  /// 50 devices were refused for their platform's credential, the rest of the stream ends with
  /// that verdict and is not sent.
  void send_each(const Message& message, const std::function<std::optional<Target>()>& next,
                 const std::function<void(const Outcome&)>& on_outcome,
                 Priority priority = Priority::bulk);
  /// The same without an allocation for each target: `next` writes the next one over the target it
  /// is given, which holds an earlier one and its memory, or returns false when there are no more.
  void send_each(const Message& message, const std::function<bool(Target&)>& next,
                 const std::function<void(const Outcome&)>& on_outcome,
                 Priority priority = Priority::bulk);

  /// The id of the project that is sent for.
  [[nodiscard]] const std::string& project() const noexcept;

 private:
  friend struct client::ClientMaker;
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fanfare
