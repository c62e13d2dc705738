#include "cli/api_options.h"

#include <fmt/format.h>

#include "fcm/rules.h"

namespace fanfare::cli {

ClientOptions client_options(Context& context) {
  const Globals& globals = context.globals;
  ClientOptions client;
  client.on_warning = [&log = context.log](const std::string& warning) {
    log.write(LogLevel::warning, warning);
  };
  client.credentials_file = globals.credentials;
  client.project = globals.project;
  client.endpoint = globals.endpoint;
  client.ca_file = globals.ca_file;
  if (globals.http2_engine == "nghttp2") client.http2_engine = Http2Engine::nghttp2;
  return client;
}

ClientOptions instance_id_options(Context& context) {
  ClientOptions client = client_options(context);
  const std::string& endpoint = context.globals.iid_endpoint;
  if (!endpoint.empty()) client.endpoint = endpoint;
  return client;
}

void log_warnings(Context& context, const std::vector<std::string>& warnings) {
  for (const auto& warning : warnings) context.log.write(LogLevel::warning, warning);
}

bool blocks(const Verdict& verdict) noexcept {
  return verdict.action == Action::hold_project || verdict.kind == VerdictKind::unsent;
}

ExitStatus tell_failure(Context& context, std::string_view subject, const Outcome& outcome) {
  const Verdict& verdict = outcome.verdict;
  std::string text = fmt::format("{}: {} ({})", subject, to_string(verdict.kind), verdict.rule);
  if (const auto* rule = fcm::find_rule(verdict.rule)) text += fmt::format(": {}", rule->summary);
  if (!verdict.text.empty()) text += fmt::format("\n  FCM says: {}", printable(verdict.text));
  if (const auto remedy = fcm::remedy_for(verdict.rule); !remedy.empty()) {
    text += fmt::format("\n  {}", remedy);
  }
  context.log.write(LogLevel::error, text);
  return blocks(verdict) ? ExitStatus::blocked : ExitStatus::some_failed;
}

}  // namespace fanfare::cli
