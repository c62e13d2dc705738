#include "cli/man_page.h"

#include <fmt/format.h>

#include "cli/help.h"

namespace fanfare::cli {
namespace {

// Text as roff takes it: no escapes, no requests, and dashes that can be copied to a shell.
std::string escaped(std::string_view text) {
  std::string roff;
  for (const char c : text) {
    if (c == '\\') {
      roff += "\\e";
    } else if (c == '-') {
      roff += "\\-";
    } else {
      roff += c;
    }
  }
  if (roff.starts_with('.') || roff.starts_with('\'')) roff.insert(0, "\\&");
  return roff;
}

void append_paragraphs(std::string& page, std::string_view text) {
  bool blank = false;
  for (const std::string& line : wrapped(text, 80)) {
    if (line.empty()) {
      blank = true;
      continue;
    }
    if (blank) page += ".PP\n";
    blank = false;
    page += escaped(line) + "\n";
  }
}

void append_options(std::string& page, const std::vector<OptionDoc>& options) {
  for (const OptionDoc& option : options) {
    page += fmt::format(".TP\n\\fB{}\\fR\n", escaped(option_label(option)));
    append_paragraphs(page, option_text(option));
  }
}

void append_sections(std::string& page, std::string_view notes, std::string_view request) {
  for (const Section& section : sections_of(notes)) {
    page += fmt::format("{} {}\n.nf\n", request, escaped(section.title));
    for (const std::string& line : section.lines) page += escaped(line) + "\n";
    page += ".fi\n";
  }
}

// A command with subcommands is a heading for theirs only.
void append_command(std::string& page, const CommandDoc& command, const std::string& path) {
  if (!command.commands.empty()) {
    for (const CommandDoc& child : command.commands) {
      append_command(page, child, path + " " + child.name);
    }
    return;
  }
  page += fmt::format(".SS {}\n", escaped(usage_line(command, path)));
  append_paragraphs(page, command.summary + ".");
  if (!command.details.empty()) {
    page += ".PP\n";
    append_paragraphs(page, command.details);
  }
  append_options(page, command.arguments);
  std::vector<OptionDoc> options;
  for (const OptionDoc& option : command.options) {
    if (option.long_name != "--help") options.push_back(option);
  }
  append_options(page, options);
  for (const Section& section : sections_of(command.notes)) {
    page += fmt::format(".PP\n{}:\n.PP\n.nf\n.RS 4\n", escaped(section.title));
    for (const std::string& line : section.lines) page += escaped(line) + "\n";
    page += ".RE\n.fi\n";
  }
}

}  // namespace

std::string render_man(const CommandDoc& root, std::string_view version) {
  std::string page = ".\\\" made by 'fanfare man'\n";
  page += fmt::format(".TH FANFARE 1 \"\" \"fanfare {}\" \"User Commands\"\n.SH NAME\n", version);
  std::string purpose = root.summary;
  if (purpose.ends_with('.')) purpose.pop_back();
  page += fmt::format("{} \\- {}\n.SH SYNOPSIS\n", escaped(root.name), escaped(purpose));
  page += fmt::format("\\fB{}\\fR [OPTIONS] COMMAND\n", escaped(root.name));
  if (!root.details.empty()) {
    page += ".SH DESCRIPTION\n";
    append_paragraphs(page, root.details);
  }
  page += ".SH COMMANDS\n";
  for (const CommandDoc& command : root.commands) {
    append_command(page, command, root.name + " " + command.name);
  }
  page += ".SH OPTIONS\n";
  append_paragraphs(page, "These may stand before or after the command.");
  append_options(page, root.options);
  append_sections(page, root.notes, ".SH");
  return page;
}

}  // namespace fanfare::cli
