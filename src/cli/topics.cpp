// topics: subscribe devices to a topic, unsubscribe them, list what a device is subscribed to.
#include <algorithm>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "base/json_text.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/json_object.h"
#include "cli/progress.h"
#include "cli/store.h"
#include "client/api_calls.h"
#include "delivery/evidence.h"
#include "delivery/ledger.h"
#include "delivery/report.h"
#include "fcm/checks.h"
#include "fcm/topic_calls.h"
#include "registry/brake.h"
#include "registry/device_file.h"

namespace fanfare::cli {
namespace {

using fcm::TopicDeed;

constexpr std::string_view google_iid = "https://iid.googleapis.com";
// 3,000 a second for a project (FCM: "topic-messaging"); beyond it answers RESOURCE_EXHAUSTED.
constexpr std::uint64_t changes_per_minute = 180'000;

struct TopicOptions {
  std::string topic;
  std::vector<std::string> tokens, fids;
  std::string to_file;
  std::optional<std::string> audience;
  bool iid = false;
  std::string report_file;
};

ClientOptions client_options(const Globals& globals) {
  ClientOptions client;
  client.credentials_file = globals.credentials;
  client.project = globals.project;
  client.endpoint = globals.endpoint;
  client.ca_file = globals.ca_file;
  client.messages_per_minute = changes_per_minute;
  client.ramp = std::chrono::milliseconds(0);
  return client;
}

void add_iid_header(http2::Request& request) {
  request.headers.insert(request.headers.begin(), {"access_token_auth", "true"});
}

// A batch of the Instance ID API travels as one target whose value is its tokens, a line each.
std::vector<std::string> tokens_of(const std::string& lines) {
  std::vector<std::string> tokens;
  std::size_t begin = 0;
  while (begin < lines.size()) {
    const std::size_t end = std::min(lines.find('\n', begin), lines.size());
    tokens.push_back(lines.substr(begin, end - begin));
    begin = end + 1;
  }
  return tokens;
}

client::OtherCall v1_call(TopicDeed deed, const std::string& topic) {
  return {.fill =
              [=](const std::string& project, const Target& target, http2::Request& request) {
                request.method = deed == TopicDeed::subscribe ? "POST" : "DELETE";
                request.path = fcm::topic_path(deed, project, target.value, topic);
                if (deed == TopicDeed::subscribe) request.body = "{}";
              },
          .judge = fcm::judge_topic};
}

client::OtherCall iid_call(TopicDeed deed, const std::string& topic) {
  return {.fill =
              [=](const std::string&, const Target& batch, http2::Request& request) {
                request.path = fcm::iid_batch_path(deed);
                request.body = fcm::iid_batch_body(topic, tokens_of(batch.value));
                add_iid_header(request);
              },
          .judge = fcm::judge_topic};
}

// Whose topics are changed: named ones, a file's, or an audience's, one after the other.
class Registrations {
 public:
  static Result<Registrations> open(Context& context, const TopicOptions& options) {
    Registrations all(context.log);
    for (const auto& token : options.tokens) all.named_.push_back({TargetKind::token, token});
    for (const auto& fid : options.fids) all.named_.push_back({TargetKind::fid, fid});
    if (!options.to_file.empty()) {
      auto file = registry::DeviceFile::open(options.to_file);
      if (!file) return std::unexpected(file.error());
      all.file_.emplace(std::move(*file));
      all.file_name_ = options.to_file;
    }
    if (options.audience || context.globals.store_given) {
      auto store = open_store(context.globals, {.mode = registry::OpenOptions::Mode::existing});
      if (!store) return std::unexpected(store.error());
      all.store_.emplace(std::move(*store));
    }
    if (options.audience) {
      const std::string filter = *options.audience == "all" ? "" : *options.audience;
      auto audience = all.store_->make_audience(filter, 0, context.globals.project);
      if (!audience) return std::unexpected(audience.error());
      all.audience_ = std::move(*audience);
    }
    if (all.named_.empty() && !all.file_ && !all.audience_) {
      return fail(Error::Kind::usage, "nobody whose topics are to be changed",
                  "give --token, --fid, --to FILE or --audience FILTER");
    }
    return all;
  }

  std::optional<Target> next() {
    while (at_ == named_.size()) {
      named_.clear();
      at_ = 0;
      if (!fill()) return std::nullopt;
    }
    return std::move(named_[at_++]);
  }

  /// Why next() ended early; nullopt: it did not.
  [[nodiscard]] const std::optional<Error>& trouble() const { return trouble_; }
  [[nodiscard]] std::optional<registry::Registry>& store() { return store_; }

 private:
  explicit Registrations(Log& log) : log_(log) {}

  bool fill() {
    if (file_ && !file_ended_) return fill_from_file();
    if (audience_) return fill_from_audience();
    return false;
  }

  bool fill_from_file() {
    std::vector<registry::Device> devices;
    std::vector<registry::BadLine> bad;
    const auto more = file_->read(1'000, devices, bad);
    if (!more) {
      trouble_ = more.error();
      return false;
    }
    file_ended_ = !*more;
    for (const auto& line : bad) {
      log_.write(LogLevel::warning,
                 fmt::format("{}:{}: {}", file_name_, line.number, printable(line.what)));
    }
    for (auto& device : devices) named_.push_back(std::move(device.registration));
    return true;
  }

  bool fill_from_audience() {
    std::vector<registry::Receiver> receivers;
    const auto read = store_->next_receivers(*audience_, last_id_, 1'000, receivers);
    if (!read) {
      trouble_ = read.error();
      return false;
    }
    if (receivers.empty()) return false;
    last_id_ = receivers.back().id;
    for (auto& receiver : receivers) named_.push_back(std::move(receiver.registration));
    return true;
  }

  Log& log_;
  std::vector<Target> named_;
  std::size_t at_ = 0;
  std::optional<registry::DeviceFile> file_;
  std::string file_name_;
  bool file_ended_ = false;
  std::optional<registry::Registry> store_;
  std::optional<registry::Audience> audience_;
  registry::DeviceId last_id_ = 0;
  std::optional<Error> trouble_;
};

// The books, and what the verdicts mean for the devices of a store.
class Changes {
 public:
  explicit Changes(std::optional<registry::Registry>& store) : store_(store) {}

  void enter(const Target& registration, const Outcome& outcome, const Verdict& verdict) {
    ++by_rule_[std::string(verdict.rule)];
    switch (delivery::fate_of(verdict.kind)) {
      case delivery::Fate::accepted:
        ++changed_;
        return;
      case delivery::Fate::retired:
        ++dead_;
        return note_dead(registration, outcome, verdict);
      case delivery::Fate::unknown:
      case delivery::Fate::failed:
        ++failed_;
        if (verdict.action == Action::hold_project || verdict.kind == VerdictKind::unsent) {
          blocked_ = verdict;
        }
        return;
    }
  }

  [[nodiscard]] Result<void> record_some() {
    return pending_.size() < 500 ? Result<void>{} : record();
  }

  [[nodiscard]] Result<void> record() {
    if (!store_ || pending_.empty()) return {};
    const auto applied = store_->apply(pending_, std::chrono::system_clock::now());
    pending_.clear();
    return applied;
  }

  [[nodiscard]] std::string json() const {
    return JsonObject()
        .number("changed", changed_)
        .number("dead", dead_)
        .number("failed", failed_)
        .counts("by_rule", by_rule_)
        .str();
  }

  [[nodiscard]] std::string text(TopicDeed deed) const {
    std::string out = fmt::format("{} {}; {} dead, {} failed\n", counted(changed_, "device"),
                                  deed == TopicDeed::subscribe ? "subscribed" : "unsubscribed",
                                  grouped(dead_), grouped(failed_));
    for (const auto& [rule, count] : by_rule_) {
      if (rule != "topic.changed") out += fmt::format("  {}  {}\n", rule, grouped(count));
    }
    if (braked_) out += "so many seem dead that they are suspects only: look at their evidence\n";
    if (blocked_) out += fmt::format("blocked: {}\n", printable(blocked_->text));
    return out;
  }

  [[nodiscard]] ExitStatus status() const {
    if (blocked_) return ExitStatus::blocked;
    return dead_ + failed_ == 0 ? ExitStatus::accepted : ExitStatus::some_failed;
  }

 private:
  void note_dead(const Target& registration, const Outcome& outcome, const Verdict& verdict) {
    if (!store_) return;
    const auto device = store_->find(registration);
    if (!device || !*device || (*device)->state == registry::State::retired) return;
    braked_ = braked_ || registry::brake_pulls({}, verdict.rule, dead_, changed_ + dead_);
    pending_.push_back({(*device)->id,
                        braked_ ? registry::State::suspect : registry::State::retired,
                        std::string(verdict.rule),
                        delivery::make_evidence({outcome.answer, verdict}, outcome.attempts, 0)});
  }

  std::optional<registry::Registry>& store_;
  std::vector<registry::Change> pending_;
  std::uint64_t changed_ = 0;
  std::uint64_t dead_ = 0;
  std::uint64_t failed_ = 0;
  std::map<std::string, std::uint64_t> by_rule_;
  std::optional<Verdict> blocked_;
  bool braked_ = false;
};

Result<std::optional<delivery::Report>> open_report(const std::string& file) {
  if (file.empty()) return std::nullopt;
  auto opened = delivery::Report::open(file, 0);
  if (!opened) return std::unexpected(opened.error());
  return std::optional(std::move(*opened));
}

// One batch's tokens for each turn; FIDs have no place in that API.
std::optional<Target> next_batch(Registrations& registrations) {
  std::string lines;
  for (std::size_t count = 0; count < fcm::iid_batch_size; ++count) {
    const auto target = registrations.next();
    if (!target) break;
    if (!lines.empty()) lines += '\n';
    lines += target->value;
  }
  if (lines.empty()) return std::nullopt;
  return Target{TargetKind::token, std::move(lines)};
}

Result<ExitStatus> change(Context& context, const TopicOptions& options, TopicDeed deed) {
  const auto findings = check_target({TargetKind::topic, options.topic});
  if (fcm::has_fault(findings)) {
    return fail(Error::Kind::usage, findings.front().what, findings.front().remedy);
  }
  if (options.iid && !options.fids.empty()) {
    return fail(Error::Kind::usage, "the Instance ID API knows no FIDs", "leave out --iid");
  }
  auto registrations = Registrations::open(context, options);
  if (!registrations) return std::unexpected(registrations.error());
  auto report = open_report(options.report_file);
  if (!report) return std::unexpected(report.error());

  ClientOptions client = client_options(context.globals);
  if (options.iid) {
    if (!context.globals.iid_endpoint.empty()) client.endpoint = context.globals.iid_endpoint;
    if (client.endpoint.empty() && std::getenv("FCM_EMULATOR_HOST") == nullptr) {
      client.endpoint = google_iid;
    }
  }
  auto calls = client::ApiCalls::open(
      client, options.iid ? iid_call(deed, options.topic) : v1_call(deed, options.topic));
  if (!calls) return std::unexpected(calls.error());
  for (const auto& warning : calls->warnings()) context.log.write(LogLevel::warning, warning);

  Changes changes(registrations->store());
  std::optional<Error> trouble;
  const auto enter = [&](const Target& registration, const Outcome& outcome,
                         const Verdict& verdict) {
    changes.enter(registration, outcome, verdict);
    if (*report) {
      (*report)->add(registration, verdict, outcome.answer.status, outcome.attempts);
    }
  };
  const auto enter_batch = [&](const Outcome& outcome) {
    const auto tokens = tokens_of(outcome.target.value);
    auto verdicts = outcome.accepted() ? fcm::parse_iid_results(outcome.answer.body, tokens.size())
                                       : std::vector<Verdict>(tokens.size(), outcome.verdict);
    if (!verdicts) trouble = verdicts.error();
    for (std::size_t i = 0; verdicts && i < tokens.size(); ++i) {
      enter({TargetKind::token, tokens[i]}, outcome, (*verdicts)[i]);
    }
  };
  calls->each(
      [&]() -> std::optional<Target> {
        if (trouble) return std::nullopt;
        return options.iid ? next_batch(*registrations) : registrations->next();
      },
      [&](const Outcome& outcome) {
        if (options.iid) {
          enter_batch(outcome);
        } else {
          enter(outcome.target, outcome, outcome.verdict);
        }
        if (const auto recorded = changes.record_some(); !recorded) trouble = recorded.error();
      });
  if (!trouble) trouble = registrations->trouble();
  if (const auto recorded = changes.record(); !recorded) trouble = recorded.error();
  if (*report) {
    if (auto flushed = (*report)->flush(); !flushed) trouble = flushed.error();
  }
  if (trouble) return std::unexpected(*trouble);
  if (context.globals.json) {
    context.out.json_line(changes.json());
  } else {
    context.out.say(changes.text(deed));
  }
  return changes.status();
}

// A registration's topics, page by page.
Result<ExitStatus> list(Context& context, const std::string& registration) {
  std::string page_token;
  auto calls = client::ApiCalls::open(
      client_options(context.globals),
      {.fill =
           [&page_token](const std::string& project, const Target& target,
                         http2::Request& request) {
             request.method = "GET";
             request.path = fcm::subscriptions_path(project, target.value, page_token);
           },
       .judge = fcm::judge_topic});
  if (!calls) return std::unexpected(calls.error());
  Table table({{"topic"}, {"since"}});
  do {
    std::optional<Target> target(Target{TargetKind::token, registration});
    std::optional<Outcome> outcome;
    calls->each([&] { return std::exchange(target, std::nullopt); },
                [&](const Outcome& came) { outcome = came; });
    if (!outcome->accepted()) {
      const Verdict& verdict = outcome->verdict;
      context.log.write(
          LogLevel::error,
          fmt::format("{}: {} ({}): {}", shortened(printable(registration), 40),
                      to_string(verdict.kind), verdict.rule, printable(verdict.text)));
      return verdict.action == Action::hold_project || verdict.kind == VerdictKind::unsent
                 ? ExitStatus::blocked
                 : ExitStatus::some_failed;
    }
    const auto page = fcm::parse_subscriptions(outcome->answer.body);
    if (!page) return std::unexpected(page.error());
    for (const auto& [topic, since] : page->subscriptions) {
      if (context.globals.json) {
        context.out.json_line(JsonObject().text("topic", topic).text_or_null("since", since).str());
      } else {
        table.add({printable(topic), printable(since)});
      }
    }
    page_token = page->next_page;
  } while (!page_token.empty());
  if (!context.globals.json) context.out.say(table.empty() ? "no topics\n" : table.render());
  return ExitStatus::accepted;
}

void add_change(CLI::App& topics, Context& context, TopicDeed deed) {
  const bool add = deed == TopicDeed::subscribe;
  CLI::App* command =
      add ? topics.add_subcommand("subscribe", "Subscribe devices to a topic")
          : topics.add_subcommand("unsubscribe", "Unsubscribe devices from a topic");
  auto options = std::make_shared<TopicOptions>();
  const auto text = [&](const char* name, std::string& value, const char* help, const char* type) {
    command->add_option(name, value, help)->type_name(type);
  };
  const auto list_of = [&](const char* name, std::vector<std::string>& values, const char* help,
                           const char* type) {
    command->add_option(name, values, help)->type_name(type)->allow_extra_args(false)->take_all();
  };
  command->add_option("TOPIC", options->topic, "The topic's name")->required()->type_name("TOPIC");
  list_of("--token", options->tokens, "A registration token; repeatable", "TOKEN");
  list_of("--fid", options->fids, "A Firebase Installation ID; repeatable", "FID");
  text("--to", options->to_file, "A file of registrations, as for send", "FILE");
  command->add_option("--audience", options->audience, "Devices of the store, or 'all'")
      ->type_name("FILTER");
  command->add_flag("--iid", options->iid,
                    "Over the Instance ID API: 1,000 tokens a request, no FIDs");
  text("--report", options->report_file, "A JSON line for each registration, as of send", "FILE");
  context.on(*command, [&context, options, deed] { return change(context, *options, deed); });
}

}  // namespace

void add_topics(CLI::App& root, Context& context) {
  CLI::App* topics = root.add_subcommand(
      "topics",
      "Subscribe devices to topics and unsubscribe them\n\n"
      "Registrations that turn out dead get the same verdict as in a send; with --store or "
      "--audience it is recorded there.");
  topics->group("Devices");
  topics->require_subcommand(0, 1);
  topics->footer(
      "Examples:\n"
      "  fanfare topics subscribe news --to devices.csv\n"
      "  fanfare topics unsubscribe news --audience 'last_seen<90d'\n"
      "  fanfare topics list TOKEN\n");
  add_change(*topics, context, TopicDeed::subscribe);
  add_change(*topics, context, TopicDeed::unsubscribe);
  CLI::App* listing = topics->add_subcommand("list", "List the topics of one device");
  auto registration = std::make_shared<std::string>();
  listing->add_option("REG", *registration, "A token or a FID")->required()->type_name("REG");
  context.on(*listing, [&context, registration] { return list(context, *registration); });
}

}  // namespace fanfare::cli
