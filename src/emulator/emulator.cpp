#include "emulator/emulator.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/file.h"
#include "emulator/client_setup.h"
#include "emulator/example_credentials.h"
#include "emulator/folder.h"
#include "emulator/world.h"
#include "http2/server.h"
#include "http2/tls.h"

namespace fanfare::emulator {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::size_t max_devices_file_bytes = std::size_t{2} << 30;
constexpr std::string_view default_project = "fanfare-demo";
constexpr std::size_t max_waiters = 1'000;
constexpr std::chrono::milliseconds moment{2};

Result<Faults> load_faults(const EmulatorOptions& options) {
  Faults faults;
  if (options.scenario_file) {
    const auto text = read_file(*options.scenario_file);
    if (!text) return std::unexpected(text.error());
    auto parsed = parse_scenario(*text);
    if (!parsed) {
      parsed.error().what =
          fmt::format("{}: {}", options.scenario_file->string(), parsed.error().what);
      return parsed;
    }
    faults = *parsed;
  }
  if (options.latency) faults.latency.base = *options.latency;
  if (options.latency_jitter) faults.latency.jitter = *options.latency_jitter;
  return faults;
}

Result<DeviceBook> load_devices(const EmulatorOptions& options) {
  if (options.devices_file && options.generate) {
    return fail(Error::Kind::usage, "devices come from a file or from a seed, not from both",
                "leave one of the two out");
  }
  if (options.generate) {
    if (options.generate->count > max_generated) {
      return fail(Error::Kind::usage,
                  fmt::format("{} devices are more than can be made up", options.generate->count),
                  fmt::format("ask for {} at most", max_generated));
    }
    return DeviceBook(*options.generate);
  }
  if (!options.devices_file) return DeviceBook();
  const auto text = read_file(*options.devices_file, max_devices_file_bytes);
  if (!text) return std::unexpected(text.error());
  auto book = DeviceBook::parse(*text);
  if (!book) {
    book.error().what = fmt::format("{}: {}", options.devices_file->string(), book.error().what);
  }
  return book;
}

/// The name under which a client on this machine reaches what listens on `host`.
std::string reachable(const std::string& host) {
  boost::system::error_code not_an_address;
  const auto address = asio::ip::make_address(host, not_an_address);
  if (not_an_address || !address.is_unspecified()) return host;
  return address.is_v4() ? "127.0.0.1" : "::1";
}

/// An answer that goes to a function of this process's in place of a connection.
class Callback final : public http2::Reply {
 public:
  explicit Callback(std::function<void(http2::Response)> on_answer)
      : on_answer_(std::move(on_answer)) {}

  void respond(http2::Response response) override {
    if (const auto call = std::exchange(on_answer_, nullptr)) call(std::move(response));
  }
  void reset(http2::ErrorCode) override {}
  void go_away(http2::ErrorCode, std::string) override {}
  void cut() override {}
  void fail(http2::Mishap, http2::Response) override {}
  void limit_streams(std::uint32_t) override {}
  [[nodiscard]] bool alive() const noexcept override { return on_answer_ != nullptr; }

 private:
  std::function<void(http2::Response)> on_answer_;
};

}  // namespace

struct Emulator::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(asio::io_context& context) : io(context), look_timer(context) {}

  Result<void> listen(const EmulatorOptions& options);
  Result<void> make_world(const EmulatorOptions& options, Faults faults, DeviceBook devices);

  /// Those of --tls-dir that name the port.
  Result<void> write_files(const Identities& identities, const std::string& host,
                           const std::string& token_uri);

  void on_request(http2::Request request, std::shared_ptr<http2::Reply> reply);
  void process(http2::Request request, http2::Reply& reply);
  static void carry_out(Plan plan, http2::Reply& reply);

  /// A request that is answered once something has happened.
  struct Waiter {
    http2::Request request;
    std::shared_ptr<http2::Reply> reply;
    std::chrono::steady_clock::time_point until;
  };
  void administer(http2::Request request, std::shared_ptr<http2::Reply> reply, SystemTime now);
  void look_at_waiters_soon();
  void look_at_waiters_in(std::chrono::milliseconds span);
  void look_at_waiters();
  void dismiss_waiters();

  asio::io_context& io;
  std::string project;
  std::optional<Folder> folder;
  std::optional<World> world;
  std::unique_ptr<http2::Server> server;

  std::vector<Waiter> waiters;
  std::uint64_t seen_changes = 0;
  asio::steady_timer look_timer;
  std::optional<std::chrono::steady_clock::time_point> next_look;
};

Result<void> Emulator::Impl::listen(const EmulatorOptions& options) {
  http2::ServerOptions listening;
  listening.host = options.host;
  listening.port = options.port;
  if (options.tls_dir) {
    auto opened =
        open_folder(*options.tls_dir, project, options.host, std::chrono::system_clock::now());
    if (!opened) return std::unexpected(std::move(opened.error()));
    folder = *std::move(opened);
    auto tls = http2::TlsContext::make_server(folder->server.certificate_pem,
                                              folder->server.private_key_pem);
    if (!tls) return std::unexpected(std::move(tls.error()));
    listening.tls = *std::move(tls);
    listening.tunnels_to = is_played_host;
  }
  auto opened = http2::Server::open(
      io, std::move(listening),
      [self = weak_from_this()](http2::Request request, std::shared_ptr<http2::Reply> reply) {
        if (const auto impl = self.lock()) impl->on_request(std::move(request), std::move(reply));
      });
  if (!opened) return std::unexpected(std::move(opened.error()));
  server = *std::move(opened);
  return {};
}

// After listen(), since the token endpoint's address names the port.
Result<void> Emulator::Impl::make_world(const EmulatorOptions& options, Faults faults,
                                        DeviceBook devices) {
  WorldOptions given;
  given.project = project;
  given.any_project = options.any_project || (options.project.empty() && !options.tls_dir);
  given.require_auth = options.require_auth.value_or(options.tls_dir.has_value());
  given.kept_messages = options.kept_messages;
  given.faults = std::move(faults);
  given.devices = std::move(devices);
  if (folder) {
    const auto host = reachable(options.host);
    const auto base = base_url("https", host, server->port());
    const auto uri = base + "/token";
    std::vector<std::string> audiences{uri};
    audiences.insert(audiences.end(), google_token_urls.begin(), google_token_urls.end());
    auto tokens = TokenEndpoint::make(folder->account, std::move(audiences));
    if (!tokens) return std::unexpected(std::move(tokens.error()));
    given.tokens = *std::move(tokens);
    given.identities = make_identities(folder->account);
    if (auto done = write_files(*given.identities, host, uri); !done) return done;
  }
  world.emplace(std::move(given));
  return {};
}

Result<void> Emulator::Impl::write_files(const Identities& identities, const std::string& host,
                                         const std::string& token_uri) {
  const auto directory = folder->credentials_file.parent_path();
  const auto base = base_url("https", host, server->port());
  auto done = write_credentials(*folder, project, token_uri);
  if (done) done = write_example_credentials(directory, base, project, identities);
  if (done) {
    done = write_client_setup(directory, {.host = host,
                                          .port = server->port(),
                                          .project = project,
                                          .ca_file = folder->ca_file,
                                          .credentials_file = folder->credentials_file});
  }
  return done;
}

void Emulator::Impl::on_request(http2::Request request, std::shared_ptr<http2::Reply> reply) {
  const auto now = std::chrono::system_clock::now();
  if (World::is_administrative(request)) {
    administer(std::move(request), std::move(reply), now);
    return;
  }
  world->arrived(server->connections());
  const auto delay = world->delay_of(request, now);
  if (delay == 0ms) {
    process(std::move(request), *reply);
    return;
  }
  auto timer = std::make_shared<asio::steady_timer>(io, delay);
  timer->async_wait([self = weak_from_this(), timer, request = std::move(request),
                     reply = std::move(reply)](const boost::system::error_code&) mutable {
    if (const auto impl = self.lock()) impl->process(std::move(request), *reply);
  });
}

// A request whose connection died while it waited was never processed: a device must not be
// counted as sent to when its client could not learn of it and did not send again.
void Emulator::Impl::process(http2::Request request, http2::Reply& reply) {
  if (!reply.alive()) {
    world->lost();
    return;
  }
  auto plan = world->answer(std::move(request), std::chrono::system_clock::now());
  world->answered();
  carry_out(std::move(plan), reply);
  look_at_waiters_soon();
}

void Emulator::Impl::carry_out(Plan plan, http2::Reply& reply) {
  if (plan.streams) reply.limit_streams(*plan.streams);
  if (plan.mishap) {
    reply.fail(*plan.mishap, std::move(plan.response));
  } else {
    reply.respond(std::move(plan.response));
  }
}

// --- those who wait for something to happen ---

void Emulator::Impl::administer(http2::Request request, std::shared_ptr<http2::Reply> reply,
                                SystemTime now) {
  auto plan = world->answer(request, now);
  if (plan.patience == 0ms || waiters.size() >= max_waiters) {
    reply->respond(std::move(plan.response));
    look_at_waiters_soon();
    return;
  }
  waiters.push_back(
      {std::move(request), std::move(reply), std::chrono::steady_clock::now() + plan.patience});
  look_at_waiters_in(plan.patience);
}

/// Many changes in a moment are one look.
void Emulator::Impl::look_at_waiters_soon() {
  if (!waiters.empty() && world->changes() != seen_changes) look_at_waiters_in(moment);
}

void Emulator::Impl::look_at_waiters_in(std::chrono::milliseconds span) {
  const auto due = std::chrono::steady_clock::now() + span;
  if (next_look && *next_look <= due) return;
  next_look = due;
  look_timer.expires_at(due);
  look_timer.async_wait([self = weak_from_this()](const boost::system::error_code& cancelled) {
    const auto impl = self.lock();
    if (!cancelled && impl) impl->look_at_waiters();
  });
}

void Emulator::Impl::dismiss_waiters() {
  for (auto& waiter : std::exchange(waiters, {})) {
    waiter.reply->respond(
        world->answer(std::move(waiter.request), std::chrono::system_clock::now()).response);
  }
}

void Emulator::Impl::look_at_waiters() {
  next_look.reset();
  seen_changes = world->changes();
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(waiters, [&](Waiter& waiter) {
    if (!waiter.reply->alive()) return true;
    auto plan = world->answer(waiter.request, std::chrono::system_clock::now());
    if (plan.patience > 0ms && now < waiter.until) return false;
    waiter.reply->respond(std::move(plan.response));
    return true;
  });
  auto next = std::chrono::steady_clock::time_point::max();
  for (const auto& waiter : waiters) next = std::min(next, waiter.until);
  if (!waiters.empty()) {
    look_at_waiters_in(std::chrono::ceil<std::chrono::milliseconds>(next - now));
  }
}

Result<std::unique_ptr<Emulator>> Emulator::open(asio::io_context& io,
                                                 const EmulatorOptions& options) {
  auto faults = load_faults(options);
  if (!faults) return std::unexpected(std::move(faults.error()));
  auto devices = load_devices(options);
  if (!devices) return std::unexpected(std::move(devices.error()));
  auto impl = std::make_shared<Impl>(io);
  impl->project = options.project.empty() ? std::string(default_project) : options.project;
  if (auto done = impl->listen(options); !done) return std::unexpected(std::move(done.error()));
  if (auto done = impl->make_world(options, *std::move(faults), *std::move(devices)); !done) {
    return std::unexpected(std::move(done.error()));
  }
  return std::unique_ptr<Emulator>(new Emulator(std::move(impl)));
}

Emulator::Emulator(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Emulator::~Emulator() = default;

std::uint16_t Emulator::port() const noexcept {
  return impl_->server->port();
}

std::string Emulator::ready_line() const {
  json::object line{{"port", port()}, {"ca_file", nullptr}, {"credentials_file", nullptr}};
  if (impl_->folder) {
    line["ca_file"] = impl_->folder->ca_file.string();
    line["credentials_file"] = impl_->folder->credentials_file.string();
  }
  line["project"] = impl_->project;
  return json::serialize(line);
}

void Emulator::administer(http2::Request request, std::function<void(http2::Response)> on_answer) {
  impl_->administer(std::move(request), std::make_shared<Callback>(std::move(on_answer)),
                    std::chrono::system_clock::now());
}

const Books& Emulator::books() const noexcept {
  return impl_->world->books();
}

std::size_t Emulator::connections() const noexcept {
  return impl_->server->connections();
}

// Those who wait get what there is.
void Emulator::stop() {
  impl_->dismiss_waiters();
  impl_->server->shut_down();
}

}  // namespace fanfare::emulator
