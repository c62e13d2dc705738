#include "emulator/devices.h"

#include <algorithm>
#include <span>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <fmt/format.h>

#include "base/json_text.h"

namespace fanfare::emulator {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_registration = 4'096;

bool is_url_safe(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

std::unexpected<Error> bad_line(std::size_t number, std::string_view what) {
  return fail(Error::Kind::input, fmt::format("devices, line {}: {}", number, what),
              "mend the line; src/emulator/README.md shows the format");
}

/// The fields of one CSV line (RFC 4180); nothing when a quote is left open.
std::optional<std::vector<std::string>> parse_csv_line(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back().push_back(line[++i]);
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back().push_back(c);
    }
  }
  if (quoted) return std::nullopt;
  return fields;
}

/// A line as names and values, whichever format it came in.
struct Row {
  std::string registration;
  std::string health;
  std::string platform;
  std::string user;

  void set(std::string_view name, std::string_view value) {
    if ((name == "token" || name == "fid") && !value.empty()) registration = value;
    if (name == "health") health = value;
    if (name == "platform") platform = value;
    if (name == "user") user = value;
  }
};

std::string parse_json_line(std::string_view line, Row& row) {
  boost::system::error_code error;
  const auto value = json::parse(line, error);
  if (error || !value.is_object()) return "not a JSON object";
  for (const auto& member : value.get_object()) {
    if (member.value().is_string()) row.set(member.key(), member.value().get_string());
  }
  return {};
}

std::string parse_csv_row(std::string_view line, std::span<const std::string> header, Row& row) {
  const auto fields = parse_csv_line(line);
  if (!fields) return "a quote is not closed";
  if (fields->size() > header.size()) {
    return fmt::format("{} fields under a header of {}", fields->size(), header.size());
  }
  for (std::size_t i = 0; i < fields->size(); ++i) row.set(header[i], (*fields)[i]);
  return {};
}

/// The next line without its end; `text` is what follows.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// What is no UTF-8 could not be shown as JSON.
bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const auto length = utf8_sequence_bytes(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool names_a_registration(std::span<const std::string> header) {
  return std::find(header.begin(), header.end(), "token") != header.end() ||
         std::find(header.begin(), header.end(), "fid") != header.end();
}

}  // namespace

bool looks_like_registration(std::string_view text) noexcept {
  if (text.size() > longest_registration) return false;
  if (const auto colon = text.find(':'); colon != std::string_view::npos) {
    return colon > 0 && text.size() - colon > 32 && is_url_safe(text.substr(0, colon)) &&
           is_url_safe(text.substr(colon + 1));
  }
  if (!is_url_safe(text)) return false;
  if (text.starts_with("APA91b")) return text.size() > 32;
  return text.size() == 22 && text[0] >= 'c' && text[0] <= 'f';
}

Result<DeviceBook> DeviceBook::parse(std::string_view text) {
  DeviceBook book;
  book.listed_only_ = true;
  std::vector<std::string> header;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = take_line(text);
    if (line.empty()) continue;
    if (!is_utf8(line)) return bad_line(number, "not UTF-8");
    if (header.empty() && line.front() != '{') {
      header = parse_csv_line(line).value_or(std::vector<std::string>{});
      if (!names_a_registration(header)) return bad_line(number, "no header with token or fid");
      continue;
    }
    Row row;
    const auto fault =
        header.empty() ? parse_json_line(line, row) : parse_csv_row(line, header, row);
    if (!fault.empty()) return bad_line(number, fault);
    if (row.registration.empty()) return bad_line(number, "no token and no fid");
    const auto health = row.health.empty() ? Health::living : parse_health(row.health);
    if (!health) return bad_line(number, fmt::format("no such health: {}", row.health));
    const auto platform = parse_platform(row.platform);
    if (!platform) return bad_line(number, fmt::format("no such platform: {}", row.platform));
    if (!book.add({row.registration, *health, *platform, row.user})) {
      return bad_line(number, "this device was listed before");
    }
  }
  return book;
}

bool DeviceBook::add(Listed device) {
  listed_.push_back(std::move(device));
  const auto [place, added] =
      by_registration_.try_emplace(listed_.back().registration, listed_.size() - 1);
  if (!added) listed_.pop_back();
  return added;
}

std::optional<Device> DeviceBook::known(std::string_view registration) const {
  if (generator_) {
    if (const auto index = generator_->find(registration)) return at(*index);
  }
  const auto place = by_registration_.find(registration);
  if (place == by_registration_.end()) return std::nullopt;
  return at(generated() + place->second);
}

std::optional<Device> DeviceBook::find(std::string_view registration) {
  if (const auto device = known(registration)) return device;
  if (generator_ || listed_only_ || !looks_like_registration(registration)) return std::nullopt;
  if (met_ >= max_met) return Device{.index = uncounted};
  ++met_;
  add({std::string(registration), Health::living, Platform::unknown, {}});
  return at(listed_.size() - 1);
}

bool DeviceBook::adopt(const std::string& registration, Platform platform, std::string user) {
  if (by_registration_.contains(registration)) return true;
  if (met_ >= max_met) return false;
  ++met_;
  return add({registration, Health::living, platform, std::move(user)});
}

void DeviceBook::set_health(std::uint64_t index, Health health) {
  if (index < generated()) {
    changed_[index] = health;
  } else if (index != uncounted) {
    listed_[index - generated()].health = health;
  }
}

Standing DeviceBook::standing(std::string_view registration) {
  const auto device = find(registration);
  if (!device) {
    return looks_like_registration(registration) ? Standing::unregistered : Standing::malformed;
  }
  if (device->health == Health::unregistered) return Standing::unregistered;
  // What answers a message with a bare 400 is no better with a topic.
  if (device->health == Health::malformed || device->health == Health::suspect_dead) {
    return Standing::malformed;
  }
  if (device->health == Health::wrong_sender) return Standing::wrong_sender;
  return Standing::good;
}

std::uint64_t DeviceBook::size() const noexcept {
  return generated() + listed_.size();
}

Device DeviceBook::at(std::uint64_t index) const {
  if (index < generated()) {
    const auto changed = changed_.find(index);
    const Health made = generator_->health(index);
    return {index, changed == changed_.end() ? made : changed->second,
            generator_->platform(index, made)};
  }
  const auto& device = listed_[index - generated()];
  return {index, device.health, device.platform};
}

std::string DeviceBook::registration(std::uint64_t index) const {
  return index < generated() ? generator_->token(index) : listed_[index - generated()].registration;
}

std::string DeviceBook::user(std::uint64_t index) const {
  if (index == uncounted) return {};
  return index < generated() ? generator_->user(index) : listed_[index - generated()].user;
}

DeviceCounts& DeviceBook::counts(std::uint64_t index) {
  const auto page = index / page_size;
  if (pages_.size() <= page) pages_.resize(page + 1);
  if (!pages_[page]) pages_[page] = std::make_unique<DeviceCounts[]>(page_size);
  return pages_[page][index % page_size];
}

std::uint64_t DeviceBook::reached(std::uint64_t index) const {
  const auto place = reached_.find(index);
  return place == reached_.end() ? 0 : place->second;
}

HealthCounts DeviceBook::healths() const {
  HealthCounts counts{};
  for (const auto& device : listed_) ++counts[static_cast<std::size_t>(device.health)];
  for (std::size_t i = 0; generator_ && i < health_count; ++i) {
    counts[i] += generator_->count_of(static_cast<Health>(i));
  }
  for (const auto& [index, health] : changed_) {
    --counts[static_cast<std::size_t>(generator_->health(index))];
    ++counts[static_cast<std::size_t>(health)];
  }
  return counts;
}

void DeviceBook::reset_counts() {
  reached_.clear();
  for (auto& page : pages_) {
    for (std::size_t i = 0; page && i < page_size; ++i) {
      page[i].requests = 0;
      page[i].accepted = 0;
    }
  }
}

}  // namespace fanfare::emulator
