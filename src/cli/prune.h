// Pruning, as `devices prune` and `devices upkeep` do it: by a policy, with topics left first where
// that is wanted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "fanfare/client.h"

#include "cli/app.h"
#include "registry/registry.h"

namespace CLI {
class App;
}

namespace fanfare::cli {

struct PruneOptions {
  std::string policy = "default";
  std::string warn = "60d";
  std::string older_than;  ///< One age for all, in place of a policy; empty: by policy.
  std::string platform;    ///< Empty: all.
  bool unsubscribe = false;
  bool dry_run = false;
};

/// --policy, --warn, --platform and --unsubscribe. The options must outlive the command.
void add_policy_options(CLI::App& command, PruneOptions& options);

/// Error::Kind::usage naming the option that can't be read.
[[nodiscard]] Result<registry::SilencePolicy> policy_of(const PruneOptions& options);

struct Pruned {
  registry::PruneCounts counts;
  std::uint64_t unsubscribed = 0;  ///< Subscriptions that were ended.
  std::uint64_t kept = 0;          ///< Devices whose topics could not be left.
  std::map<std::string, std::uint64_t> kept_by_rule{};
  std::optional<Outcome> blocked{};  ///< What stood in the way of all, and at which device.
};

[[nodiscard]] Result<Pruned> prune(Context& context, registry::Registry& store,
                                   const PruneOptions& options,
                                   const registry::SilencePolicy& policy, SystemTime now);

[[nodiscard]] std::string json_of(const Pruned& pruned, const PruneOptions& options,
                                  const registry::SilencePolicy& policy);
/// What was done, in sentences.
[[nodiscard]] std::string text_of(const Pruned& pruned, const PruneOptions& options,
                                  const registry::SilencePolicy& policy);
/// The fleet by platform and age; empty when there is none.
[[nodiscard]] std::string age_table(const registry::PruneCounts& counts);
[[nodiscard]] ExitStatus status_of(const Pruned& pruned) noexcept;

}  // namespace fanfare::cli
