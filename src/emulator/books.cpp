#include "emulator/books.h"

#include <utility>

namespace fanfare::emulator {

boost::json::object Tally::answers() const {
  boost::json::object all;
  for (const auto& [kind, count] : answers_) all[kind] = count;
  return all;
}

std::size_t KeptMessage::bytes() const noexcept {
  auto sum = request.size();
  if (reached) {
    for (const auto& one : reached->names) sum += one.size();
  }
  return sum;
}

void MessageRing::add(KeptMessage message) {
  bytes_ += message.bytes();
  messages_.push_back(std::move(message));
  while (messages_.size() > max_count_ || bytes_ > max_bytes) {
    bytes_ -= messages_.front().bytes();
    messages_.pop_front();
  }
}

void MessageRing::clear() {
  messages_.clear();
  bytes_ = 0;
}

}  // namespace fanfare::emulator
