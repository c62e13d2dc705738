// completion and man: what the parser knows, printed for shells and for readers.
#include <CLI/CLI.hpp>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/man_page.h"

namespace fanfare::cli {

void add_completion(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand("completion", "Print a completion script for your shell");
  command->group("Shell");
  command->footer(
      "Examples:\n"
      "  source <(fanfare completion bash)\n"
      "  fanfare completion zsh > ~/.zfunc/_fanfare\n"
      "  fanfare completion fish > ~/.config/fish/completions/fanfare.fish\n");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "Which shell")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember(std::vector<std::string>{"bash", "zsh", "fish"}));
  context.on(*command, [&root, &context, shell]() -> Result<ExitStatus> {
    const CommandDoc doc = describe(root);
    context.out.write(*shell == "bash"  ? bash_completion(doc)
                      : *shell == "zsh" ? zsh_completion(doc)
                                        : fish_completion(doc));
    return ExitStatus::accepted;
  });
}

void add_man(CLI::App& root, Context& context) {
  CLI::App* command = root.add_subcommand("man", "Print the manual page");
  command->group("Shell");
  command->footer(
      "Examples:\n"
      "  fanfare man | man -l -\n");
  context.on(*command, [&root, &context]() -> Result<ExitStatus> {
    context.out.write(render_man(describe(root), FANFARE_VERSION));
    return ExitStatus::accepted;
  });
}

}  // namespace fanfare::cli
