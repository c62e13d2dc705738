// topics: subscribe devices to a topic, unsubscribe them, list what a device is subscribed to.
#include "fanfare/topics.h"

#include <algorithm>
#include <map>
#include <memory>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "cli/api_options.h"
#include "cli/app.h"
#include "cli/commands.h"
#include "cli/instance.h"
#include "cli/json_object.h"
#include "cli/progress.h"
#include "cli/store.h"
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

struct TopicOptions {
  std::string topic;
  std::vector<std::string> tokens, fids;
  std::string to_file;
  std::optional<std::string> audience;
  bool iid = false;
  std::string report_file;
};

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

  void enter(const Outcome& outcome) {
    const Verdict& verdict = outcome.verdict;
    ++by_rule_[std::string(verdict.rule)];
    switch (delivery::fate_of(verdict.kind)) {
      case delivery::Fate::accepted:
        ++changed_;
        return;
      case delivery::Fate::retired:
        ++dead_;
        return note_dead(outcome);
      case delivery::Fate::unknown:
      case delivery::Fate::failed:
        ++failed_;
        if (blocks(verdict)) blocked_ = verdict;
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
  void note_dead(const Outcome& outcome) {
    const Verdict& verdict = outcome.verdict;
    if (!store_) return;
    const auto device = store_->find(outcome.target);
    if (!device || !*device || (*device)->state == registry::State::retired) return;
    braked_ = braked_ || registry::brake_pulls({}, verdict.rule, dead_, changed_ + dead_);
    pending_.push_back(
        {(*device)->id, braked_ ? registry::State::suspect : registry::State::retired,
         std::string(verdict.rule), delivery::make_evidence(outcome.answer, outcome.attempts, 0)});
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

  const auto api = options.iid ? TopicApi::instance_id : TopicApi::v1;
  auto topics =
      Topics::open(options.iid ? instance_id_options(context) : client_options(context), api);
  if (!topics) return std::unexpected(topics.error());
  log_warnings(context, topics->warnings());

  Changes changes(registrations->store());
  std::optional<Error> trouble;
  const auto next = [&]() -> std::optional<Target> {
    return trouble ? std::nullopt : registrations->next();
  };
  const auto enter = [&](const Outcome& outcome) {
    changes.enter(outcome);
    if (*report) {
      (*report)->add(outcome.target, outcome.verdict, outcome.answer.status, outcome.attempts);
    }
    if (const auto recorded = changes.record_some(); !recorded) trouble = recorded.error();
  };
  if (deed == TopicDeed::subscribe) {
    topics->subscribe_each(options.topic, next, enter);
  } else {
    topics->unsubscribe_each(options.topic, next, enter);
  }
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

// A registration's topics.
Result<ExitStatus> list(Context& context, const std::string& registration, bool iid) {
  auto topics = Topics::open(iid ? instance_id_options(context) : client_options(context),
                             iid ? TopicApi::instance_id : TopicApi::v1);
  if (!topics) return std::unexpected(topics.error());
  log_warnings(context, topics->warnings());
  const auto all = topics->list({TargetKind::token, registration});
  if (!all) return tell_failure(context, shortened(printable(registration), 40), all.error());
  Table table({{"topic"}, {"since"}});
  for (const auto& [topic, since] : *all) {
    if (context.globals.json) {
      context.out.json_line(JsonObject().text("topic", topic).text_or_null("since", since).str());
    } else {
      table.add({printable(topic), printable(since)});
    }
  }
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
  list_of("--token", options->tokens, "A registration token", "TOKEN");
  list_of("--fid", options->fids, "A Firebase Installation ID", "FID");
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
      "  fanfare topics unsubscribe news --audience 'last_seen>90d'\n"
      "  fanfare topics list TOKEN\n");
  add_change(*topics, context, TopicDeed::subscribe);
  add_change(*topics, context, TopicDeed::unsubscribe);
  CLI::App* listing = topics->add_subcommand("list", "List the topics of one device");
  auto registration = std::make_shared<std::string>();
  auto iid = std::make_shared<bool>(false);
  listing->add_option("REG", *registration, "A token or a FID")->required()->type_name("REG");
  listing->add_flag("--iid", *iid, "Over the Instance ID API, which takes tokens only");
  context.on(*listing, [=, &context] { return list(context, *registration, *iid); });
  add_instance_commands(*topics, context);
}

}  // namespace fanfare::cli
