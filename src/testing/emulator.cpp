#include "fanfare/testing/emulator.h"

#include <future>
#include <thread>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "emulator/emulator.h"

namespace fanfare::testing {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
}

std::string text_in(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

Delivery parse_delivery(const json::value& value) {
  const auto& fields = value.as_object();
  Delivery delivery;
  delivery.id = fields.at("id").to_number<std::uint64_t>();
  delivery.message_name = text_in(fields, "message");
  delivery.registration = text_in(fields, "device");
  delivery.outcome = text_in(fields, "outcome");
  if (const auto* shown = fields.at("shown").if_object()) {
    delivery.shown = true;
    delivery.title = text_in(*shown, "title");
    delivery.body = text_in(*shown, "body");
  }
  for (const auto& member : fields.at("data").as_object()) {
    delivery.data.emplace(member.key(), text_of(member.value()));
  }
  delivery.json = json::serialize(value);
  return delivery;
}

/// The answer to an order: its object, or what was wrong with the order.
Result<json::object> parse_answer(const http2::Response& response) {
  auto body = json::parse(response.body).as_object();
  if (response.status < 300) return body;
  return fail(Error::Kind::input, text_in(body, "error"), text_in(body, "remedy"));
}

emulator::EmulatorOptions translate(const EmulatorOptions& given) {
  emulator::EmulatorOptions options;
  options.project = given.project;
  options.any_project = given.any_project;
  options.devices_file = given.devices_file;
  options.scenario_file = given.scenario_file;
  options.tls_dir = given.tls_dir;
  return options;
}

}  // namespace

struct Emulator::Impl {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work = asio::make_work_guard(io);
  std::unique_ptr<emulator::Emulator> emulator;
  std::thread thread;

  ~Impl() {
    // On its own thread, like everything that the emulator does.
    if (thread.joinable()) {
      asio::post(io, [this] {
        emulator.reset();
        io.stop();
      });
      thread.join();
    }
  }

  /// Asks the emulator's interface for scripts, past the network.
  http2::Response call(std::string method, std::string path, std::string body = {}) {
    http2::Request request;
    request.method = std::move(method);
    request.path = "/_emulator/" + std::move(path);
    request.body = std::move(body);
    auto promise = std::make_shared<std::promise<http2::Response>>();
    auto answer = promise->get_future();
    asio::post(io, [this, promise, request = std::move(request)]() mutable {
      emulator->administer(std::move(request), [promise](http2::Response response) {
        promise->set_value(std::move(response));
      });
    });
    return answer.get();
  }

  std::vector<Delivery> inbox(std::string_view registration, std::string_view more) {
    const auto response =
        call("GET", fmt::format("inbox?limit=10000&device={}{}", registration, more));
    std::vector<Delivery> all;
    const auto body = json::parse(response.body);
    for (const auto& one : body.at("deliveries").as_array()) all.push_back(parse_delivery(one));
    return all;
  }
};

Result<Emulator> Emulator::start(const EmulatorOptions& options) {
  auto impl = std::make_unique<Impl>();
  auto opened = emulator::Emulator::open(impl->io, translate(options));
  if (!opened) return std::unexpected(std::move(opened.error()));
  impl->emulator = *std::move(opened);
  impl->thread = std::thread([&io = impl->io] { io.run(); });
  return Emulator(std::move(impl));
}

Emulator::Emulator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Emulator::Emulator(Emulator&&) noexcept = default;
Emulator& Emulator::operator=(Emulator&&) noexcept = default;
Emulator::~Emulator() = default;

std::uint16_t Emulator::port() const noexcept {
  return impl_->emulator->port();
}

std::string Emulator::host() const {
  return fmt::format("127.0.0.1:{}", port());
}

std::string Emulator::endpoint() const {
  return "http://" + host();
}

Result<std::string> Emulator::register_phone(std::string_view platform, std::string_view user) {
  const json::object phone{{"platform", platform}, {"user", user}};
  const auto answer = parse_answer(impl_->call("POST", "devices", json::serialize(phone)));
  if (!answer) return std::unexpected(answer.error());
  return text_in(*answer, "device");
}

Result<std::string> Emulator::act(std::string_view registration, std::string_view action) {
  const auto answer =
      parse_answer(impl_->call("POST", fmt::format("devices/{}/{}", registration, action)));
  if (!answer) return std::unexpected(answer.error());
  return text_in(*answer, "device");
}

Result<void> Emulator::set_faults(std::string_view json) {
  const auto answer = parse_answer(impl_->call("POST", "faults", std::string(json)));
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Result<void> Emulator::advance(std::chrono::seconds span) {
  const auto answer = parse_answer(
      impl_->call("POST", "clock", fmt::format(R"({{"advance_s":{}}})", span.count())));
  if (!answer) return std::unexpected(answer.error());
  return {};
}

std::vector<Delivery> Emulator::await(std::string_view registration, std::size_t count,
                                      std::chrono::milliseconds timeout) {
  return impl_->inbox(registration, fmt::format("&count={}&wait_ms={}", count, timeout.count()));
}

std::vector<Delivery> Emulator::inbox(std::string_view registration) {
  return impl_->inbox(registration, "");
}

std::string Emulator::stats() {
  return impl_->call("GET", "stats").body;
}

void Emulator::reset() {
  (void)impl_->call("POST", "reset");
}

}  // namespace fanfare::testing
