// check-message: all that is wrong or doubtful in a message, without sending it.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/file.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/findings.h"
#include "fcm/checks.h"

namespace fanfare::cli {
namespace {

struct CheckOptions {
  std::string file;
  bool without_target = false;
  std::vector<std::string> ignored_rules;
};

std::string verdict_line(const CheckOptions& options, const std::vector<Finding>& findings) {
  return fmt::format("{}: {}; {}\n", options.file == "-" ? "the message" : printable(options.file),
                     fcm::has_fault(findings) ? "FCM will refuse it" : "can be sent",
                     findings_counts(findings));
}

std::string size_line(const SizeEstimate& size, TargetKind kind) {
  return fmt::format("payload: about {} bytes on Android, {} on iOS, {} on the web, of {}\n",
                     grouped(size.android_bytes), grouped(size.apns_bytes),
                     grouped(size.webpush_bytes), grouped(payload_limit_bytes(kind)));
}

Result<ExitStatus> check(Context& context, const CheckOptions& options) {
  const auto text = read_file(options.file);
  if (!text) return std::unexpected(text.error());
  auto [parsed, findings] = fcm::check_text(
      *text, options.without_target ? fcm::TargetNeed::elsewhere : fcm::TargetNeed::in_message);
  if (auto known = ignore_rules(findings, options.ignored_rules); !known) {
    return std::unexpected(known.error());
  }
  const SizeEstimate size = estimate_size(parsed.message);
  const TargetKind kind = parsed.target ? parsed.target->kind : TargetKind::token;
  if (context.globals.json) {
    context.out.json_line(findings_json(findings, size, kind));
  } else {
    context.out.say(findings_text(findings) + verdict_line(options, findings) +
                    size_line(size, kind));
  }
  return fcm::has_fault(findings) ? ExitStatus::some_failed : ExitStatus::accepted;
}

}  // namespace

void add_check_message(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "check-message",
      "Say what is wrong or doubtful in a message before it is sent\n\n"
      "A fault is what FCM is known to refuse; with one the exit status is 1. A warning is a trap: "
      "FCM takes the message, but it may not do what you mean. Nothing is sent. send makes the "
      "same check.");
  command->group("Sending");
  command->footer(
      "Examples:\n"
      "  fanfare check-message news.json\n"
      "  fanfare check-message --without-target --json - < news.json\n");
  auto options = std::make_shared<CheckOptions>();
  command
      ->add_option("FILE", options->file,
                   "FCM Message as JSON, or a whole request; - is standard input")
      ->required()
      ->type_name("FILE");
  command->add_flag("--without-target", options->without_target,
                    "The message goes to devices that send will be given");
  declare_ignored_rules(*command, options->ignored_rules);
  context.on(*command, [&context, options] { return check(context, *options); });
}

}  // namespace fanfare::cli
