#include "gateway/books_watch.h"

#include <chrono>
#include <optional>
#include <utility>

#include "queue/messages.h"
#include "queue/store.h"

namespace fanfare::gateway {

using namespace std::chrono_literals;

BooksWatch::BooksWatch(std::filesystem::path store)
    : store_(std::move(store)), thread_([this] { work(); }) {}

BooksWatch::~BooksWatch() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  closed_.notify_one();
  thread_.join();
}

std::vector<std::string> BooksWatch::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

void BooksWatch::work() {
  while (true) {
    look();
    std::unique_lock lock(mutex_);
    if (closed_.wait_for(lock, 30s, [this] { return closing_; })) return;
  }
}

// A file that can't be read says nothing about the books; the writer will say so.
void BooksWatch::look() {
  auto reader = queue::Store::open(store_, {.mode = queue::StoreOptions::Mode::read});
  if (!reader) return;
  std::vector<std::string> faults;
  const auto looked = (*reader)->look([&] { faults = queue::Messages(**reader).check_books(); });
  if (!looked) return;
  mismatches_ = faults.size();
  const std::lock_guard lock(mutex_);
  faults_ = std::move(faults);
}

}  // namespace fanfare::gateway
