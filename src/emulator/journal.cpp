#include "emulator/journal.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fanfare::emulator {
namespace {

constexpr std::array<std::string_view, 8> outcome_names = {
    "delivered",        "pending",
    "delayed",          "collapsed",
    "expired",          "dropped_too_many_pending",
    "dropped_inactive", "dropped_uninstalled"};

}  // namespace

std::string_view name_of(Outcome outcome) noexcept {
  return outcome_names[static_cast<std::size_t>(outcome)];
}

std::size_t KeptMessage::bytes() const noexcept {
  auto sum = request.size();
  if (reached) {
    for (const auto& one : reached->names) sum += one.size();
  }
  return sum;
}

Journal::Journal(std::size_t max_messages) : max_messages_(max_messages) {}

std::uint64_t Journal::add(KeptMessage message) {
  bytes_ += message.bytes();
  messages_.push_back(std::move(message));
  // The new one stays, since its deliveries follow.
  while (messages_.size() > 1 && (messages_.size() > max_messages_ || bytes_ > max_bytes)) {
    drop_oldest_message();
  }
  return first_message_ + messages_.size() - 1;
}

std::uint64_t Journal::add(std::string_view registration, Platform platform, Outcome outcome,
                           SystemTime now) {
  Delivery delivery;
  delivery.id = next_delivery();
  delivery.change = ++changes_;
  delivery.message = first_message_ + messages_.size() - 1;
  delivery.registration = registration;
  delivery.platform = platform;
  delivery.outcome = outcome;
  delivery.accepted = now;
  delivery.settled = now;
  deliveries_.push_back(std::move(delivery));
  if (deliveries_.size() > max_deliveries) drop_oldest_delivery();
  return first_delivery_ + deliveries_.size() - 1;
}

const Delivery* Journal::find(std::uint64_t delivery) const {
  if (delivery < first_delivery_ || delivery >= next_delivery()) return nullptr;
  return &deliveries_[delivery - first_delivery_];
}

void Journal::settle(std::uint64_t delivery, Outcome outcome, SystemTime now) {
  if (find(delivery) == nullptr) return;
  auto& kept = deliveries_[delivery - first_delivery_];
  kept.outcome = outcome;
  kept.settled = now;
  kept.change = ++changes_;
}

RequestNote& Journal::next_note() {
  if (notes_.size() < max_notes) {
    notes_.emplace_back();
    notes_.back().change = ++changes_;
    return notes_.back();
  }
  auto& note = notes_[oldest_];
  oldest_ = (oldest_ + 1) % notes_.size();
  forgotten_ = std::max(forgotten_, note.change);
  note.change = ++changes_;
  return note;
}

void Journal::clear() {
  first_message_ += messages_.size();
  first_delivery_ += deliveries_.size();
  messages_.clear();
  deliveries_.clear();
  notes_.clear();
  oldest_ = 0;
  bytes_ = 0;
  forgotten_ = ++changes_;
}

void Journal::drop_oldest_message() {
  bytes_ -= messages_.front().bytes();
  while (!deliveries_.empty() && deliveries_.front().message == first_message_) {
    drop_oldest_delivery();
  }
  messages_.pop_front();
  ++first_message_;
}

void Journal::drop_oldest_delivery() {
  forgotten_ = std::max(forgotten_, deliveries_.front().change);
  deliveries_.pop_front();
  ++first_delivery_;
}

}  // namespace fanfare::emulator
