// Why a device is in its state, in sentences: which event decided, what its rule means, what FCM
// answered, and what would bring the device back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "registry/registry.h"

namespace fanfare::cli {

/// What the store knows of one device.
struct DeviceStory {
  registry::Device device;
  std::vector<registry::Event> events{};  ///< Oldest first, those of predecessors included.
  std::optional<registry::Probe> probe{};
  std::vector<registry::BrakeState> brakes{};  ///< Those that are on.
  bool canary = false;
};

struct DeviceExplanation {
  std::optional<SystemTime> since;     ///< When it came into its state.
  std::string cause;                   ///< Of the event that decided; empty: there was none.
  std::string rule;                    ///< Of the verdict; empty: it was no verdict.
  std::string meaning;                 ///< Of the rule.
  std::string remedy;                  ///< What a person should mend; may be empty.
  std::string answer;                  ///< Evidence as JSON; empty: there is none.
  std::string comes_back;              ///< What would make it active; empty: it is.
  bool brake = false;                  ///< A brake that is on holds it.
  std::vector<std::string> sentences;  ///< All of it, for people, a paragraph each.
};

[[nodiscard]] DeviceExplanation explain(const DeviceStory& story);

}  // namespace fanfare::cli
