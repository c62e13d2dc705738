#include "cli/app.h"
#include "registry/registry.h"

int main(int argc, char** argv) {
  fanfare::registry::own_process();
  return fanfare::cli::run(argc, argv);
}
