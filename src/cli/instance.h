// The part of `topics` that only the Instance ID API can do.
#pragma once

namespace CLI {
class App;
}

namespace fanfare::cli {

struct Context;

/// topics info, topics import-apns.
void add_instance_commands(CLI::App& topics, Context& context);

}  // namespace fanfare::cli
