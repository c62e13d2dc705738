#include "registry/device_parser.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

namespace fanfare::registry {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

}  // namespace

// The fields of one line by their names in the file, before they are checked.
struct DeviceParser::Row {
  std::string token;
  std::string fid;
  std::string user;
  std::string device_id;
  std::string timezone;
  std::string platform;
  std::string locale;
  std::string tags;
  std::string app_version;
  std::string last_seen;
  std::string project;
  std::string state;
  std::string rule;

  /// Null for a name that means nothing to us.
  std::string* field(std::string_view name) {
    const std::pair<std::string_view, std::string*> known[] = {{"token", &token},
                                                               {"fid", &fid},
                                                               {"user", &user},
                                                               {"device_id", &device_id},
                                                               {"timezone", &timezone},
                                                               {"platform", &platform},
                                                               {"locale", &locale},
                                                               {"tags", &tags},
                                                               {"app_version", &app_version},
                                                               {"last_seen", &last_seen},
                                                               {"project", &project},
                                                               {"state", &state},
                                                               {"rule", &rule}};
    for (const auto& [key, value] : known) {
      if (key == name) return value;
    }
    return nullptr;
  }

  /// What is wrong with it; empty: nothing.
  [[nodiscard]] std::string fault() const;
  [[nodiscard]] Device device() &&;
};

std::string DeviceParser::Row::fault() const {
  if (!token.empty() && !fid.empty()) return "both token and fid are given; a device has one";
  if (auto wrong = registration_fault(fid.empty() ? token : fid); !wrong.empty()) return wrong;
  const std::pair<const char*, const std::string*> others[] = {
      {"user", &user}, {"platform", &platform},       {"locale", &locale},
      {"tags", &tags}, {"app_version", &app_version}, {"project", &project},
      {"rule", &rule}, {"device_id", &device_id},     {"timezone", &timezone}};
  for (const auto& [name, value] : others) {
    if (value->size() > max_field_bytes) {
      return fmt::format("{} is longer than {} bytes", name, max_field_bytes);
    }
    if (has_control_characters(*value)) return fmt::format("{} contains control characters", name);
    if (!is_utf8(*value)) return fmt::format("{} is not UTF-8", name);
  }
  if (const auto text = trim(last_seen); !text.empty() && !parse_rfc3339(text)) {
    return "last_seen is not a time such as 2026-11-24T05:44:00Z (RFC 3339)";
  }
  return {};
}

// A `state` that is none of ours is some other column of that name.
Device DeviceParser::Row::device() && {
  Device device;
  device.registration = fid.empty() ? Target{TargetKind::token, std::move(token)}
                                    : Target{TargetKind::fid, std::move(fid)};
  device.user = std::move(user);
  device.installation = std::move(device_id);
  device.time_zone = std::move(timezone);
  device.platform = normal_platform(platform);
  device.locale = std::move(locale);
  device.tags = split_tags(tags);
  device.app_version = std::move(app_version);
  device.last_seen = parse_rfc3339(trim(last_seen));
  device.project = std::move(project);
  device.state = parse_state(state).value_or(State::active);
  if (device.state != State::active) device.rule = std::move(rule);
  return device;
}

// Lines ---------------------------------------------------------------------------------------

struct DeviceParser::Json {
  simdjson::dom::parser parser;
  std::string padded;
};

DeviceParser::DeviceParser() : json_(std::make_unique<Json>()) {}
DeviceParser::~DeviceParser() = default;

void DeviceParser::feed(std::string_view bytes, std::vector<Device>& devices,
                        std::vector<BadLine>& bad) {
  devices_ = &devices;
  bad_ = &bad;
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (!too_long_ && partial_.size() + part.size() > max_line_bytes) {
      too_long_ = true;
      partial_.clear();
      partial_.shrink_to_fit();
    }
    if (end == std::string_view::npos) {
      if (!too_long_) partial_ += part;
      return;
    }
    if (partial_.empty()) {
      end_line(part);
    } else {
      partial_ += part;
      end_line(std::exchange(partial_, {}));
    }
    bytes.remove_prefix(end + 1);
  }
}

void DeviceParser::finish(std::vector<Device>& devices, std::vector<BadLine>& bad) {
  devices_ = &devices;
  bad_ = &bad;
  if (too_long_ || !partial_.empty()) end_line(std::exchange(partial_, {}));
  while (!open_lines_.empty()) {
    give_up_record("a quotation mark is never closed");
    finish_record();
  }
}

void DeviceParser::end_line(std::string_view text) {
  const auto number = ++line_number_;
  if (number == 1 && text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  if (text.ends_with('\r')) text.remove_suffix(1);
  if (!std::exchange(too_long_, false)) return take_line(number, text);

  // The record that was open can't be completed any more: a part of it is gone.
  while (!open_lines_.empty()) {
    give_up_record("a quotation mark is never closed");
    finish_record();
  }
  reject(number, fmt::format("the line is longer than {} bytes", max_line_bytes));
}

void DeviceParser::take_line(std::uint64_t number, std::string_view text) {
  switch (format_) {
    case Format::unknown:
      return tell_format(number, text);
    case Format::csv:
      return take_csv(number, text);
    case Format::json_lines:
      return take_json(number, text);
    case Format::plain:
      return take_plain(number, text);
  }
}

void DeviceParser::tell_format(std::uint64_t number, std::string_view text) {
  const std::string_view content = trim(text);
  if (content.empty() || content.front() == '#') return;
  if (content.front() == '{') {
    format_ = Format::json_lines;
  } else if (read_header(text)) {
    format_ = Format::csv;
    return;
  } else {
    format_ = Format::plain;
  }
  take_line(number, text);
}

void DeviceParser::accept(std::uint64_t number, Row& row) {
  if (auto fault = row.fault(); !fault.empty()) return reject(number, std::move(fault));
  devices_->push_back(std::move(row).device());
}

void DeviceParser::reject(std::uint64_t number, std::string what) {
  bad_->push_back({number, std::move(what)});
}

// Plain text and JSON lines -------------------------------------------------------------------

void DeviceParser::take_plain(std::uint64_t number, std::string_view text) {
  if (trim(text).empty() || text.front() == '#') return;
  Row row;
  row.token = text;
  accept(number, row);
}

namespace {

// A member as text: a string, a whole number (user ids often are), null for nothing; tags may be
// an array of strings. False: it is something else.
bool text_of(simdjson::dom::element value, bool list, std::string& out) {
  if (std::string_view text; value.get(text) == simdjson::SUCCESS) {
    out = text;
    return true;
  }
  if (std::int64_t number = 0; value.get(number) == simdjson::SUCCESS) {
    out = fmt::format("{}", number);
    return true;
  }
  simdjson::dom::array items;
  if (!list || value.get(items) != simdjson::SUCCESS) return value.is_null();
  for (const simdjson::dom::element item : items) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS) return false;
    if (!out.empty()) out += ';';
    out += text;
  }
  return true;
}

}  // namespace

void DeviceParser::take_json(std::uint64_t number, std::string_view text) {
  if (trim(text).empty()) return;
  json_->padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
  json_->padded.assign(text);
  simdjson::dom::object object;
  const auto error = json_->parser.parse(json_->padded.data(), text.size(), false).get(object);
  if (error == simdjson::INCORRECT_TYPE) return reject(number, "the line is not a JSON object");
  if (error != simdjson::SUCCESS) {
    return reject(number, fmt::format("not JSON: {}", simdjson::error_message(error)));
  }
  Row row;
  for (const auto& [name, value] : object) {
    std::string* const field = row.field(name);
    if (field == nullptr) continue;
    field->clear();  // Of a repeated name the last counts.
    if (!text_of(value, name == "tags", *field)) {
      return reject(number, fmt::format("{} is not a text", name));
    }
  }
  accept(number, row);
}

// CSV -----------------------------------------------------------------------------------------
//
// A quotation mark that is never closed would swallow all that follows. So when a record that
// spans lines comes to nothing, only its first line is bad and the others are read anew.

bool DeviceParser::read_header(std::string_view text) {
  CsvRecord header;
  if (header.feed(text) != CsvRecord::Status::complete) return false;
  std::vector<std::string> names;
  for (const auto& name : header.fields()) names.push_back(lower(trim(name)));
  const bool named = std::ranges::any_of(
      names, [](const std::string& name) { return name == "token" || name == "fid"; });
  if (named) columns_ = std::move(names);
  return named;
}

void DeviceParser::take_csv(std::uint64_t number, std::string_view text) {
  csv_step({number, std::string(text)});
  finish_record();
}

// Reads the lines of records that were given up.
void DeviceParser::finish_record() {
  while (!again_.empty()) {
    Line line = std::move(again_.front());
    again_.pop_front();
    csv_step(std::move(line));
  }
}

void DeviceParser::csv_step(Line line) {
  if (open_lines_.empty()) {
    record_.clear();
    if (trim(line.text).empty()) return;
  }
  const auto status = record_.feed(line.text);
  open_bytes_ += line.text.size() + 1;
  open_lines_.push_back(std::move(line));
  if (status == CsvRecord::Status::malformed) {
    return give_up_record("a quotation mark stands in the middle of a field");
  }
  if (status == CsvRecord::Status::open) {
    const bool swallows = open_lines_.size() > 1 && open_bytes_ > max_open_record_bytes;
    if (swallows) give_up_record("a quotation mark is never closed");
    return;
  }
  const auto number = open_lines_.front().number;
  open_lines_.clear();
  open_bytes_ = 0;
  auto& fields = record_.fields();
  if (fields.size() != columns_.size()) {
    return reject(number,
                  fmt::format("{} fields, but the header has {}", fields.size(), columns_.size()));
  }
  Row row;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    std::string* const field = row.field(columns_[i]);
    if (field != nullptr && field->empty()) *field = std::move(fields[i]);
  }
  accept(number, row);
}

void DeviceParser::give_up_record(const char* what) {
  reject(open_lines_.front().number, what);
  // Before the lines that already wait: these came earlier.
  again_.insert(again_.begin(), std::make_move_iterator(open_lines_.begin() + 1),
                std::make_move_iterator(open_lines_.end()));
  open_lines_.clear();
  open_bytes_ = 0;
}

}  // namespace fanfare::registry
