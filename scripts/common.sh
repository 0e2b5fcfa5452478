# Sourced by the scripts beside it: the root of the tree, its .deps folder, and how a script speaks.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=${WEIR_DEPS_DIR:-$root/.deps}
models=$root/models/downloaded
jobs=${WEIR_JOBS:-$(nproc)}

say() { printf '==> %s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# Progress bars belong in a terminal; a log gets plain lines.
if [ -t 1 ]; then pip_progress=on; else pip_progress=off; fi

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages NAME...: Debian packages, with no question asked. On a new machine its own first upgrade may hold apt's locks: it is
# waited for, by apt for those of dpkg, by us for that of the package lists, which apt gives up at once.
install_packages() {
  local lists=/var/lib/apt/lists/lock
  while [ -e $lists ] && grep -q ":$(stat -c %i $lists) " /proc/locks; do
    say "waiting for another apt-get"
    sleep 5
  done
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o DPkg::Lock::Timeout=600 --no-install-recommends "$@"
}

# One script at a time changes .deps and models/downloaded; the others wait for it.
lock_deps() {
  mkdir -p "$deps"
  exec 9>"$deps/.lock"
  flock -n 9 || { say "waiting for another set-up of $deps"; flock 9; }
}
