// What a Client is made of, so that a test can put another Sender below the same client.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/client.h"

#include "client/api.h"
#include "client/fcm_sender.h"
#include "client/lane.h"
#include "client/retry_loop.h"
#include "client/send_budget.h"

namespace fanfare::client {

struct ClientParts {
  std::string project;
  SenderFactory make_sender;
  RetryOptions retry;
  std::shared_ptr<SendBudget> budget = {};  ///< The pace that the senders keep; null: none.
  std::size_t lanes = 1;
  bool validate_only = false;
  /// Whether make_sender succeeded; ready once a lane has called it. Not valid: it can't fail.
  std::shared_future<Result<void>> sender_made = {};
  std::string credentials = {};  ///< What tokens are asked for with, for people; empty: none.
  std::vector<std::string> warnings = {};  ///< For people, about the credentials.
};

/// What a client over the network is made of; reads the credentials, connects nowhere yet. For
/// those who drive a lane themselves. With `call`, something else than messages:send is called.
[[nodiscard]] Result<ClientParts> network_parts(const ClientOptions& options,
                                                const Api& api = fcm_api,
                                                std::optional<OtherCall> call = std::nullopt);

/// The only maker of Clients; Client::open is it over the network.
struct ClientMaker {
  [[nodiscard]] static Client make(ClientParts parts);
};

/// The retry loop's share of a client's options.
[[nodiscard]] RetryOptions retry_options_of(const ClientOptions& options);

}  // namespace fanfare::client
