#include "app/standard_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <initializer_list>

namespace weir::app {

void open_standard_files() {
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // open() takes the lowest free number, which is this one.
    if (fcntl(file, F_GETFD) == -1 && open("/dev/null", O_RDWR) < 0) return;
  }
}

}  // namespace weir::app
