#include "client/delivery.h"

#include <utility>

namespace fanfare::client {

void Delivery::set_attempt(Attempt attempt) {
  answer = std::move(attempt.answer);
  verdict = std::move(attempt.verdict);
}

DeliveryPtr DeliveryStock::make() {
  if (idle_.empty()) return std::make_unique<Delivery>();
  if (idle_.size() > prefetch_distance) {
    prefetch(idle_[idle_.size() - 1 - prefetch_distance].get(), sizeof(Delivery));
  }
  DeliveryPtr delivery = std::move(idle_.back());
  idle_.pop_back();
  delivery->platform.clear();
  delivery->attempts = 0;
  delivery->not_before.reset();
  delivery->expires.reset();
  delivery->max_attempts = 0;
  delivery->drop_unknown = false;
  delivery->priority = Priority::normal;
  delivery->probe = false;
  delivery->tried = false;
  delivery->unsent_in_row = 0;
  delivery->is_retry = false;
  return delivery;
}

}  // namespace fanfare::client
