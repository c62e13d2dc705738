#include "cli/tree.h"

#include <algorithm>
#include <numeric>

#include <CLI/CLI.hpp>

namespace fanfare::cli {
namespace {

// CLI11 describes the values of IsMember as "TYPE:{a,b}".
void split_type(const std::string& type, OptionDoc& doc) {
  const auto brace = type.find(":{");
  doc.value = type.substr(0, brace);
  if (brace == std::string::npos) return;
  std::string_view list(type);
  list = list.substr(brace + 2, type.find('}', brace) - brace - 2);
  while (!list.empty()) {
    const auto comma = std::min(list.find(','), list.size());
    doc.choices.emplace_back(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

OptionDoc describe(const CLI::Option& option) {
  OptionDoc doc;
  doc.description = option.get_description();
  doc.group = option.get_group();
  doc.environment = option.get_envname();
  doc.required = option.get_required();
  doc.repeatable = option.get_items_expected_max() > 1;
  if (option.get_items_expected_max() > 0) split_type(option.get_type_name(), doc);
  if (option.nonpositional()) {
    if (!option.get_lnames().empty()) doc.long_name = "--" + option.get_lnames().front();
    if (!option.get_snames().empty()) doc.short_name = "-" + option.get_snames().front();
  } else {
    doc.value = option.get_name(true);
  }
  return doc;
}

// Edit distance in which a swap of neighbours is one edit (optimal string alignment).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

CommandDoc describe(const CLI::App& app) {
  CommandDoc doc;
  doc.name = app.get_name();
  const std::string text = app.get_description();
  const auto end = std::min(text.find('\n'), text.size());
  doc.summary = text.substr(0, end);
  const auto rest = text.find_first_not_of('\n', end);
  if (rest != std::string::npos) doc.details = text.substr(rest);
  doc.notes = app.get_footer();
  doc.group = app.get_group();
  for (const CLI::Option* option : app.get_options()) {
    // A hidden option has no group.
    if (option->get_group().empty()) continue;
    (option->nonpositional() ? doc.options : doc.arguments).push_back(describe(*option));
  }
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) doc.commands.push_back(describe(*command));
  }
  return doc;
}

std::vector<Section> sections_of(std::string_view notes) {
  std::vector<Section> sections;
  while (!notes.empty()) {
    const auto end = std::min(notes.find('\n'), notes.size());
    std::string_view line = notes.substr(0, end);
    notes.remove_prefix(std::min(end + 1, notes.size()));
    if (line.empty()) continue;
    if (line.front() != ' ') {
      if (line.ends_with(':')) line.remove_suffix(1);
      sections.push_back({std::string(line), {}});
    } else if (!sections.empty()) {
      sections.back().lines.emplace_back(line.substr(2));
    }
  }
  return sections;
}

ValueKind value_kind(const OptionDoc& option) {
  if (!option.choices.empty()) return ValueKind::choice;
  if (option.value.starts_with("FILE") || option.value == "PEM" || option.value == "STORE") {
    return ValueKind::file;
  }
  return option.value == "DIR" ? ValueKind::folder : ValueKind::none;
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  // A third of the word may be wrong; more is another word.
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t d = distance(word, candidate);
    if (d < best_distance) {
      best_distance = d;
      best = candidate;
    }
  }
  return best;
}

}  // namespace fanfare::cli
