// Topics over the Instance ID API: 1,000 tokens a request, each with an end of its own.
//
// The API answers 200 for a batch even where it could not do some of its tokens just now; those go
// again in later batches, after the wait and as often as the retry loop's rules say.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/client.h"

#include "client/retry_loop.h"

namespace fanfare::client {

/// What the batches go through; a test plays it.
struct BatchDoor {
  /// Makes a call for each batch that `next` yields and reports each outcome.
  std::function<void(const std::function<std::optional<Target>()>& next,
                     const std::function<void(const Outcome&)>& on_outcome)>
      each;
  std::function<void(std::chrono::milliseconds)> pause;
};

/// The tokens of a batch, which travels as one target.
[[nodiscard]] std::vector<std::string> tokens_of(const Target& batch);

/// One outcome for each registration that `next` yields. FIDs are not sent: they end by the rule
/// topic.needs_v1.
void change_in_batches(const BatchDoor& door, const RetryOptions& retry,
                       const std::function<std::optional<Target>()>& next,
                       const std::function<void(const Outcome&)>& on_outcome);

}  // namespace fanfare::client
