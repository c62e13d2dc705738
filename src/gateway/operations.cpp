// From a request's method and path to an operation.
#include <algorithm>

#include <fmt/format.h>

#include "base/json_text.h"
#include "gateway/api.h"

namespace fanfare::gateway {
namespace {

using Parts = std::map<std::string, std::string, std::less<>>;

constexpr std::size_t longest_target = 16U << 10;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = utf8_sequence_bytes(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (bytes == 0 || first < 0x20 || first == 0x7f) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);  // The slash.
  const auto end = std::min(path.size(), path.find('/'));
  const auto segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

// A segment of a pattern is a word, or a name in braces with, maybe, a ':verb' behind it. A verb is
// only looked for where the pattern has one, since values hold colons, too.
bool match_segment(std::string_view pattern, std::string_view segment, Parts& parts, bool& verb) {
  if (!pattern.starts_with('{')) return pattern == segment;
  const auto close = pattern.find('}');
  const auto name = pattern.substr(1, close - 1);
  const auto suffix = pattern.substr(close + 1);
  if (!suffix.empty()) {
    if (!segment.ends_with(suffix)) return false;
    segment.remove_suffix(suffix.size());
    verb = true;
  }
  auto value = decode_percent(segment, false);
  if (!value || value->empty()) return false;
  parts[std::string(name)] = *std::move(value);
  return true;
}

bool match(std::string_view pattern, std::string_view path, Parts& parts, bool& verb) {
  while (!pattern.empty() && !path.empty()) {
    if (!path.starts_with('/')) return false;
    if (!match_segment(next_segment(pattern), next_segment(path), parts, verb)) return false;
  }
  return pattern.empty() && path.empty();
}

// Each segment can be decoded, and none is what a proxy on the way would resolve otherwise than we
// do.
bool is_readable(std::string_view path) {
  while (!path.empty()) {
    const auto segment = decode_percent(next_segment(path), false);
    if (!segment || *segment == "." || *segment == "..") return false;
  }
  return true;
}

void allow(std::string& allowed, std::string_view method) {
  if (allowed.find(method) != std::string::npos) return;
  if (!allowed.empty()) allowed += ", ";
  allowed += method == "GET" ? "GET, HEAD" : method;
}

std::optional<Parts> parse_query(std::string_view query) {
  Parts parts;
  while (!query.empty()) {
    const auto end = std::min(query.size(), query.find('&'));
    const auto pair = query.substr(0, end);
    query.remove_prefix(std::min(query.size(), end + 1));
    const auto equals = std::min(pair.size(), pair.find('='));
    auto name = decode_percent(pair.substr(0, equals), true);
    auto value = decode_percent(pair.substr(std::min(pair.size(), equals + 1)), true);
    if (!name || !value || !parts.emplace(*std::move(name), *std::move(value)).second) {
      return std::nullopt;
    }
  }
  return parts;
}

Refusal bad_path() {
  return {.message = "the path or its query can't be read",
          .remedy = "percent-encode what stands in it, and name each parameter once"};
}

}  // namespace

std::optional<std::string> decode_percent(std::string_view text, bool plus_is_blank) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex(text[i + 1]);
      const int low = hex(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return is_text(out) ? std::optional(std::move(out)) : std::nullopt;
}

void Operations::add(Operation operation) {
  operations_.push_back(std::move(operation));
}

void Operations::add(std::vector<Operation> operations) {
  for (Operation& operation : operations) add(std::move(operation));
}

Operations::Found Operations::find(std::string_view method, std::string_view target) const {
  Found found;
  if (target.size() > longest_target || !target.starts_with('/')) {
    found.refusal = bad_path();
    return found;
  }
  const auto mark = std::min(target.size(), target.find('?'));
  const auto path = target.substr(0, mark);
  auto query = parse_query(target.substr(std::min(target.size(), mark + 1)));
  if (!query || !is_readable(path)) {
    found.refusal = bad_path();
    return found;
  }
  if (method == "HEAD") method = "GET";
  bool by_verb = false;
  for (const Operation& operation : operations_) {
    Parts parts;
    bool verb = false;
    if (!match(operation.pattern, path, parts, verb)) continue;
    if (operation.method != method) {
      allow(found.allow, operation.method);
      continue;
    }
    // "…/{device}:retire" rather than "…/{device}".
    if (found.operation != nullptr && (by_verb || !verb)) continue;
    by_verb = verb;
    found.operation = &operation;
    found.path = std::move(parts);
  }
  found.query = *std::move(query);
  if (found.operation != nullptr) return found;
  if (!found.allow.empty()) {
    found.refusal = {.code = 405,
                     .status = "UNIMPLEMENTED",
                     .message = fmt::format("{} is not possible here", method),
                     .remedy = "possible are " + found.allow};
  } else {
    found.refusal = {.code = 404,
                     .status = "NOT_FOUND",
                     .message = "there is nothing at this path",
                     .remedy = "GET /openapi.json describes what there is"};
  }
  return found;
}

}  // namespace fanfare::gateway
