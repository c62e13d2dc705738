// explain: the verdict for a raw answer, for people and for scripts.
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "fanfare/verdict.h"

#include "base/file.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/json_object.h"
#include "cli/progress.h"
#include "fcm/rules.h"

namespace fanfare::cli {
namespace {

struct ExplainOptions {
  int status = 0;
  std::string body_file;
  std::string retry_after;
  std::string target = "token";
};

TargetKind target_kind(std::string_view name) {
  for (const TargetKind kind : {TargetKind::fid, TargetKind::topic, TargetKind::condition}) {
    if (to_string(kind) == name) return kind;
  }
  return TargetKind::token;
}

std::string_view deed(Action action) {
  switch (action) {
    case Action::record:
      return "notes that FCM accepted the message";
    case Action::retire_device:
      return "retires the device, keeps this answer as evidence, and never sends to it again";
    case Action::probe_device:
      return "keeps the device until it is known who is at fault";
    case Action::fail_message:
      return "fails the message for everyone and touches no device";
    case Action::hold_platform:
      return "holds messages to this platform and touches no device";
    case Action::refresh_credential:
      return "gets a fresh access token and tries once more; then the project is held";
    case Action::hold_project:
      return "holds all messages of the project and touches no device";
    case Action::wait_project:
      return "pauses the project, then goes on more slowly";
    case Action::wait_target:
      return "pauses this target, then sends again";
    case Action::retry:
      return "sends again later, with growing waits";
    case Action::follow_policy:
      return "sends again or drops the message, as its own policy says";
    case Action::resend:
      return "sends again at once over another connection";
  }
  return {};
}

std::string human(const Verdict& verdict) {
  const fcm::Rule* rule = fcm::find_rule(verdict.rule);
  Table table({{""}, {""}});
  const auto row = [&](const char* name, std::string value) {
    if (!value.empty()) table.add({name, std::move(value)});
  };
  row("  verdict", std::string(to_string(verdict.kind)));
  row("  rule", std::string(verdict.rule));
  row("  at fault", std::string(to_string(verdict.fault_domain)));
  row("  code", printable(verdict.code));
  row("  field", printable(verdict.field));
  row("  FCM's words", printable(verdict.text));
  if (verdict.retry_after) row("  wait at least", human_span(*verdict.retry_after));
  row("  Fanfare", std::string(deed(verdict.action)));
  const std::string_view remedy = fcm::remedy_for(verdict.rule);
  row("  you", remedy.empty() ? "nothing to mend" : std::string(remedy));
  const std::string summary(rule == nullptr ? to_string(verdict.kind) : rule->summary);
  return summary + "\n" + table.render();
}

std::string machine(const Verdict& verdict) {
  JsonObject object;
  object.text("verdict", to_string(verdict.kind))
      .text("rule", verdict.rule)
      .text("fault_domain", to_string(verdict.fault_domain))
      .text_or_null("code", verdict.code)
      .text_or_null("field", verdict.field)
      .text("action", to_string(verdict.action));
  if (verdict.retry_after) {
    object.number("retry_after_s", verdict.retry_after->count());
  } else {
    object.json("retry_after_s", "null");
  }
  return object.str();
}

Result<ExitStatus> explain(Context& context, const ExplainOptions& options) {
  Answer answer;
  answer.status = options.status;
  answer.transport = options.status == 0 ? Answer::Transport::unknown : Answer::Transport::answered;
  answer.retry_after = options.retry_after;
  answer.received_at = std::chrono::system_clock::now();
  if (!options.body_file.empty()) {
    auto body = read_file(options.body_file);
    if (!body) return std::unexpected(body.error());
    answer.body = std::move(*body);
  }
  const Verdict verdict = judge(answer, target_kind(options.target));
  if (context.globals.json) {
    context.out.json_line(machine(verdict));
  } else {
    context.out.say(human(verdict));
  }
  return ExitStatus::accepted;
}

}  // namespace

void add_explain(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand(
      "explain",
      "Say what an answer of FCM means and what to do about it\n\n"
      "Give the HTTP status, and the body as FCM sent it. Nothing is sent and nothing is stored.");
  command->group("Sending");
  command->footer(
      "Examples:\n"
      "  fanfare explain --status 404 --body answer.json\n"
      "  echo '{\"error\":{\"status\":\"UNAVAILABLE\"}}' |\n"
      "      fanfare explain --status 503 --retry-after 30 --body -\n");
  auto options = std::make_shared<ExplainOptions>();
  command->add_option("--status", options->status, "HTTP status; 0: no answer came")
      ->required()
      ->type_name("N")
      ->check(CLI::Range(0, 599).description(""));
  command->add_option("--body", options->body_file, "File with the body; - is standard input")
      ->type_name("FILE");
  command->add_option("--retry-after", options->retry_after, "The Retry-After header")
      ->type_name("TEXT");
  command->add_option("--target", options->target, "To whom the message went; without it token")
      ->type_name("KIND")
      ->check(CLI::IsMember(std::vector<std::string>{"token", "fid", "topic", "condition"}));
  context.on(*command, [&context, options] { return explain(context, *options); });
}

}  // namespace fanfare::cli
