#include "gateway/metrics.h"

#include <initializer_list>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

namespace fanfare::gateway {
namespace {

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

std::string escaped(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

// Families one after another, each with its HELP and TYPE before its first sample.
class Text {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name,
                   type);
  }
  template <class Value>
  void sample(Labels labels, Value value) {
    line("", labels, {}, value);
  }
  void histogram(Labels labels, const Histogram& histogram) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < histogram.counts.size(); ++i) {
      count += histogram.counts[i];
      const std::string bound = i < Histogram::bounds.size()
                                    ? fmt::format("{}", Histogram::bounds[i])
                                    : std::string("+Inf");
      line("_bucket", labels, bound, count);
    }
    line("_sum", labels, {}, histogram.sum);
    line("_count", labels, {}, count);
  }
  std::string take() { return std::move(out_); }

 private:
  template <class Value>
  void line(std::string_view suffix, Labels labels, std::string_view bound, Value value) {
    std::string all;
    for (const auto& [name, text] : labels) {
      fmt::format_to(std::back_inserter(all), "{}{}=\"{}\"", all.empty() ? "" : ",", name,
                     escaped(text));
    }
    if (!bound.empty()) {
      fmt::format_to(std::back_inserter(all), "{}le=\"{}\"", all.empty() ? "" : ",", bound);
    }
    out_ += name_;
    out_ += suffix;
    if (!all.empty()) fmt::format_to(std::back_inserter(out_), "{{{}}}", all);
    fmt::format_to(std::back_inserter(out_), " {}\n", value);
  }

  std::string out_;
  std::string_view name_;
};

void add_books(Text& text, const MetricsSnapshot& snapshot) {
  text.family("fanfare_messages_accepted_total", "counter",
              "Messages accepted since the store began.");
  for (const auto& [project, books] : snapshot.books) {
    text.sample({{"project", project}}, books.accepted);
  }
  text.family("fanfare_messages", "gauge", "Messages by state; they add up to those accepted.");
  for (const auto& [project, books] : snapshot.books) {
    for (std::size_t i = 0; i < queue::state_count; ++i) {
      text.sample({{"project", project}, {"state", to_string(static_cast<queue::State>(i))}},
                  books.in[i]);
    }
  }
  text.family("fanfare_books_mismatches", "gauge",
              "Books that do not balance; 0 when all is well.");
  text.sample({}, snapshot.books_mismatches);
  text.family("fanfare_queue_oldest_due_seconds", "gauge",
              "How long the message that has been due for longest has waited.");
  text.sample({}, snapshot.oldest_due_seconds);
}

void add_projects(Text& text, const MetricsSnapshot& snapshot) {
  text.family("fanfare_sends_total", "counter", "Final verdicts since the start, by rule.");
  for (const auto& [project, part] : snapshot.projects) {
    for (const auto& [rule, count] : part.by_rule) {
      text.sample({{"project", project}, {"rule", rule}}, count);
    }
  }
  text.family("fanfare_delivery_seconds", "histogram", "From acceptance here to FCM's acceptance.");
  for (const auto& [project, part] : snapshot.projects) {
    text.histogram({{"project", project}}, part.delivery_seconds);
  }
  text.family("fanfare_retries_total", "counter", "Attempts beyond each message's first.");
  for (const auto& [project, part] : snapshot.projects) {
    text.sample({{"project", project}}, part.retries);
  }
  text.family("fanfare_messages_in_hand", "gauge", "Messages in memory, on their way.");
  for (const auto& [project, part] : snapshot.projects) {
    text.sample({{"project", project}}, part.in_hand);
  }
  text.family("fanfare_fcm_requests_total", "counter",
              "Requests to FCM, retries and campaigns included; each counts against the quota.");
  for (const auto& [project, part] : snapshot.projects) {
    text.sample({{"project", project}}, part.sent);
  }
  text.family("fanfare_quota_messages_per_minute", "gauge", "The limit that is kept; 0: none.");
  for (const auto& [project, part] : snapshot.projects) {
    text.sample({{"project", project}}, part.messages_per_minute);
  }
  text.family("fanfare_quota_rate_share", "gauge",
              "The present pace as a share of the limit: slow start, and what a 429 has cut.");
  for (const auto& [project, part] : snapshot.projects) {
    text.sample({{"project", project}}, part.rate_share);
  }
  text.family("fanfare_breaker_open", "gauge", "1 for each scope that is blocked.");
  for (const auto& [project, part] : snapshot.projects) {
    for (const BreakerState& breaker : part.breakers) {
      text.sample({{"project", project}, {"scope", breaker.scope}, {"rule", breaker.rule}}, 1);
    }
  }
  text.family("fanfare_brake_on", "gauge", "1 for each brake that holds verdicts of death.");
  for (const auto& [project, part] : snapshot.projects) {
    for (const registry::BrakeState& brake : part.brakes) {
      text.sample({{"project", project}, {"platform", brake.platform}, {"rule", brake.rule}}, 1);
    }
  }
}

void add_store(Text& text, const MetricsSnapshot& snapshot) {
  text.family("fanfare_accept_seconds", "histogram", "From a submission to its place on the disk.");
  text.histogram({}, snapshot.accept_seconds);
  text.family("fanfare_commit_seconds", "histogram", "Transactions of the store, fsync included.");
  text.histogram({}, snapshot.commit_seconds);
  text.family("fanfare_commits_total", "counter", "Transactions that are on the disk.");
  text.sample({}, snapshot.commits);
  text.family("fanfare_commit_failures_total", "counter", "Transactions that failed as a whole.");
  text.sample({}, snapshot.commit_failures);
  text.family("fanfare_store_bytes", "gauge", "The gateway's store and its log.");
  text.sample({}, snapshot.store_bytes);
  text.family("fanfare_disk_free_bytes", "gauge", "Left on the store's disk.");
  text.sample({}, snapshot.disk_free_bytes);
}

void add_http(Text& text, const MetricsSnapshot& snapshot) {
  text.family("fanfare_http_requests_total", "counter", "Requests answered.");
  for (const auto& [key, count] : snapshot.requests) {
    text.sample({{"operation", key.first}, {"status", key.second}}, count);
  }
  text.family("fanfare_http_connections", "gauge", "Open connections.");
  text.sample({}, snapshot.connections);
  text.family("fanfare_webhook_lag_events", "gauge", "Events that a webhook has not had.");
  for (const auto& [webhook, lag] : snapshot.webhook_lag) text.sample({{"webhook", webhook}}, lag);
  text.family("fanfare_webhook_dead_letters", "gauge", "Events put aside as undeliverable.");
  for (const auto& [webhook, count] : snapshot.webhook_dead_letters) {
    text.sample({{"webhook", webhook}}, count);
  }
  text.family("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.");
  text.sample({}, snapshot.resident_bytes);
  text.family("process_cpu_seconds_total", "counter", "Total user and system CPU time in seconds.");
  text.sample({}, snapshot.cpu_seconds);
  text.family("fanfare_build_info", "gauge", "1, with the version.");
  text.sample({{"version", snapshot.version}}, 1);
}

}  // namespace

std::string render(const MetricsSnapshot& snapshot) {
  Text text;
  add_books(text, snapshot);
  add_projects(text, snapshot);
  add_store(text, snapshot);
  add_http(text, snapshot);
  return text.take();
}

}  // namespace fanfare::gateway
