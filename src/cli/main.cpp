#include "cli/app.h"

int main(int argc, char** argv) {
  return fanfare::cli::run(argc, argv);
}
