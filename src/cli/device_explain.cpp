// devices explain: why a device is in its state.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/device_explanation.h"
#include "cli/devices.h"
#include "cli/json_object.h"
#include "cli/store.h"

namespace fanfare::cli {
namespace {

Result<DeviceStory> story_of(registry::Registry& store, const registry::Device& device) {
  DeviceStory story{.device = device};
  auto events = store.history(device.id);
  if (!events) return std::unexpected(events.error());
  story.events = std::move(*events);
  auto probe = store.latest_probe(device.id);
  if (!probe) return std::unexpected(probe.error());
  story.probe = std::move(*probe);
  auto brakes = store.brakes();
  if (!brakes) return std::unexpected(brakes.error());
  story.brakes = std::move(*brakes);
  const auto canary = store.is_canary(device.id);
  if (!canary) return std::unexpected(canary.error());
  story.canary = *canary;
  return story;
}

std::string machine(const DeviceStory& story, const DeviceExplanation& explanation) {
  const registry::Device& device = story.device;
  return JsonObject()
      .text(to_string(device.registration.kind), device.registration.value)
      .text("state", to_string(device.state))
      .text_or_null("since", explanation.since ? format_rfc3339(*explanation.since) : "")
      .text_or_null("cause", explanation.cause)
      .text_or_null("rule", explanation.rule)
      .text_or_null("meaning", explanation.meaning)
      .text_or_null("remedy", explanation.remedy)
      .json("evidence", explanation.answer.empty() ? "null" : explanation.answer)
      .text_or_null("comes_back", explanation.comes_back)
      .boolean("brake", explanation.brake)
      .boolean("canary", story.canary)
      .text("text", fmt::format("{}", fmt::join(explanation.sentences, "\n")))
      .str();
}

Result<ExitStatus> explain_device(Context& context, const std::string& registration) {
  auto store = open_store(context.globals, {.mode = registry::OpenOptions::Mode::read_only});
  if (!store) return std::unexpected(store.error());
  const auto device = find_device(context, *store, registration);
  if (!device) return std::unexpected(device.error());
  if (!*device) return ExitStatus::some_failed;
  const auto story = story_of(*store, **device);
  if (!story) return std::unexpected(story.error());
  const DeviceExplanation explanation = explain(*story);
  if (context.globals.json) {
    context.out.json_line(machine(*story, explanation));
  } else {
    context.out.say(fmt::format("{}\n", fmt::join(explanation.sentences, "\n")));
  }
  return ExitStatus::accepted;
}

}  // namespace

void add_device_explain(CLI::App& devices, Context& context) {
  CLI::App* command = devices.add_subcommand(
      "explain", "Say why a device is in its state, and what would bring it back");
  command->footer("Examples:\n  fanfare devices explain cX0dW3:APA91bHun4MxP5egoKM\n");
  auto registration = std::make_shared<std::string>();
  command->add_option("REG", *registration, "Token or fid, whole")->required();
  context.on(*command, [&context, registration] { return explain_device(context, *registration); });
}

}  // namespace fanfare::cli
