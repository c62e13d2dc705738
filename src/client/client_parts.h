// What a Client is made of, so that a test can put another Sender below the same client.
#pragma once

#include <string>

#include "fanfare/client.h"

#include "client/lane.h"
#include "client/retry_loop.h"

namespace fanfare::client {

struct ClientParts {
  std::string project;
  SenderFactory make_sender;
  RetryOptions retry;
  bool validate_only = false;
};

/// The only maker of Clients; Client::open is it over the network.
struct ClientMaker {
  [[nodiscard]] static Client make(ClientParts parts);
};

/// The retry loop's share of a client's options.
[[nodiscard]] RetryOptions retry_options_of(const ClientOptions& options);

}  // namespace fanfare::client
