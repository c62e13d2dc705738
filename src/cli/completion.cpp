#include "cli/completion.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace fanfare::cli {
namespace {

// A command is named by its path: "fanfare/devices/import". Words of the command line that extend
// the path to another command's lead there; all others are options, values and arguments.
using Visit = std::function<void(const CommandDoc&, const std::string& path)>;

void walk(const CommandDoc& command, const std::string& path, const Visit& visit) {
  visit(command, path);
  for (const CommandDoc& child : command.commands) walk(child, path + "/" + child.name, visit);
}

std::vector<std::string> names_of(const OptionDoc& option) {
  std::vector<std::string> names;
  if (!option.short_name.empty()) names.push_back(option.short_name);
  if (!option.long_name.empty()) names.push_back(option.long_name);
  return names;
}

bool takes_file(const CommandDoc& command) {
  return std::ranges::any_of(command.arguments, [](const OptionDoc& argument) {
    return value_kind(argument) == ValueKind::file;
  });
}

std::string replaced(std::string_view text, char what, std::string_view with) {
  std::string result;
  for (const char c : text) {
    if (c == what) {
      result += with;
    } else {
      result += c;
    }
  }
  return result;
}

// Inside single quotes of a POSIX shell.
std::string quoted(std::string_view text) {
  return "'" + replaced(text, '\'', "'\\''") + "'";
}

// Pattern of an option where it is taken: those of the root, in every command.
std::string at_option(const std::string& path, const std::string& name, bool is_root) {
  return fmt::format("{}:{}", is_root ? "*" : path, name);
}

// bash -------------------------------------------------------------------------------------------

std::string bash_reply(const OptionDoc& option) {
  switch (value_kind(option)) {
    case ValueKind::choice:
      return fmt::format("COMPREPLY=($(compgen -W {} -- \"$cur\"))",
                         quoted(fmt::format("{}", fmt::join(option.choices, " "))));
    case ValueKind::file:
      return "compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))";
    case ValueKind::folder:
      return "compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))";
    case ValueKind::none:
      return "COMPREPLY=()";
  }
  return {};
}

constexpr const char* bash_head =
    R"(# bash completion for fanfare, made by 'fanfare completion bash'.
_fanfare() {
    local IFS=$' \t\n' cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    local at=fanfare i word words=
    # --name=value comes as three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $at:$word in
)";

}  // namespace

std::string bash_completion(const CommandDoc& root) {
  std::string steps;    // command words, and values to be stepped over
  std::string values;   // what completes the value of the option before
  std::string options;  // what completes a dash
  std::string rest;     // what completes anything else
  std::vector<std::string> global_names;
  for (const OptionDoc& option : root.options) {
    for (std::string& name : names_of(option)) global_names.push_back(std::move(name));
  }
  walk(root, root.name, [&](const CommandDoc& command, const std::string& path) {
    const bool is_root = &command == &root;
    std::vector<std::string> names = global_names;
    for (const OptionDoc& option : command.options) {
      for (const std::string& name : names_of(option)) {
        if (!is_root && std::ranges::find(names, name) == names.end()) names.push_back(name);
        if (option.value.empty()) continue;
        const std::string pattern = at_option(path, name, is_root);
        steps += fmt::format("            {}) ((i++)) ;;\n", pattern);
        values += fmt::format("        {}) {}; return ;;\n", pattern, bash_reply(option));
      }
    }
    options += fmt::format("            {}) words={} ;;\n", path,
                           quoted(fmt::format("{}", fmt::join(names, " "))));
    std::vector<std::string> commands;
    for (const CommandDoc& child : command.commands) {
      commands.push_back(child.name);
      steps += fmt::format("            {}:{}) at={}/{} ;;\n", path, child.name, path, child.name);
    }
    if (!commands.empty()) {
      rest += fmt::format("            {}) words={} ;;\n", path,
                          quoted(fmt::format("{}", fmt::join(commands, " "))));
    } else if (takes_file(command)) {
      rest += fmt::format(
          "            {}) compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); return "
          ";;\n",
          path);
    }
  });
  return bash_head + steps + "        esac\n    done\n    case $at:$prev in\n" + values +
         "    esac\n    if [[ $cur == -* ]]; then\n        case $at in\n" + options +
         "        esac\n    else\n        case $at in\n" + rest +
         "        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
         "complete -F _fanfare fanfare\n";
}

// zsh --------------------------------------------------------------------------------------------

namespace {

// Inside the brackets of an _arguments specification.
std::string zsh_text(std::string_view text) {
  std::string result = replaced(text, '\\', "\\\\");
  for (const char c : {'[', ']', ':'}) result = replaced(result, c, std::string("\\") + c);
  return result;
}

std::string zsh_value(const OptionDoc& option) {
  switch (value_kind(option)) {
    case ValueKind::choice:
      return fmt::format(":{}:({})", option.value, fmt::join(option.choices, " "));
    case ValueKind::file:
      return fmt::format(":{}:_files", option.value);
    case ValueKind::folder:
      return fmt::format(":{}:_files -/", option.value);
    case ValueKind::none:
      return option.value.empty() ? "" : fmt::format(":{}: ", option.value);
  }
  return {};
}

void append_zsh_options(std::string& script, const std::vector<OptionDoc>& options) {
  for (const OptionDoc& option : options) {
    for (const std::string& name : names_of(option)) {
      const std::string repeat = option.repeatable ? "*" : "";
      // "=" lets the value follow in the same word, too.
      const std::string equals = option.value.empty() || !name.starts_with("--") ? "" : "=";
      script += "    " +
                quoted(repeat + name + equals + "[" + zsh_text(option.description) + "]" +
                       zsh_value(option)) +
                " \\\n";
    }
  }
}

std::string zsh_function(const std::string& path) {
  return "_" + replaced(path, '/', "_");
}

void append_zsh_commands(std::string& script, const CommandDoc& command, const std::string& path) {
  std::string list;
  for (const CommandDoc& child : command.commands) {
    list += child.name + "\\:" + quoted(replaced(zsh_text(child.summary), '"', "\\\"")) + " ";
  }
  script += "    " + quoted("1: :((" + list + "))") + " \\\n    '*:: :->rest'\n";
  script += "  [[ $state == rest ]] && case $line[1] in\n";
  for (const CommandDoc& child : command.commands) {
    script += fmt::format("    {}) {} ;;\n", child.name, zsh_function(path + "/" + child.name));
  }
  script += "  esac\n";
}

}  // namespace

std::string zsh_completion(const CommandDoc& root) {
  std::string script = "#compdef fanfare\n# zsh completion, made by 'fanfare completion zsh'.\n";
  walk(root, root.name, [&](const CommandDoc& command, const std::string& path) {
    script += fmt::format(
        "\n{}() {{\n  local curcontext=\"$curcontext\" state line\n  typeset -A opt_args\n"
        "  _arguments -C \\\n",
        zsh_function(path));
    append_zsh_options(script, command.options);
    if (&command != &root) {
      std::vector<OptionDoc> globals;
      for (const OptionDoc& option : root.options) {
        if (option.long_name != "--help") globals.push_back(option);
      }
      append_zsh_options(script, globals);
    }
    if (!command.commands.empty()) {
      append_zsh_commands(script, command, path);
    } else if (takes_file(command)) {
      script += "    '*:FILE:_files'\n";
    } else {
      script += "    '*: : '\n";
    }
    script += "}\n";
  });
  // Both ways of loading: from fpath the file is the function's body, otherwise it is sourced.
  return script +
         "\nif [[ $funcstack[1] == _fanfare ]]; then\n  _fanfare \"$@\"\nelse\n"
         "  compdef _fanfare fanfare\nfi\n";
}

// fish -------------------------------------------------------------------------------------------

namespace {

constexpr const char* fish_head =
    R"(# fish completion for fanfare, made by 'fanfare completion fish'.
function __fanfare_at
    set -l at fanfare
    set -l is_value no
    for word in (commandline -opc)[2..-1]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $at:$word
            case {}
                set is_value yes
        end
        switch $at/$word
            case {}
                set at $at/$word
        end
    end
    test $at = $argv[1]
end
complete -c fanfare -f
)";

std::string fish_quoted(std::string_view text) {
  return "'" + replaced(replaced(text, '\\', "\\\\"), '\'', "\\'") + "'";
}

std::string fish_value(const OptionDoc& option) {
  switch (value_kind(option)) {
    case ValueKind::choice:
      return fmt::format(" -x -a {}",
                         fish_quoted(fmt::format("{}", fmt::join(option.choices, " "))));
    case ValueKind::file:
      return " -r -F";
    case ValueKind::folder:
      return " -x -a '(__fish_complete_directories)'";
    case ValueKind::none:
      return option.value.empty() ? "" : " -x";
  }
  return {};
}

void append_fish_option(std::string& script, const OptionDoc& option, const std::string& where) {
  script += "complete -c fanfare" + where;
  if (!option.short_name.empty()) script += " -s " + option.short_name.substr(1);
  if (!option.long_name.empty()) script += " -l " + option.long_name.substr(2);
  script += fish_value(option) + " -d " + fish_quoted(option.description) + "\n";
}

}  // namespace

std::string fish_completion(const CommandDoc& root) {
  std::vector<std::string> paths;
  std::vector<std::string> valued;
  std::string rules;
  walk(root, root.name, [&](const CommandDoc& command, const std::string& path) {
    const bool is_root = &command == &root;
    if (!is_root) paths.push_back(path);
    const std::string here = fmt::format(" -n '__fanfare_at {}'", path);
    for (const OptionDoc& option : command.options) {
      for (const std::string& name : names_of(option)) {
        if (!option.value.empty()) valued.push_back(fish_quoted(at_option(path, name, is_root)));
      }
      if (is_root || option.long_name != "--help") {
        append_fish_option(rules, option, is_root ? "" : here);
      }
    }
    for (const CommandDoc& child : command.commands) {
      rules += fmt::format("complete -c fanfare{} -a {} -d {}\n", here, child.name,
                           fish_quoted(child.summary));
    }
    if (takes_file(command)) rules += fmt::format("complete -c fanfare{} -F\n", here);
  });
  return fmt::format(fish_head, fmt::join(valued, " "), fmt::join(paths, " ")) + rules;
}

}  // namespace fanfare::cli
