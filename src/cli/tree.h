// The command line as data: what help, completions and the man page are drawn from, read off the
// parser itself so that none of them can drift from what is accepted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace fanfare::cli {

struct OptionDoc {
  std::string long_name = {};             ///< With its dashes: "--store"; empty for an argument.
  std::string short_name = {};            ///< "-h"; empty: none.
  std::string value = {};                 ///< Placeholder, "FILE"; empty: a flag.
  std::vector<std::string> choices = {};  ///< All values there are; empty: any.
  std::string description = {};
  std::string group = {};        ///< Heading in the help.
  std::string environment = {};  ///< Variable that sets it; empty: none.
  bool required = false;
  bool repeatable = false;
};

struct CommandDoc {
  std::string name = {};
  std::string summary = {};               ///< First line of the description.
  std::string details = {};               ///< The rest of it; may be empty.
  std::string notes = {};                 ///< Footer: sections, see notes_of.
  std::string group = {};                 ///< Heading under which the parent lists it.
  std::vector<OptionDoc> options = {};    ///< Those with dashes, the help flag included.
  std::vector<OptionDoc> arguments = {};  ///< By position; `value` is the name.
  std::vector<CommandDoc> commands = {};
};

[[nodiscard]] CommandDoc describe(const CLI::App& app);

/// A section of the notes: a line that ends in a colon, then indented lines to be shown as they
/// are.
struct Section {
  std::string title;
  std::vector<std::string> lines;  ///< Without the indent.
};
[[nodiscard]] std::vector<Section> sections_of(std::string_view notes);

/// What completes a value: a choice, a file, a folder, or nothing that a shell could know.
enum class ValueKind : unsigned char { none, choice, file, folder };
[[nodiscard]] ValueKind value_kind(const OptionDoc& option);

/// The candidate that `word` was most likely meant to be; empty when none is near.
[[nodiscard]] std::string nearest(std::string_view word,
                                  const std::vector<std::string>& candidates);

}  // namespace fanfare::cli
