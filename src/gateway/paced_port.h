// PacedPort: an AttemptPort with a pace of its own before the project's. For a campaign that is to
// be slower than the project could be.
#pragma once

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "client/attempt_port.h"
#include "client/send_budget.h"

namespace fanfare::gateway {

class PacedPort final : public client::AttemptPort {
 public:
  /// `inner` outlives it. Without a rate all goes at once. Once `is_over` says so nothing is
  /// started any more: what stands in line comes back unsent.
  PacedPort(client::AttemptPort& inner, const client::BudgetOptions& pace,
            std::function<bool()> is_over)
      : inner_(inner), budget_(pace), is_over_(std::move(is_over)) {}

  void start(std::vector<client::DeliveryPtr>& deliveries) override;
  void wait(client::SteadyTime until, std::vector<client::DeliveryPtr>& out) override;
  client::SteadyTime now() override { return inner_.now(); }
  void interrupt() override { inner_.interrupt(); }

 private:
  /// Starts those whose turn it is; when the next one's is.
  client::SteadyTime let_go();

  client::AttemptPort& inner_;
  client::SendBudget budget_;
  std::function<bool()> is_over_;
  std::deque<client::DeliveryPtr> line_;
  std::vector<client::DeliveryPtr> started_;
  std::vector<client::DeliveryPtr> turned_back_;
};

}  // namespace fanfare::gateway
