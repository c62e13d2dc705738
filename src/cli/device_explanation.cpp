#include "cli/device_explanation.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "fanfare/answer_body.h"

#include "cli/output.h"
#include "fcm/api_text.h"
#include "fcm/json_document.h"
#include "fcm/rules.h"
#include "registry/succession.h"

namespace fanfare::cli {

using registry::Device;
using registry::Event;
using registry::State;

namespace {

// Rules that are the registry's own, not judge()'s.
struct OwnRule {
  std::string_view id;
  std::string_view summary;
  std::string_view remedy;
};
constexpr OwnRule own_rules[] = {
    {registry::superseded_rule,
     "the same installation of the app has another registration since, and only one can be alive",
     ""},
    {registry::maybe_superseded_rule,
     "a Firebase Installation ID of the same user looks like that of this token, so the "
     "installation may have moved on",
     "Import a device_id with each registration: then it is known and not guessed."},
};

const OwnRule* own_rule(std::string_view id) {
  const auto* const found = std::ranges::find(own_rules, id, &OwnRule::id);
  return found == std::ranges::end(own_rules) ? nullptr : found;
}

std::string meaning_of(std::string_view rule) {
  if (const OwnRule* own = own_rule(rule)) return std::string(own->summary);
  const fcm::Rule* known = fcm::find_rule(rule);
  return known == nullptr ? std::string() : std::string(known->summary);
}

std::string remedy_of(std::string_view rule) {
  const OwnRule* own = own_rule(rule);
  return std::string(own != nullptr ? own->remedy : fcm::remedy_for(rule));
}

// The latest event that satisfies it; nullptr: none. Predecessors' events are not its own.
template <class Predicate>
const Event* latest(const std::vector<Event>& events, Predicate holds) {
  for (const Event& event : events | std::views::reverse) {
    if (event.predecessor.empty() && holds(event)) return &event;
  }
  return nullptr;
}

// A member of evidence, as text.
std::string told(const std::string& evidence, std::string_view name) {
  const auto document = fcm::parse_json(evidence);
  if (!document) return {};
  const fcm::JsonValue* value = fcm::member(*document, name);
  return value == nullptr ? std::string() : value->text;
}

std::string time_of(const std::optional<SystemTime>& time) {
  return time ? format_rfc3339(*time) : "an unknown time";
}

std::string answer_sentence(const Event& event) {
  const std::string status = told(event.evidence, "status");
  if (status.empty()) return {};
  const AnswerBody body = read_answer_body(told(event.evidence, "body"));
  std::string text =
      status == "0" ? "No answer came." : fmt::format("FCM answered with HTTP {}", status);
  if (status != "0") {
    if (!body.fcm_error.empty()) text += fmt::format(" and {}", printable(body.fcm_error));
    if (!body.message.empty()) text += fmt::format(": \"{}\"", printable(body.message));
    text += ".";
  }
  const std::string campaign = told(event.evidence, "campaign");
  if (!campaign.empty() && campaign != "0")
    text += fmt::format(" That was in campaign {}.", campaign);
  return text;
}

class Explainer {
 public:
  explicit Explainer(const DeviceStory& story) : story_(story), device_(story.device) {}

  DeviceExplanation run() {
    decided_ = latest(story_.events, [&](const Event& event) {
      return event.to == device_.state && event.from != event.to;
    });
    out_.since = device_.changed ? device_.changed : device_.created;
    if (decided_ != nullptr) out_.cause = decided_->cause;
    out_.rule = device_.rule;
    out_.meaning = meaning_of(device_.rule);
    out_.remedy = remedy_of(device_.rule);
    out_.brake =
        std::ranges::any_of(story_.brakes, [&](const auto& brake) { return holds(brake); });
    say_why();
    say_answer();
    say_brake();
    say_way_back();
    say_more();
    return std::move(out_);
  }

 private:
  template <class... Parts>
  void say(fmt::format_string<Parts...> format, Parts&&... parts) {
    out_.sentences.push_back(fmt::format(format, std::forward<Parts>(parts)...));
  }

  [[nodiscard]] bool holds(const registry::BrakeState& brake) const {
    return device_.state == State::suspect && brake.rule == device_.rule &&
           (device_.project.empty() || device_.project == brake.project);
  }

  void say_why() {
    const std::string since =
        fmt::format("It is {} since {}", to_string(device_.state), time_of(out_.since));
    if (decided_ == nullptr) {
      if (device_.state == State::active)
        return say("{}, when it was added; nothing has changed that.", since);
      return say("{}; what decided that is no longer in its history.", since);
    }
    say("{}: {}.", since, why());
    if (!out_.meaning.empty()) say("Rule {}: {}.", device_.rule, out_.meaning);
    if (!out_.remedy.empty()) say("{}", out_.remedy);
  }

  [[nodiscard]] std::string why() const {
    switch (device_.state) {
      case State::active:
        return why_active();
      case State::suspect:
      case State::retired:
        break;
    }
    const std::string& cause = decided_->cause;
    if (cause == "verdict")
      return fmt::format("by FCM's answer to a message, rule {}", device_.rule);
    if (cause == "prune") {
      return fmt::format(
          "pruned, as the app was not seen since {}, longer than its platform may "
          "be silent",
          told_or(decided_->evidence, "last_seen", "long"));
    }
    if (cause == "retire") return "a person retired it";
    if (cause == "import") return "the import that brought it said so";
    if (cause == "brake") return why_braked();
    if (cause == "replaced") return why_replaced();
    return fmt::format("by \"{}\"", printable(cause));
  }

  [[nodiscard]] std::string why_active() const {
    const std::string& cause = decided_->cause;
    if (cause == "import") return "the app was seen again, so it came back";
    if (cause == "restore") return "a person restored it";
    if (cause == "verdict") return "FCM accepted a message for it, so it came back";
    if (cause == "brake") return "the brake was released";
    return fmt::format("by \"{}\"", printable(cause));
  }

  [[nodiscard]] std::string why_braked() const {
    if (device_.state == State::suspect) {
      return fmt::format(
          "rule {} had retired it, but so many devices at once that a brake was "
          "pulled and it is only suspected",
          device_.rule);
    }
    return fmt::format("suspected by rule {}, and then the brake was confirmed", device_.rule);
  }

  [[nodiscard]] std::string why_replaced() const {
    const std::string by = told(decided_->evidence, "by");
    if (!by.empty()) return fmt::format("replaced by {}", printable(by));
    const std::string maybe = told(decided_->evidence, "maybe_by");
    if (!maybe.empty()) return fmt::format("it may have been replaced by {}", printable(maybe));
    return "replaced by another registration";
  }

  [[nodiscard]] static std::string told_or(const std::string& evidence, std::string_view name,
                                           std::string_view other) {
    const std::string text = told(evidence, name);
    return text.empty() ? std::string(other) : printable(text);
  }

  void say_answer() {
    if (device_.state == State::active) return;
    const Event* verdict = latest(story_.events, [&](const Event& event) {
      return event.cause == "verdict" && event.rule == device_.rule && !event.evidence.empty() &&
             !event.rule.empty();
    });
    if (verdict == nullptr) verdict = decided_;
    if (verdict == nullptr) return;
    out_.answer = verdict->evidence;
    if (const std::string text = answer_sentence(*verdict); !text.empty()) say("{}", text);
  }

  void say_brake() {
    for (const auto& brake : story_.brakes) {
      if (!holds(brake)) continue;
      say("A brake on this rule is on since {}: 'fanfare devices brake release' makes its {} "
          "active, "
          "'confirm' retires them.",
          format_rfc3339(brake.since), counted(brake.suspects, "suspect"));
    }
  }

  void say_way_back() {
    switch (device_.state) {
      case State::active:
        return;
      case State::suspect:
        out_.comes_back =
            "It still gets messages, and is active again when FCM accepts one, when an import says "
            "that the app was seen since, or by 'fanfare devices restore'.";
        break;
      case State::retired:
        out_.comes_back = fmt::format(
            "It gets no messages. It is active again when an import or the app says "
            "that it was seen after {}, or by 'fanfare devices restore'; until then "
            "'purge' may forget it, as a rule after 30 days.",
            time_of(device_.changed));
        break;
    }
    say("{}", out_.comes_back);
  }

  void say_more() {
    if (device_.last_accepted) {
      say("FCM last accepted a message for it at {}.", format_rfc3339(*device_.last_accepted));
    }
    if (story_.probe) {
      const std::string& rule = story_.probe->rule;
      say("It was last asked about with an empty message at {}: {}.",
          format_rfc3339(story_.probe->at), rule.empty() ? "no result is known" : rule);
    }
    if (story_.canary) say("It is a canary: one of the devices that are known to live.");
  }

  const DeviceStory& story_;
  const Device& device_;
  const Event* decided_ = nullptr;
  DeviceExplanation out_;
};

}  // namespace

DeviceExplanation explain(const DeviceStory& story) {
  return Explainer(story).run();
}

}  // namespace fanfare::cli
