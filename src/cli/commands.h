// The commands. Each declares itself on the root with its options, its example and its task.
#pragma once

namespace CLI {
class App;
}

namespace fanfare::cli {

struct Context;

/// All of them, in the order in which the help lists them.
void add_commands(CLI::App& root, Context& context);

void add_send(CLI::App& root, Context& context);
void add_preflight(CLI::App& root, Context& context);
void add_delivery_data(CLI::App& root, Context& context);
void add_check_message(CLI::App& root, Context& context);
void add_explain(CLI::App& root, Context& context);
void add_devices(CLI::App& root, Context& context);
void add_store(CLI::App& root, Context& context);
void add_topics(CLI::App& root, Context& context);
void add_groups(CLI::App& root, Context& context);
void add_serve(CLI::App& root, Context& context);
void add_keys(CLI::App& root, Context& context);
void add_status(CLI::App& root, Context& context);
void add_emulate(CLI::App& root, Context& context);
void add_bench(CLI::App& root, Context& context);
void add_completion(CLI::App& root, Context& context);
void add_man(CLI::App& root, Context& context);

}  // namespace fanfare::cli
