#include "cli/help.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/output.h"

namespace fanfare::cli {
namespace {

struct Entry {
  std::string label;
  std::string text;
};

void append_entries(std::string& help, const std::vector<Entry>& entries, std::size_t width) {
  constexpr std::size_t widest_label = 24;
  std::size_t column = 0;
  for (const Entry& entry : entries) {
    const std::size_t label = display_width(entry.label);
    if (label <= widest_label) column = std::max(column, label);
  }
  for (const Entry& entry : entries) {
    std::string line = "  " + entry.label;
    for (const std::string& text : wrapped(entry.text, width - std::min(width, column + 4))) {
      // A label that is too long stands on a line of its own.
      if (display_width(line) > column + 2) {
        help += line + "\n";
        line.clear();
      }
      line.append(column + 4 - display_width(line), ' ');
      help += line + text + "\n";
      line.clear();
    }
    if (!line.empty()) help += line + "\n";
  }
}

template <class Items, class Make>
void append_groups(std::string& help, const Items& items, std::size_t width, Make make) {
  std::vector<std::string> groups;
  for (const auto& item : items) {
    if (std::ranges::find(groups, item.group) == groups.end()) groups.push_back(item.group);
  }
  for (const std::string& group : groups) {
    std::vector<Entry> entries;
    for (const auto& item : items) {
      if (item.group == group) entries.push_back(make(item));
    }
    help += fmt::format("\n{}:\n", group);
    append_entries(help, entries, width);
  }
}

void append_wrapped(std::string& help, std::string_view text, std::size_t width) {
  for (const std::string& line : wrapped(text, width)) help += line + "\n";
}

}  // namespace

std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  std::size_t used = 0;
  while (!text.empty()) {
    if (text.front() == '\n' || text.front() == ' ') {
      if (text.front() == '\n') lines.emplace_back(), used = 0;
      text.remove_prefix(1);
      continue;
    }
    const auto end = std::min(text.find_first_of(" \n"), text.size());
    const std::string_view word = text.substr(0, end);
    const std::size_t columns = display_width(word);
    if (used > 0 && used + 1 + columns > width) lines.emplace_back(), used = 0;
    if (used > 0) lines.back() += ' ', ++used;
    lines.back() += word;
    used += columns;
    text.remove_prefix(end);
  }
  return lines;
}

std::string option_label(const OptionDoc& option) {
  std::string label = option.short_name;
  if (!option.short_name.empty() && !option.long_name.empty()) label += ", ";
  label += option.long_name;
  if (!option.value.empty()) label += (label.empty() ? "" : " ") + option.value;
  return label;
}

std::string option_text(const OptionDoc& option) {
  std::string text = option.description;
  if (!option.choices.empty()) text += fmt::format(" ({})", fmt::join(option.choices, ", "));
  if (option.required && !option.long_name.empty()) text += " (required)";
  if (option.repeatable) text += " (may be repeated)";
  if (!option.environment.empty()) text += fmt::format(" [{}]", option.environment);
  return text;
}

std::string usage_line(const CommandDoc& command, std::string_view path) {
  std::string usage(path);
  if (!command.options.empty()) usage += " [OPTIONS]";
  for (const OptionDoc& argument : command.arguments) {
    const std::string name = argument.value + (argument.repeatable ? "..." : "");
    usage += argument.required ? " " + name : " [" + name + "]";
  }
  if (!command.commands.empty()) usage += " COMMAND";
  return usage;
}

std::string render_help(const CommandDoc& command, std::string_view path, std::size_t width) {
  std::string help;
  append_wrapped(help, command.summary, width);
  help += fmt::format("\nUsage: {}\n", usage_line(command, path));
  if (!command.details.empty()) {
    help += "\n";
    append_wrapped(help, command.details, width);
  }
  append_groups(help, command.commands, width,
                [](const CommandDoc& c) { return Entry{c.name, c.summary}; });
  if (!command.arguments.empty()) {
    help += "\nArguments:\n";
    std::vector<Entry> entries;
    for (const OptionDoc& a : command.arguments) entries.push_back({a.value, option_text(a)});
    append_entries(help, entries, width);
  }
  append_groups(help, command.options, width, [](const OptionDoc& option) {
    return Entry{option_label(option), option_text(option)};
  });
  for (const Section& section : sections_of(command.notes)) {
    help += fmt::format("\n{}:\n", section.title);
    for (const std::string& line : section.lines) help += "  " + line + "\n";
  }
  if (!command.commands.empty()) {
    help += fmt::format("\n'{} COMMAND --help' says more about a command.\n", path);
  }
  return help;
}

}  // namespace fanfare::cli
