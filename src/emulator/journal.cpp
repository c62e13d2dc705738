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

/// Into a text whose memory is there already, unless it is far too much.
void put(std::string& to, std::string_view text) {
  constexpr std::size_t too_much = 16'384;
  if (to.capacity() > too_much && text.size() < too_much) to = std::string();
  to.assign(text);
}

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

Journal::Journal(std::size_t max_messages) : messages_(max_messages) {}

std::uint64_t Journal::add(NewMessage message) {
  if (messages_.full()) drop_oldest_message();
  auto& kept = messages_.push_back();
  put(kept.name, message.name);
  kept.at = message.at;
  put(kept.request, message.request);
  put(kept.target_field, message.target_field);
  put(kept.target, message.target);
  kept.reached = std::move(message.reached);
  put(kept.label, message.label);
  bytes_ += kept.bytes();
  // The new one stays, since its deliveries follow.
  while (messages_.size() > 1 && bytes_ > max_bytes) drop_oldest_message();
  return first_message_ + messages_.size() - 1;
}

std::uint64_t Journal::add(std::string_view registration, Platform platform, Outcome outcome,
                           SystemTime now) {
  if (deliveries_.full()) drop_oldest_delivery();
  const auto id = next_delivery();
  auto& delivery = deliveries_.push_back();
  delivery.id = id;
  delivery.change = ++changes_;
  delivery.message = first_message_ + messages_.size() - 1;
  const bool is_target = registration == messages_.back().target;
  put(delivery.registration, is_target ? std::string_view{} : registration);
  delivery.platform = platform;
  delivery.outcome = outcome;
  delivery.accepted = now;
  delivery.settled = now;
  return id;
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
  if (notes_.full()) {
    forgotten_ = std::max(forgotten_, notes_.front().change);
    notes_.pop_front();
  }
  auto& note = notes_.push_back();
  note.change = ++changes_;
  return note;
}

void Journal::clear() {
  first_message_ += messages_.size();
  first_delivery_ += deliveries_.size();
  messages_.clear();
  deliveries_.clear();
  notes_.clear();
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
