#include "cli/bench_load.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "fcm/encoded_message.h"

namespace fanfare::cli {
namespace {

constexpr std::size_t series_digits = 4;
constexpr std::size_t instance_chars = 22;  // Before the colon.

// The number that ends in front of `end` becomes the next one.
void count_up(std::string& text, std::size_t end) {
  while (text[--end] == '9') text[end] = '0';
  ++text[end];
}

std::size_t body_bytes(const Message& message) {
  std::string body;
  fcm::EncodedMessage(message).append_body({TargetKind::token, MadeUpTokens(0).next()}, body);
  return body.size();
}

}  // namespace

MadeUpTokens::MadeUpTokens(std::uint32_t series)
    : text_(fmt::format("{:04}{:0>18}:APA91b{:0>134}", series, "", "")) {}

const std::string& MadeUpTokens::next() {
  // Unlike number_of it counts from 1, so that counting up can come first.
  count_up(text_, instance_chars);
  count_up(text_, text_.size());
  return text_;
}

std::uint64_t MadeUpTokens::number_of(std::string_view token) {
  std::uint64_t number = 0;
  std::from_chars(token.data() + series_digits, token.data() + instance_chars, number);
  return number - 1;
}

Result<Message> message_of_size(std::size_t bytes) {
  Message message;
  message.notification = Notification{.title = "Benchmark", .body = "b"};
  message.data["kind"] = "bench";
  const std::size_t least = body_bytes(message);
  if (bytes < least) {
    return fail(Error::Kind::usage, fmt::format("a body of {} bytes is too small", bytes),
                fmt::format("--size {} is the least", least));
  }
  message.notification->body.append(bytes - least, 'b');
  return message;
}

void LatencyCounts::add(std::chrono::nanoseconds latency) {
  const double microseconds = std::max(1.0, static_cast<double>(latency.count()) / 1e3);
  const auto bucket = static_cast<std::size_t>(std::log2(microseconds) * per_doubling);
  ++counts_[std::min(bucket, counts_.size() - 1)];
  ++total_;
}

void LatencyCounts::add(const LatencyCounts& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  total_ += other.total_;
}

std::chrono::nanoseconds LatencyCounts::quantile(double share) const {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen > 0 && static_cast<double>(seen) >= share * static_cast<double>(total_)) {
      const double microseconds = std::exp2((static_cast<double>(i) + 1) / per_doubling);
      return std::chrono::nanoseconds(static_cast<std::int64_t>(microseconds * 1e3));
    }
  }
  return {};
}

}  // namespace fanfare::cli
