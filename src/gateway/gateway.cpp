#include "gateway/gateway.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <fstream>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include "base/random.h"
#include "gateway/access.h"
#include "gateway/books_watch.h"
#include "gateway/campaign_runner.h"
#include "gateway/message_operations.h"
#include "gateway/metrics.h"
#include "gateway/operations.h"
#include "gateway/project_senders.h"
#include "gateway/webhook_sender.h"
#include "http2/server.h"

namespace fanfare::gateway {
namespace {

using namespace std::chrono_literals;

constexpr auto tick_every = 200ms;

// A page of somebody else's, open in a browser on this machine, must not use a port that asks for
// no key.
bool is_foreign_page(const http2::Request& request) {
  const auto origin = http2::find_header(request.headers, "origin");
  if (origin.empty()) return false;
  const auto host = origin.find("://");
  return host == std::string_view::npos || origin.substr(host + 3) != request.authority;
}

// While no keys are asked for, whoever can make a browser on this machine ask may do everything. A
// page whose own name leads to 127.0.0.1 (DNS rebinding) is no foreign one to itself, but the name
// stands in the request. Over TLS such a page would need the certificate, too, and a browser's
// plaintext is HTTP/1.1, where the scheme is ours and not the caller's.
bool names_this_machine(std::string_view authority) {
  std::string_view host = authority;
  if (host.empty() || host.starts_with('[')) return true;  // No name, or an IPv6 address.
  host = host.substr(0, host.rfind(':'));
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
}

// What the caller calls it, if that can stand in a log, else one of ours.
std::string request_id(const http2::Request& request, Random& random) {
  const auto given = http2::find_header(request.headers, "x-request-id");
  const bool usable =
      !given.empty() && given.size() <= 64 && std::ranges::all_of(given, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_';
      });
  return usable ? std::string(given) : fmt::format("{:016x}", random.next());
}

// Of a request that never becomes a Call: too large, or not to be read.
http2::Response refuse_unread(int status, std::string_view words) {
  Refusal refusal{.code = status, .message = std::string(words)};
  if (status == 413) refusal.remedy = "send it in parts; serve.max_body is the most of one request";
  if (status == 431) refusal.remedy = "send fewer headers, or shorter ones";
  if (status == 501) refusal.status = "UNIMPLEMENTED";
  return refuse(refusal);
}

// The body of one request that waits for its answer, as part of those of all. Whoever answers it
// may be on any thread.
class Load {
 public:
  Load(std::shared_ptr<std::atomic<std::size_t>> all, std::size_t bytes)
      : all_(std::move(all)), bytes_(bytes) {
    *all_ += bytes_;
  }
  Load(Load&& other) noexcept
      : all_(std::move(other.all_)), bytes_(std::exchange(other.bytes_, 0)) {}
  Load& operator=(Load&&) = delete;
  ~Load() {
    if (bytes_ > 0) *all_ -= bytes_;
  }

 private:
  std::shared_ptr<std::atomic<std::size_t>> all_;
  std::size_t bytes_;
};

Refusal forbidden(std::string message, std::string remedy) {
  return {.code = 403,
          .status = "PERMISSION_DENIED",
          .message = std::move(message),
          .remedy = std::move(remedy)};
}

// proc(5): the second number of statm is the resident pages.
std::uint64_t resident_bytes() {
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

// Null without a certificate.
Result<std::shared_ptr<http2::TlsContext>> tls_of(const GatewayOptions& options) {
  if (options.certificate_chain_pem.empty()) return nullptr;
  return http2::TlsContext::make_server(options.certificate_chain_pem, options.private_key_pem,
                                        options.client_ca_pem);
}

}  // namespace

struct Gateway::Impl {
  Impl(boost::asio::io_context& on, GatewayOptions chosen)
      : io(on), options(std::move(chosen)), access(options.require_keys), timer(on) {}

  // The port first, so that nothing new comes; the writer last, since all others post to it.
  ~Impl() {
    timer.cancel();
    server.reset();
    webhooks.reset();
    campaigns.reset();
    projects.reset();
    devices.reset();
    books_watch.reset();
    writer.reset();
    *alive = false;
  }

  Result<void> open();
  Result<void> open_stores();
  Result<void> set_projects(const GatewayOptions& from);
  void make_services();
  Result<void> listen();

  void handle(http2::Request request, const std::shared_ptr<http2::Reply>& reply);
  std::expected<Call, Refusal> admit(http2::Request request, const Operations::Found& found);
  void respond(http2::Reply& reply, std::string_view operation, const std::string& id,
               http2::Response response);

  void tick();
  void look_again();
  void take_tick(std::map<std::string, queue::Books> fresh, std::optional<SystemTime> oldest);
  [[nodiscard]] MetricsSnapshot metrics();
  void log(LogEntry::Level level, std::string_view event,
           std::vector<std::pair<std::string_view, std::string>> fields) {
    if (options.log) options.log({level, event, std::move(fields)});
  }
  // What comes too late, since the io_context outlives the gateway, is dropped.
  void to_http(std::move_only_function<void()> work) {
    boost::asio::post(io, [alive = alive, work = std::move(work)]() mutable {
      if (*alive) work();
    });
  }

  boost::asio::io_context& io;
  GatewayOptions options;
  Access access;
  Answers answers;
  Fullness fullness;
  Random random = Random::from_system();
  std::unique_ptr<queue::Store> store;
  std::unique_ptr<queue::Store> reader;
  std::unique_ptr<Views> write;
  std::unique_ptr<Views> read;
  std::unique_ptr<CommitThread> writer;
  std::unique_ptr<BooksWatch> books_watch;
  std::unique_ptr<RegistryThread> devices;
  std::unique_ptr<ProjectSenders> projects;
  std::unique_ptr<Services> services;
  std::unique_ptr<Acceptor> acceptor;
  std::unique_ptr<CampaignRunner> campaigns;
  std::unique_ptr<WebhookSender> webhooks;
  Operations operations;
  std::unique_ptr<http2::Server> server;
  boost::asio::steady_timer timer;
  bool tick_under_way = false;
  bool stopping = false;
  const std::shared_ptr<bool> alive = std::make_shared<bool>(true);  ///< The HTTP thread's.
  std::map<std::string, queue::Books> books;
  std::optional<SystemTime> oldest_due;
  std::map<std::pair<std::string, std::string>, std::uint64_t> requests;
  std::shared_ptr<std::atomic<std::size_t>> load_bytes =
      std::make_shared<std::atomic<std::size_t>>(0);
};

Gateway::Gateway(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Gateway::~Gateway() = default;

Result<std::unique_ptr<Gateway>> Gateway::open(boost::asio::io_context& io,
                                               GatewayOptions options) {
  auto impl = std::make_unique<Impl>(io, std::move(options));
  if (auto opened = impl->open(); !opened) return std::unexpected(std::move(opened).error());
  return std::unique_ptr<Gateway>(new Gateway(std::move(impl)));
}

Result<void> Gateway::Impl::open() {
  if (auto opened = open_stores(); !opened) return opened;
  if (auto added = set_projects(options); !added) return added;
  make_services();
  if (auto listening = listen(); !listening) return listening;
  campaigns->resume();
  webhooks->news();
  tick();
  return {};
}

Result<void> Gateway::Impl::open_stores() {
  auto owned = queue::Store::open(options.queue_path);
  if (!owned) return std::unexpected(std::move(owned).error());
  store = *std::move(owned);
  auto made = store->transact([&] { write = std::make_unique<Views>(*store); });
  if (!made) return made;
  auto beside = queue::Store::open(options.queue_path, {.mode = queue::StoreOptions::Mode::read});
  if (!beside) return std::unexpected(std::move(beside).error());
  reader = *std::move(beside);
  made = reader->look([&] { read = std::make_unique<Views>(*reader); });
  if (!made) return made;
  registry::OpenOptions open;
  open.lock_wait = 30s;
  auto registry = registry::Registry::open(options.registry_path, open);
  if (!registry) return std::unexpected(std::move(registry).error());
  writer = std::make_unique<CommitThread>(*store);
  devices = std::make_unique<RegistryThread>(*std::move(registry));
  books_watch = std::make_unique<BooksWatch>(options.queue_path);
  return {};
}

Result<void> Gateway::Impl::set_projects(const GatewayOptions& from) {
  if (!projects) {
    DelivererHooks hooks;
    hooks.on_answer = [this](queue::MessageId id, const Answer& answer, const Verdict& verdict) {
      to_http([this, id, answer, verdict] { answers.on_answer(id, answer, verdict); });
    };
    hooks.on_warning = [this](const std::string& text) {
      log(LogEntry::Level::warning, "warning", {{"text", text}});
    };
    projects = std::make_unique<ProjectSenders>(*writer, *write, std::move(hooks));
  }
  std::vector<ProjectSetting> wanted;
  for (const ClientOptions& client : from.projects) {
    wanted.push_back({.client = client,
                      .registry_path = from.registry_path,
                      .breakers = from.breakers,
                      .clock = std::chrono::system_clock::now});
  }
  return projects->set(wanted);
}

void Gateway::Impl::make_services() {
  services = std::make_unique<Services>(Services{
      .writer = *writer,
      .write = *write,
      .reader_store = *reader,
      .read = *read,
      .devices = *devices,
      .projects = *projects,
      .fullness = fullness,
      .limits = options.limits,
      .to_http = [this](std::move_only_function<void()> work) { to_http(std::move(work)); },
      .clock = std::chrono::system_clock::now,
      .audit = [this](const Call& call, std::string_view action, std::string project,
                      std::string target) -> Note {
        return [this, entry = queue::AuditEntry{.at = std::chrono::system_clock::now(),
                                                .actor = call.caller.actor,
                                                .action = std::string(action),
                                                .project = std::move(project),
                                                .target = std::move(target),
                                                .request_id = call.request_id}] {
          write->audit.add(entry);
          log(LogEntry::Level::info, "audit",
              {{"actor", entry.actor}, {"action", entry.action}, {"project", entry.project}});
        };
      }});
  acceptor = std::make_unique<Acceptor>(*services);
  campaigns = std::make_unique<CampaignRunner>(*services, options.registry_path);
  webhooks = std::make_unique<WebhookSender>(
      io, *services,
      WebhookOptions{.allow_plain_http = options.webhooks_allow_plain_http,
                     .ca_file = options.webhook_ca_file});
  access.set_find([this](std::string_view presented) {
    auto found = look(*services, [&] { return read->keys.find(presented); });
    if (!found) log(LogEntry::Level::error, "keys", {{"text", found.error().what}});
    return found;
  });
  add_operations(
      operations, *services,
      {.acceptor = *acceptor,
       .answers = answers,
       .campaigns = *campaigns,
       .webhooks = *webhooks,
       .forget_keys = [this] { access.forget_keys(); },
       .metrics = [this] { return metrics(); },
       .books = [this]() -> const auto& { return books; },
       .is_ready = [this] { return !stopping && !fullness.failing; },
       .default_project = options.projects.size() == 1 ? projects->all().front()->id() : ""});
}

Result<void> Gateway::Impl::listen() {
  http2::ServerOptions listening;
  listening.host = options.host;
  listening.port = options.port;
  listening.max_connections = options.max_connections;
  listening.limits.body_bytes = options.max_body_bytes;
  listening.limits.refusal = refuse_unread;
  listening.max_held_bytes = options.max_buffered_bytes;
  auto tls = tls_of(options);
  if (!tls) return std::unexpected(std::move(tls).error());
  listening.tls = *std::move(tls);
  listening.tls_only = options.tls_only;
  auto opened = http2::Server::open(
      io, listening, [this](http2::Request request, const std::shared_ptr<http2::Reply>& reply) {
        handle(std::move(request), reply);
      });
  if (!opened) return std::unexpected(std::move(opened).error());
  server = *std::move(opened);
  return {};
}

// A request -------------------------------------------------------------------------------------

void Gateway::Impl::handle(http2::Request request, const std::shared_ptr<http2::Reply>& reply) {
  const std::string id = request_id(request, random);
  const Operations::Found found = operations.find(request.method, request.path);
  const std::string_view operation = found.operation == nullptr ? "none" : found.operation->id;
  auto call = admit(std::move(request), found);
  if (!call) {
    auto response = refuse(call.error());
    if (!found.allow.empty()) response.headers.push_back({"allow", found.allow});
    return respond(*reply, operation, id, std::move(response));
  }
  call->request_id = id;
  Load load(load_bytes, call->request.body.size());
  found.operation->handle(*std::move(call), [this, reply, operation, id,
                                             load = std::move(load)](http2::Response response) {
    respond(*reply, operation, id, std::move(response));
  });
}

std::expected<Call, Refusal> Gateway::Impl::admit(http2::Request request,
                                                  const Operations::Found& found) {
  const bool for_anybody = found.operation != nullptr && !found.operation->scope;
  Call call;
  if (!for_anybody) {
    if (is_foreign_page(request)) {
      return std::unexpected(forbidden("the request comes from another site's page",
                                       "ask from a program, not from a page"));
    }
    if (!options.require_keys && request.scheme == "http" &&
        !names_this_machine(request.authority)) {
      return std::unexpected(forbidden(
          fmt::format("the request is for '{}', and without keys only this machine may ask",
                      request.authority),
          "ask localhost, or set serve.require_keys"));
    }
    auto caller =
        access.admit(request, std::chrono::system_clock::now(), std::chrono::steady_clock::now());
    if (!caller) return std::unexpected(caller.error());
    call.caller = *std::move(caller);
  }
  if (found.operation == nullptr) return std::unexpected(found.refusal);
  if (!for_anybody && !call.caller.may(*found.operation->scope)) {
    return std::unexpected(
        forbidden(fmt::format("the API key lacks the scope {}", to_string(*found.operation->scope)),
                  "use a key that has it"));
  }
  const auto project = found.path.find("project");
  if (project != found.path.end() && !call.caller.may_use(project->second)) {
    return std::unexpected(
        forbidden(fmt::format("the API key is not good for project '{}'", project->second),
                  "use one that is"));
  }
  const bool about_all = project == found.path.end() && !found.operation->chooses_projects;
  if (!for_anybody && about_all && !call.caller.may_use({})) {
    return std::unexpected(forbidden("this is about all projects, and the API key is good for some",
                                     "use a key that is bound to no project"));
  }
  const std::size_t body = request.body.size();
  if (body > 0 && *load_bytes > 0 && *load_bytes + body > options.max_buffered_bytes) {
    return std::unexpected(Refusal{.code = 503,
                                   .status = "UNAVAILABLE",
                                   .message = "as much is under way as the gateway may hold",
                                   .remedy = "repeat later, or raise serve.max_buffered",
                                   .retry_after_s = 1});
  }
  call.request = std::move(request);
  call.path = found.path;
  call.query = found.query;
  return call;
}

void Gateway::Impl::respond(http2::Reply& reply, std::string_view operation, const std::string& id,
                            http2::Response response) {
  ++requests[{std::string(operation), fmt::format("{}xx", response.status / 100)}];
  if (response.status >= 500 && response.status != 503) {
    log(LogEntry::Level::warning, "request",
        {{"operation", std::string(operation)},
         {"status", std::to_string(response.status)},
         {"request_id", id}});
  }
  response.headers.push_back({"x-request-id", id});
  reply.respond(std::move(response));
}

// Several times a second --------------------------------------------------------------------------

void Gateway::Impl::tick() {
  timer.expires_after(tick_every);
  // A wait that is over when the gateway ends can't be cancelled any more.
  timer.async_wait([this, still = alive](const boost::system::error_code& error) {
    if (!error && *still) tick();
  });
  answers.give_up(std::chrono::steady_clock::now());
  campaigns->look();
  // What was accepted while a project's settings changed may have told the old one.
  if (projects->forget_stopped()) look_again();
  webhooks->news();
  const auto space = store->space();
  fullness.free_bytes = space.free_bytes;
  if (std::exchange(tick_under_way, true)) return;
  struct Seen {
    std::map<std::string, queue::Books> books;
    std::optional<SystemTime> oldest;
    bool due_again = false;
  };
  const auto seen = std::make_shared<Seen>();
  writer->post(
      [this, seen] {
        const SystemTime at = std::chrono::system_clock::now();
        seen->due_again = write->messages.keep_up(options.retention, at).leases > 0;
        seen->due_again |= write->messages.take_turns();
        write->events.purge(at - options.event_retention, 2'000);
        seen->books = write->messages.books();
        seen->oldest = write->messages.oldest_due(at);
      },
      [this, seen](const Result<void>& result) {
        to_http([this, seen, ok = result.has_value()] {
          tick_under_way = false;
          fullness.failing = !ok;
          if (!ok)
            return log(LogEntry::Level::error, "store", {{"text", writer->stats().last_error}});
          take_tick(std::move(seen->books), seen->oldest);
          if (seen->due_again) look_again();
        });
      });
}

void Gateway::Impl::look_again() {
  for (const auto& project : projects->all()) project->deliverer().look();
}

void Gateway::Impl::take_tick(std::map<std::string, queue::Books> fresh,
                              std::optional<SystemTime> oldest) {
  books = std::move(fresh);
  oldest_due = oldest;
  std::uint64_t open = 0;
  for (const auto& [name, each] : books) {
    open += each.of(queue::State::waiting) + each.of(queue::State::in_flight);
  }
  fullness.waiting = open;
}

MetricsSnapshot Gateway::Impl::metrics() {
  MetricsSnapshot snapshot;
  snapshot.books = books;
  for (const auto& project : projects->all()) {
    const Deliverer::Stats stats = project->deliverer().stats();
    snapshot.projects[project->id()] = {
        .by_rule = stats.by_rule,
        .delivery_seconds = stats.seconds,
        .retries = stats.retries,
        .in_hand = stats.in_hand,
        .breakers = stats.breakers,
        .brakes = stats.brakes,
        .sent = project->budget().sent(),
        .messages_per_minute = project->client().messages_per_minute,
        .rate_share = project->budget().rate_share(std::chrono::steady_clock::now())};
  }
  const std::chrono::duration<double> age =
      oldest_due ? std::chrono::system_clock::now() - *oldest_due : 0s;
  snapshot.oldest_due_seconds = std::max(0.0, age.count());
  snapshot.accept_seconds = acceptor->seconds();
  const CommitThread::Stats commits = writer->stats();
  snapshot.commit_seconds = commits.seconds;
  snapshot.commits = commits.commits;
  snapshot.commit_failures = commits.failures;
  const auto space = store->space();
  snapshot.store_bytes = space.used_bytes;
  snapshot.disk_free_bytes = space.free_bytes;
  snapshot.books_mismatches = books_watch->mismatches();
  snapshot.requests = requests;
  snapshot.connections = server->connections();
  snapshot.webhook_lag = webhooks->lag();
  if (auto counts = look(*services, [&] { return read->events.dead_letter_counts(); })) {
    snapshot.webhook_dead_letters = *std::move(counts);
  }
  snapshot.resident_bytes = resident_bytes();
  snapshot.cpu_seconds = cpu_seconds();
  snapshot.version = FANFARE_VERSION;
  return snapshot;
}

// The gateway -------------------------------------------------------------------------------------

std::uint16_t Gateway::port() const noexcept {
  return impl_->server->port();
}

void Gateway::stop() {
  impl_->stopping = true;
  impl_->server->shut_down();
  impl_->campaigns->stop();
  impl_->projects->stop();
}

bool Gateway::stopped() const noexcept {
  return impl_->projects->stopped() && impl_->campaigns->stopped() && impl_->writer->waiting() == 0;
}

void Gateway::abandon() {
  impl_->campaigns->abandon();
  impl_->projects->abandon();
}

Result<void> Gateway::reload(const GatewayOptions& options) {
  auto tls = tls_of(options);
  if (!tls) return std::unexpected(std::move(tls).error());
  if (auto set = impl_->set_projects(options); !set) return set;
  if (*tls != nullptr) impl_->server->set_tls(*std::move(tls));
  impl_->options.retention = options.retention;
  impl_->options.event_retention = options.event_retention;
  impl_->services->limits = options.limits;
  return {};
}

}  // namespace fanfare::gateway
