// delivery-data: what became of an Android app's messages, as FCM counted it.
#include "fanfare/delivery_data.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/api_options.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/json_object.h"
#include "fcm/delivery_data.h"

namespace fanfare::cli {
namespace {

struct DataOptions {
  std::string app_id;
  std::string label;
  bool csv = false;
};

std::string date_of(const DeliveryDay& day) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.date.year()),
                     static_cast<unsigned>(day.date.month()),
                     static_cast<unsigned>(day.date.day()));
}

std::string json_of(const DeliveryDay& day) {
  JsonObject object;
  object.text("app_id", day.app_id)
      .text("date", date_of(day))
      .text("analytics_label", day.analytics_label)
      .number("messages_accepted", day.messages_accepted)
      .number("notifications_accepted", day.notifications_accepted);
  for (const auto& field : fcm::percent_fields()) {
    object.number_or_null(fmt::format("{}_percent", field.name), day.percents.*field.value);
  }
  return object.str();
}

// RFC 4180; a label has no character that would need more.
std::string csv_header() {
  std::string line = "app_id,date,analytics_label,messages_accepted,notifications_accepted";
  for (const auto& field : fcm::percent_fields()) line += fmt::format(",{}_percent", field.name);
  return line + "\n";
}

std::string csv_text(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_line(const DeliveryDay& day) {
  std::string line =
      fmt::format("{},{},{},{},{}", csv_text(day.app_id), date_of(day),
                  csv_text(day.analytics_label), day.messages_accepted, day.notifications_accepted);
  for (const auto& field : fcm::percent_fields()) {
    const auto value = day.percents.*field.value;
    line += value ? fmt::format(",{:g}", *value) : ",";
  }
  return line + "\n";
}

std::string percent_text(const std::optional<double>& value) {
  return value ? fmt::format("{:.1f}", *value) : "";
}

// What was dropped and why, for people: the largest share first would jump from row to row, so
// every share above zero is named.
std::string dropped_text(const DeliveryPercents& percents) {
  std::string text;
  for (const auto& field : fcm::percent_fields()) {
    const auto& value = percents.*field.value;
    if (!field.name.starts_with("dropped_") || !value || *value == 0) continue;
    std::string reason(field.name.substr(8));
    std::ranges::replace(reason, '_', ' ');
    text += fmt::format("{}{} {:.1f}", text.empty() ? "" : ", ", reason, *value);
  }
  return text;
}

Result<ExitStatus> show(Context& context, const DataOptions& options) {
  if (options.csv && context.globals.json) {
    return fail(Error::Kind::usage, "--csv and --json exclude each other", "choose one of them");
  }
  auto data = DeliveryData::open(client_options(context));
  if (!data) return std::unexpected(data.error());
  log_warnings(context, data->warnings());
  Table table({{"date"},
               {"label"},
               {"accepted", Table::Align::right},
               {"delivered %", Table::Align::right},
               {"pending %", Table::Align::right},
               {"collapsed %", Table::Align::right},
               {"dropped %"}});
  bool headed = false;
  const auto done = data->each_day(options.app_id, [&](const DeliveryDay& day) {
    if (!options.label.empty() && day.analytics_label != options.label) return;
    if (context.globals.json) return context.out.json_line(json_of(day));
    if (options.csv) {
      if (!std::exchange(headed, true)) context.out.say(csv_header());
      return context.out.say(csv_line(day));
    }
    table.add({date_of(day), printable(day.analytics_label),
               grouped(static_cast<std::uint64_t>(day.messages_accepted)),
               percent_text(day.percents.delivered), percent_text(day.percents.pending),
               percent_text(day.percents.collapsed), dropped_text(day.percents)});
  });
  if (!done) return tell_failure(context, printable(options.app_id), done.error());
  if (!context.globals.json && !options.csv) {
    context.out.say(table.empty()
                        ? "no delivery data: they appear some days after messages with an "
                          "analytics label were sent to Android\n"
                        : table.render());
  }
  if (options.csv && !headed) context.out.say(csv_header());
  return ExitStatus::accepted;
}

}  // namespace

void add_delivery_data(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "delivery-data",
      "Show what became of an Android app's messages, by day and analytics label\n\n"
      "Per cent of the messages that FCM accepted: delivered, pending, collapsed, and dropped with "
      "the reason. --json and --csv have every number that FCM gives. The credentials need the "
      "role Firebase Cloud Messaging API viewer or more, and the FCM Data API must be enabled.");
  command->group("Sending");
  command->footer(
      "Examples:\n"
      "  fanfare delivery-data 1:1234567890:android:321abc456def7890\n"
      "  fanfare delivery-data 1:1234567890:android:321abc456def7890 --csv > days.csv\n");
  auto options = std::make_shared<DataOptions>();
  command
      ->add_option("APP_ID", options->app_id,
                   "Firebase's id of the app: Firebase console, Project settings, Your apps")
      ->required()
      ->type_name("APP_ID");
  command->add_option("--label", options->label, "Only this analytics label")->type_name("LABEL");
  command->add_flag("--csv", options->csv, "Comma-separated values with a header");
  context.on(*command, [&context, options] { return show(context, *options); });
}

}  // namespace fanfare::cli
