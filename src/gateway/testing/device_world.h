// The API's operations on devices with stores in a folder of their own, asked as the HTTP server
// asks. Time is a member that tests move.
#pragma once

#include <filesystem>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "gateway/operations.h"

namespace fanfare::gateway {

class NoProjects final : public Projects {
 public:
  [[nodiscard]] std::shared_ptr<Project> find(const std::string&) const override { return {}; }
  [[nodiscard]] std::vector<std::shared_ptr<Project>> all() const override { return {}; }
};

struct Reply {
  int status = 0;
  boost::json::value body;
  [[nodiscard]] const boost::json::value& at(std::string_view name) const { return body.at(name); }
  [[nodiscard]] std::string text(std::string_view name) const {
    return std::string(body.at(name).as_string());
  }
};

class DeviceWorld : public testing::Test {
 protected:
  DeviceWorld() : folder_(make_folder()) {
    store_ = must(queue::Store::open(folder_ / "queue.db"));
    must(store_->transact([&] { write_ = std::make_unique<Views>(*store_); }));
    reader_ =
        must(queue::Store::open(folder_ / "queue.db", {.mode = queue::StoreOptions::Mode::read}));
    must(reader_->look([&] { read_ = std::make_unique<Views>(*reader_); }));
    writer_ = std::make_unique<CommitThread>(*store_);
    devices_ =
        std::make_unique<RegistryThread>(must(registry::Registry::open(folder_ / "fanfare.db")));
    services_ = std::make_unique<Services>(
        Services{.writer = *writer_,
                 .write = *write_,
                 .reader_store = *reader_,
                 .read = *read_,
                 .devices = *devices_,
                 .projects = projects_,
                 .fullness = fullness_,
                 .limits = {},
                 .to_http = [](std::move_only_function<void()> work) { work(); },
                 .clock = [this] { return now_; },
                 .audit = [this](const Call&, std::string_view action, const std::string& project,
                                 const std::string& target) -> Note {
                   return [this, deed = std::string(action) + " " + project + " " + target] {
                     audit_.push_back(deed);
                   };
                 }});
    operations_.add(device_operations(*services_));
    operations_.add(brake_operations(*services_));
  }
  ~DeviceWorld() override {
    devices_.reset();
    writer_.reset();
    read_.reset();
    reader_.reset();
    write_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  Reply ask(std::string_view method, const std::string& target, std::string body = {},
            const std::string& type = "application/json") {
    const auto found = operations_.find(method, target);
    if (found.operation == nullptr) return to_reply(refuse(found.refusal));
    Call call;
    call.path = found.path;
    call.query = found.query;
    call.caller = caller_;
    call.request_id = "r";
    call.request.body = std::move(body);
    call.request.headers = {{"content-type", type}};
    std::promise<http2::Response> answered;
    found.operation->handle(std::move(call), [&](http2::Response response) {
      answered.set_value(std::move(response));
    });
    return to_reply(answered.get_future().get());
  }
  /// In project p.
  Reply get(const std::string& rest) { return ask("GET", "/v1/projects/p/" + rest); }
  Reply put(const std::string& device, std::string body = {}) {
    return ask("PUT", "/v1/projects/p/devices/" + device, std::move(body));
  }
  Reply post(const std::string& rest, std::string body = {}) {
    return ask("POST", "/v1/projects/p/" + rest, std::move(body));
  }

  /// What was told so far.
  std::vector<queue::Event> events() {
    std::vector<queue::Event> found;
    must(writer_->run([&] { found = write_->events.behind(0, {}, 100); }));
    return found;
  }

  template <class T>
  static T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().what);
    if constexpr (!std::is_void_v<T>) return *std::move(result);
  }

  SystemTime now_{std::chrono::seconds(1'800'000'000)};
  Caller caller_{.actor = "local", .key = {}};
  std::vector<std::string> audit_;
  Operations operations_;

  static std::filesystem::path make_folder() {
    std::string pattern = testing::TempDir() + "fanfare-gateway-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary folder");
    return pattern;
  }
  static Reply to_reply(const http2::Response& response) {
    return {response.status, boost::json::parse(response.body)};
  }

  // In the order in which they are made.
  std::filesystem::path folder_;
  std::unique_ptr<queue::Store> store_;
  std::unique_ptr<queue::Store> reader_;
  std::unique_ptr<Views> write_;
  std::unique_ptr<Views> read_;
  std::unique_ptr<CommitThread> writer_;
  std::unique_ptr<RegistryThread> devices_;
  NoProjects projects_;
  Fullness fullness_;
  std::unique_ptr<Services> services_;
};

}  // namespace fanfare::gateway
