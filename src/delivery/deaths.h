// Deaths: which devices the verdicts of a batch have changed, told once the batch is recorded.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "fanfare/verdict.h"

#include "registry/registry.h"

namespace fanfare::delivery {

/// A verdict retired a device, or made it suspect since a brake is on.
using OnChange = std::function<void(const registry::Receiver&, registry::State to, const Verdict&)>;

class Deaths {
 public:
  /// A final verdict of death, of a device as it was before.
  void note(const registry::Receiver& device, const Verdict& verdict) {
    noted_.emplace_back(device, verdict);
  }

  /// Tells of each device once that is no longer what it was, and forgets all. A device that can't
  /// be read is passed over.
  void tell(registry::Registry& registry, const OnChange& on_change);

 private:
  std::vector<std::pair<registry::Receiver, Verdict>> noted_;
};

}  // namespace fanfare::delivery
