#include "cli/bench_gateway.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "base/time_text.h"
#include "cli/bench_child.h"
#include "cli/bench_emulator.h"
#include "cli/json_object.h"
#include "cli/temporary_folder.h"
#include "http2/pool.h"

namespace fanfare::cli {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t bulk_size = 500;

struct Measured {
  double seconds = 0;
  std::size_t accepted = 0;  ///< Requests that were answered 202.
  std::size_t refused = 0;
  std::vector<double> latencies_ms = {};
  [[nodiscard]] double per_second(std::size_t each = 1) const {
    return static_cast<double>(accepted * each) / seconds;
  }
  [[nodiscard]] double quantile(double share) {
    if (latencies_ms.empty()) return 0;
    std::ranges::sort(latencies_ms);
    const auto at = static_cast<std::size_t>(share * static_cast<double>(latencies_ms.size() - 1));
    return latencies_ms[at];
  }
};

// Posts the same body again and again over some connections, a number at a time or at a pace.
class Poster {
 public:
  Poster(std::uint16_t port, std::string body) : timer_(io_), body_(std::move(body)) {
    http2::PoolOptions options;
    options.max_connections = 8;
    pool_ = std::make_unique<http2::Pool>(io_, http2::Origin{false, "127.0.0.1", port}, nullptr,
                                          options);
  }

  /// `per_second` 0: always `at_once` under way.
  Measured run(std::size_t count, std::size_t at_once, double per_second = 0) {
    measured_ = {};
    left_ = count;
    begun_ = Clock::now();
    if (per_second > 0) {
      pace(per_second);
    } else {
      for (std::size_t i = 0; i < std::min(count, at_once); ++i) post(true);
    }
    while (measured_.accepted + measured_.refused < count) io_.run_one();
    measured_.seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    return std::move(measured_);
  }

 private:
  void post(bool follow) {
    --left_;
    http2::Request request;
    request.method = "POST";
    request.scheme = "http";
    request.authority = "127.0.0.1";
    request.path = "/v1/projects/bench/messages";
    request.headers = {{"content-type", "application/json"}};
    request.body = body_;
    pool_->send(std::move(request), [this, follow, at = Clock::now()](const http2::Ended& ended) {
      ++(ended.response.status == 202 ? measured_.accepted : measured_.refused);
      measured_.latencies_ms.push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - at).count());
      if (follow && left_ > 0) post(true);
    });
  }

  void pace(double per_second) {
    const std::chrono::duration<double> passed = Clock::now() - begun_;
    const auto due = static_cast<std::size_t>(passed.count() * per_second);
    for (; posted_ < due && left_ > 0; ++posted_) post(false);
    if (left_ == 0) {
      posted_ = 0;
      return;
    }
    timer_.expires_after(1ms);
    timer_.async_wait([this, per_second](const boost::system::error_code& error) {
      if (!error) pace(per_second);
    });
  }

  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_;
  std::string body_;
  std::unique_ptr<http2::Pool> pool_;
  Measured measured_;
  std::size_t left_ = 0;
  std::size_t posted_ = 0;
  Clock::time_point begun_;
};

std::string token(std::size_t number) {
  return fmt::format("bench{:0>18}:APA91b{:x<134}", number, "");
}

std::string message_part() {
  return R"({"message":{"notification":{"title":"Shipped","body":"It is on its way."}},)";
}

std::string single_body() {
  return message_part() + R"("to":{"token":")" + token(1) + R"("}})";
}

std::string bulk_body(const std::string& option = {}) {
  std::string body = message_part() + option + R"("to":[)";
  for (std::size_t i = 0; i < bulk_size; ++i) {
    body += (i == 0 ? R"({"token":")" : R"(,{"token":")") + token(i) + R"("})";
  }
  return body + "]}";
}

// "VmRSS" of the kernel's account of a process, in MiB.
double resident_mib(pid_t pid) {
  std::ifstream status(fmt::format("/proc/{}/status", pid));
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  }
  return 0;
}

// The figures, as a table for people or as one object for programs.
class Report {
 public:
  void add(const char* name, const char* what, double value, const char* unit, const char* wanted) {
    json_.json(name, fmt::format("{:.1f}", value));
    table_.add({what, fmt::format("{:.1f}", value), unit, wanted});
  }
  void print(Context& context) {
    if (context.globals.json) {
      context.out.json_line(json_.str());
    } else {
      context.out.say(table_.render());
    }
  }

 private:
  JsonObject json_;
  Table table_{{{"gateway"}, {"", Table::Align::right}, {""}, {"to reach"}}};
};

}  // namespace

Result<ExitStatus> bench_gateway(Context& context, std::size_t waiting) {
  TemporaryFolder temporary;
  auto folder = temporary.make("");
  if (!folder) return std::unexpected(std::move(folder).error());
  BenchEmulator emulator;
  ClientOptions client;
  auto started = emulator.start({.plaintext = true, .any_project = true, .latency = {}}, client);
  if (!started) return std::unexpected(std::move(started).error());
  BenchChild gateway;
  auto ready =
      gateway.start({"--project", "bench", "--store", (*folder / "bench.db").string(), "serve",
                     "--listen", "127.0.0.1:0", "--exit-with-parent"},
                    {{"FCM_EMULATOR_HOST", client.endpoint.substr(client.endpoint.find("//") + 2)},
                     {"FANFARE_SERVE_FCM_RAMP", "0s"},
                     {"FANFARE_SERVE_FCM_MESSAGES_PER_MINUTE", "0"}});
  if (!ready) return std::unexpected(std::move(ready).error());
  const auto port = port_of(*ready, "serve");
  if (!port) return std::unexpected(port.error());

  Report report;
  Measured full = Poster(*port, single_body()).run(waiting / 16 + 1, 256);
  report.add("accepts_per_s", "single accepts, each on the disk", full.per_second(), "a second",
             "15,000");
  Measured half = Poster(*port, single_body()).run(waiting / 25 + 1, 0, 7'500);
  report.add("accept_p99_ms", "99 % of these at 7,500 a second within", half.quantile(0.99), "ms",
             "25");
  Measured bulk = Poster(*port, bulk_body()).run(waiting / 5 / bulk_size + 1, 8);
  report.add("bulk_messages_per_s", "messages accepted, 500 a request", bulk.per_second(bulk_size),
             "a second", "100,000");
  const std::string later =
      fmt::format(R"("send_at":"{}",)", format_rfc3339(std::chrono::system_clock::now() + 1h));
  Measured kept = Poster(*port, bulk_body(later)).run(waiting / bulk_size + 1, 8);
  report.add("resident_mib", "memory with so many messages waiting", resident_mib(gateway.pid()),
             "MiB", "128");
  report.print(context);
  const std::size_t refused = full.refused + half.refused + bulk.refused + kept.refused;
  if (refused > 0) {
    context.log.write(LogLevel::warning, fmt::format("{} were not accepted", refused));
  }
  return refused == 0 ? ExitStatus::accepted : ExitStatus::some_failed;
}

}  // namespace fanfare::cli
