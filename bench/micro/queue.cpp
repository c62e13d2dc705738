// A message's way through the queue: accepted, leased, ended, each durable. On one thread, as the
// gateway's writer does it; `items_per_second` are messages, CPU time is per round of messages.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "queue/messages.h"

namespace fanfare::bench {
namespace {

using queue::Ending;
using queue::Leased;
using queue::Submission;

class Shop {
 public:
  Shop() {
    std::string pattern = std::filesystem::temp_directory_path() / "fanfare-bench-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    auto opened = queue::Store::open(folder_ / "queue.db");
    if (!opened) throw std::runtime_error(opened.error().what);
    store_ = *std::move(opened);
    write([&] { messages_ = std::make_unique<queue::Messages>(*store_); });
  }
  Shop(const Shop&) = delete;
  Shop& operator=(const Shop&) = delete;
  ~Shop() {
    messages_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  template <class Body>
  void write(Body&& body) {
    if (auto done = store_->transact(body); !done) throw std::runtime_error(done.error().what);
  }
  queue::Messages& messages() { return *messages_; }

  static Submission submission(std::size_t count) {
    Submission some{.project = "demo-project", .message = std::string(300, 'm'), .messages = {}};
    for (std::size_t i = 0; i < count; ++i) {
      some.messages.push_back({.target = {TargetKind::token, std::string(142, 't')}});
    }
    some.expires_at = SystemTime(std::chrono::hours(1'000'000));
    return some;
  }
  void end(const std::vector<Leased>& leased) {
    endings_.clear();
    for (const Leased& each : leased) {
      endings_.push_back(
          {.id = each.id,
           .rule = "fcm.accepted",
           .status = 200,
           .attempts = 1,
           .name = "projects/demo-project/messages/0:1500415314455276%31bd1c9631bd1c96"});
    }
    messages_->end(endings_, now);
  }

  SystemTime now{std::chrono::seconds(1'800'000'000)};

 private:
  std::filesystem::path folder_;
  std::unique_ptr<queue::Store> store_;
  std::unique_ptr<queue::Messages> messages_;
  std::vector<Ending> endings_;
};

// Transactions of so many requests of one message, which go out at once, and the ends of those
// before.
void single_messages(benchmark::State& state) {
  Shop shop;
  const Submission one = Shop::submission(1);
  std::vector<Leased> before;
  std::vector<Leased> leased;
  for (auto _ : state) {
    leased.clear();
    shop.write([&] {
      for (int i = 0; i < state.range(0); ++i) (void)shop.messages().accept(one, shop.now, &leased);
      shop.end(before);
    });
    before.swap(leased);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(single_messages)->Arg(1)->Arg(50)->Arg(200)->UseRealTime();

// Requests of 500 messages that share a text and go out at once.
void bulk_messages(benchmark::State& state) {
  Shop shop;
  const Submission many = Shop::submission(500);
  std::vector<Leased> before;
  std::vector<Leased> leased;
  for (auto _ : state) {
    leased.clear();
    shop.write([&] {
      for (int i = 0; i < state.range(0); ++i)
        (void)shop.messages().accept(many, shop.now, &leased);
      shop.end(before);
    });
    before.swap(leased);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * 500);
}
BENCHMARK(bulk_messages)->Arg(1)->Arg(10)->UseRealTime();

// The same, but the messages wait, and are taken out of the store later.
void bulk_messages_that_wait(benchmark::State& state) {
  Shop shop;
  const Submission many = Shop::submission(500);
  std::vector<Leased> before;
  std::vector<Leased> leased;
  for (auto _ : state) {
    leased.clear();
    shop.write([&] {
      (void)shop.messages().accept(many, shop.now);
      shop.end(before);
    });
    shop.write([&] { shop.messages().lease(many.project, many.priority, shop.now, 500, leased); });
    before.swap(leased);
  }
  state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(bulk_messages_that_wait)->UseRealTime();

// Accepted only.
void bulk_accepts(benchmark::State& state) {
  Shop shop;
  const Submission many = Shop::submission(500);
  for (auto _ : state) {
    shop.write([&] { (void)shop.messages().accept(many, shop.now); });
  }
  state.SetItemsProcessed(state.iterations() * 500);
}
BENCHMARK(bulk_accepts)->UseRealTime();

}  // namespace
}  // namespace fanfare::bench
