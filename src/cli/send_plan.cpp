// From the options of send and preflight to a plan: read, checked and turned into values.
#include <charconv>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/file.h"
#include "base/time_text.h"
#include "cli/api_options.h"
#include "cli/sending.h"
#include "fcm/message_json.h"

namespace fanfare::cli {
namespace {

std::unexpected<Error> wrong_use(std::string what, std::string remedy) {
  return fail(Error::Kind::usage, std::move(what), std::move(remedy));
}

bool has_notification_options(const SendOptions& options) {
  return !options.title.empty() || !options.body.empty() || !options.image.empty() ||
         !options.data.empty();
}

Result<Message> message_from_options(const SendOptions& options) {
  Message message;
  if (!options.title.empty() || !options.body.empty() || !options.image.empty()) {
    message.notification =
        Notification{.title = options.title, .body = options.body, .image = options.image};
  }
  for (const std::string& pair : options.data) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return wrong_use(fmt::format("can't read --data {}", pair), "write it as KEY=VALUE");
    }
    message.data[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return message;
}

// The message, and the target if the file names one.
Result<fcm::ParsedMessage> read_message(const SendOptions& options) {
  if (options.message_file.empty()) {
    auto message = message_from_options(options);
    if (!message) return std::unexpected(message.error());
    return fcm::ParsedMessage{.message = std::move(*message), .target = std::nullopt};
  }
  if (has_notification_options(options)) {
    return wrong_use("--message and --title, --body, --image or --data exclude each other",
                     "put everything into the message file");
  }
  auto text = read_file(options.message_file);
  if (!text) return std::unexpected(text.error());
  auto parsed = fcm::parse_message(*text);
  if (!parsed) {
    parsed.error().what = fmt::format("{}: {}", options.message_file, parsed.error().what);
  }
  return parsed;
}

// "600000/min", "600000", "100/s"; 0: no pacing.
Result<std::uint64_t> parse_rate(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::uint64_t most = 1'000'000'000;
  if (error == std::errc{} && value <= most && (unit.empty() || unit == "/min")) return value;
  if (error == std::errc{} && value <= most / 60 && unit == "/s") return value * 60;
  return wrong_use(fmt::format("can't read --rate {}", text),
                   "write messages per minute, such as 600000/min, or 0 for no pacing");
}

Result<std::chrono::seconds> parse_span_option(const char* name, const std::string& text) {
  if (text == "0") return std::chrono::seconds(0);
  if (const auto span = parse_span(text)) return *span;
  return wrong_use(fmt::format("can't read {} {}", name, text),
                   "write a number with s, m, h or d, such as 90s or 2h");
}

std::vector<Target> named_targets(const SendOptions& options) {
  std::vector<Target> targets;
  const auto add = [&](TargetKind kind, const std::vector<std::string>& values) {
    for (const auto& value : values) targets.push_back({kind, value});
  };
  add(TargetKind::token, options.tokens);
  add(TargetKind::fid, options.fids);
  add(TargetKind::topic, options.topics);
  if (!options.condition.empty()) targets.push_back({TargetKind::condition, options.condition});
  return targets;
}

Result<void> check_targets(const SendOptions& options, const std::vector<Target>& targets,
                           Receivers receivers) {
  const int ways =
      (targets.empty() ? 0 : 1) + (options.to_file.empty() ? 0 : 1) + (options.audience ? 1 : 0);
  if (ways > 1) {
    return wrong_use("--to, --audience and named targets exclude each other", "choose one of them");
  }
  if (ways == 0 && receivers == Receivers::required && !options.resume) {
    return wrong_use("nobody to send to",
                     "give --token, --fid, --topic, --condition, --to FILE or --audience FILTER");
  }
  if (options.resume && !targets.empty()) {
    return wrong_use("--resume goes with --to or --audience",
                     "send to named targets again without it");
  }
  return {};
}

// The parser lets no other names through.
Priority priority_named(std::string_view name) {
  if (name == "urgent") return Priority::urgent;
  return name == "normal" ? Priority::normal : Priority::bulk;
}

Result<ClientOptions> send_client(Context& context, const SendOptions& options) {
  const auto rate = parse_rate(options.rate);
  if (!rate) return std::unexpected(rate.error());
  const auto ramp = parse_span_option("--ramp", options.ramp);
  if (!ramp) return std::unexpected(ramp.error());
  ClientOptions client = client_options(context);
  client.validate_only = options.dry_run;
  client.connections = options.connections;
  client.lanes = options.lanes;
  client.messages_per_minute = *rate;
  client.ramp = *ramp;
  client.avoid_quarter_hours = options.avoid_quarter_hours;
  client.max_attempts = options.max_attempts;
  client.retry_unknown = options.on_unknown == "retry";
  return client;
}

}  // namespace

Result<SendPlan> make_plan(Context& context, const SendOptions& options, Receivers receivers) {
  SendPlan plan;
  const bool has_message = !options.message_file.empty() || has_notification_options(options);
  const bool may_lack_one = options.resume || receivers == Receivers::optional;
  if (has_message || !may_lack_one) {
    auto parsed = read_message(options);
    if (!parsed) return std::unexpected(parsed.error());
    plan.message = std::move(parsed->message);
    plan.targets = named_targets(options);
    if (parsed->target) plan.targets.push_back(*parsed->target);
  } else {
    plan.targets = named_targets(options);
  }
  if (auto checked = check_targets(options, plan.targets, receivers); !checked) {
    return std::unexpected(checked.error());
  }
  auto client = send_client(context, options);
  if (!client) return std::unexpected(client.error());
  plan.client = std::move(*client);
  plan.priority = priority_named(options.priority);
  const auto recheck = parse_span_option("--brake-recheck", options.brake_recheck);
  if (!recheck) return std::unexpected(recheck.error());
  plan.brake_recheck = *recheck;
  if (!options.deadline.empty()) {
    const auto deadline = parse_span_option("--deadline", options.deadline);
    if (!deadline) return std::unexpected(deadline.error());
    plan.deadline = *deadline;
    plan.client.give_up_after = *deadline;
  }
  return plan;
}

void declare_message(CLI::App& command, SendOptions& options) {
  const auto text = [&](const char* name, std::string& value, const char* help, const char* type) {
    command.add_option(name, value, help)->type_name(type);
  };
  text("--message", options.message_file, "FCM Message as JSON; - is standard input", "FILE");
  text("--title", options.title, "Title of a simple notification", "TEXT");
  text("--body", options.body, "Its body", "TEXT");
  text("--image", options.image, "URL of its image", "URL");
  command.add_option("--data", options.data, "A data entry")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->take_all();
}

void declare_receivers(CLI::App& command, SendOptions& options, const char* to_help) {
  const auto list = [&](const char* name, std::vector<std::string>& values, const char* help,
                        const char* type) {
    command.add_option(name, values, help)->type_name(type)->allow_extra_args(false)->take_all();
  };
  list("--token", options.tokens, "A registration token", "TOKEN");
  list("--fid", options.fids, "A Firebase Installation ID", "FID");
  list("--topic", options.topics, "A topic's name", "NAME");
  command.add_option("--condition", options.condition, "A condition over topics")
      ->type_name("TEXT");
  command.add_option("--to", options.to_file, to_help)->type_name("FILE");
  command
      .add_option("--audience", options.audience,
                  "Devices of the store, such as 'platform:ios and tag:news', or 'all'")
      ->type_name("FILTER");
}

void declare_pace(CLI::App& command, SendOptions& options) {
  command.add_option("--rate", options.rate, "Messages per minute; 0: no pacing")
      ->type_name("N/min");
  command.add_option("--ramp", options.ramp, "From a slow start to the full rate; 0: at once")
      ->type_name("SPAN");
}

}  // namespace fanfare::cli
