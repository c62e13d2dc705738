// What `send` is told, and its two ways: a campaign over stored devices, or a few named targets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "fanfare/message.h"
#include "fanfare/priority.h"
#include "fanfare/result.h"
#include "fanfare/target.h"

#include "cli/app.h"
#include "client/client_parts.h"
#include "delivery/campaign_run.h"

namespace fanfare::cli {

struct SendOptions {
  std::string message_file;
  std::string title;
  std::string body;
  std::string image;
  std::vector<std::string> data;  ///< "key=value"
  std::vector<std::string> tokens, fids, topics;
  std::string condition;
  std::string to_file;
  std::optional<std::string> audience;
  bool dry_run = false;
  bool no_check = false;
  std::vector<std::string> ignored_rules;  ///< Of checks, such as "check.channel_missing".
  std::string report_file;
  std::string rate = "600000/min";
  std::string ramp = "60s";
  bool avoid_quarter_hours = false;
  std::string priority = "bulk";
  bool resume = false;
  int max_attempts = 5;
  std::string deadline;
  std::string on_unknown = "retry";
  std::string brake_recheck = "24h";
  std::size_t connections = 12;
  std::size_t lanes = 0;  ///< 0: as many as there are cores.
  std::uint64_t probe_budget = 1'000;
  std::uint64_t preflight_above = 100'000;
};

/// Options read and checked, before anything is opened.
struct SendPlan {
  std::optional<Message> message;  ///< Absent only with resume.
  std::vector<Target> targets;     ///< Named one by one.
  ClientOptions client;
  Priority priority = Priority::bulk;
  std::optional<std::chrono::seconds> deadline;
  std::chrono::seconds brake_recheck{0};
  std::optional<registry::Audience> audience = {};  ///< Where the preflight counted it already.
};

/// Whether a plan must say to whom. Preflight can do without, and without a message, too.
enum class Receivers : std::uint8_t { required, optional };

/// Reads the message file, opens nothing else. Error::Kind::usage and ::input.
[[nodiscard]] Result<SendPlan> make_plan(Context& context, const SendOptions& options,
                                         Receivers receivers = Receivers::required);

// Options that several commands have.
void declare_message(CLI::App& command, SendOptions& options);
void declare_receivers(CLI::App& command, SendOptions& options, const char* to_help);
void declare_pace(CLI::App& command, SendOptions& options);

/// Whether a send to devices outlives the command, so that `--resume` can go on with it. One to a
/// file without a store does not.
[[nodiscard]] bool is_kept(const Globals& globals, const SendOptions& options);

/// To devices of a store: those of `--to FILE`, which are imported first, or of `--audience`.
[[nodiscard]] Result<delivery::Summary> send_campaign(Context& context, const SendOptions& options,
                                                      const SendPlan& plan);

/// To the targets that were named.
[[nodiscard]] Result<delivery::Summary> send_to_targets(Context& context,
                                                        const SendOptions& options,
                                                        const SendPlan& plan);

/// {"accepted","retired","failed","unknown","retries","held","duration_s","by_rule"} and, when
/// something stands in the way, "blocked": [{"scope","rule","text","remedy"}]; while a brake is on
/// "brake": its rule, and "brakes": [{…}] as `devices brake status` has them.
[[nodiscard]] std::string summary_json(const delivery::Summary& summary);

/// The same for people, with what to mend. `kept`: the send can be resumed.
[[nodiscard]] std::string summary_text(const delivery::Summary& summary, bool kept);

}  // namespace fanfare::cli
