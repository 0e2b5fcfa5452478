# Sourced by the scripts beside it: the root of the tree, its .deps folder, and how a script speaks.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
deps=${WEIR_DEPS_DIR:-$root/.deps}
models=$root/models/downloaded
jobs=${WEIR_JOBS:-$(nproc)}
# Called as `$python -m TOOL`: the programs in venv/bin name the folder in which they were installed, which may have moved.
python=$deps/venv/bin/python

# Ctrl-C ends a script also where the command that runs takes no notice, as apt-get does while dpkg works.
trap 'exit 130' INT

say() { printf '==> %s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# watched COMMAND...: passes on what COMMAND prints. Where it prints nothing for 5 s (a terminal: 1 s), a line says how long it has
# been silent, and how much of EXPECT_MB lies in the folder EXPECT_AT if these are set. With SETUP_BACKGROUND another command has the
# terminal, and says that.
watched() { "$@" 2>&1 | pass_on; }

pass_on() {
  trap '' INT # the command ends by it; its last words are passed on
  local line begun='' beat=5 silent=0 code
  if [ -t 1 ]; then beat=1; fi
  while true; do
    code=0
    IFS= read -r -t "$beat" line || code=$?
    if [ "$code" -gt 128 ]; then
      begun+=$line
      silent=$((silent + beat))
      show_wait "$silent"
    elif [ "$code" = 0 ] || [ -n "$begun$line" ]; then
      show_line "$begun$line"
      begun='' silent=0
    fi
    if [ "$code" = 1 ]; then break; fi
  done
  if [ -t 1 ]; then printf '\r\033[K'; fi
}

# A terminal has one line for what passes by: the counter of the build, and the wait.
show_line() {
  if [ ! -t 1 ]; then
    printf '%s\n' "$1"
  elif [[ $1 == \[*/*\]* ]]; then
    printf '\r\033[K%s' "${1:0:$((${COLUMNS:-80} - 1))}"
  else
    printf '\r\033[K%s\n' "$1"
  fi
}

show_wait() {
  if [ -n "${SETUP_BACKGROUND:-}" ]; then return; fi
  local text="  ... $1 s" mb
  if [ -n "${EXPECT_AT:-}" ]; then
    mb=$(du -sm "$EXPECT_AT" 2>/dev/null | cut -f1) || true
    if [ "${mb:-0}" -le "$EXPECT_MB" ]; then text="  ... ${mb:-0} of $EXPECT_MB MB"; fi
  fi
  if [ -t 1 ]; then
    if [ "$1" -ge 3 ]; then printf '\r\033[K%s' "$text"; fi
  else
    printf '%s\n' "$text"
  fi
}

# must_own PLACE...: what a script will write must be the user's own; after one run by root it is not.
must_own() {
  local place foreign
  for place in "$@"; do
    if [ ! -e "$place" ]; then place=$(dirname "$place"); fi
    foreign=$(find -H "$place" -maxdepth 2 \( -type d -o -name .lock \) ! -writable -print -quit 2>/dev/null) || true
    if [ -n "$foreign" ]; then
      die "$(id -un) cannot write in $foreign, which belongs to $(stat -c %U "$foreign"): another user ran this before. As root, make it yours:
  chown -R $(id -un): '$place'"
    fi
  done
}

# One script at a time changes .deps and models/downloaded; the others wait for it.
lock_deps() {
  mkdir -p "$deps"
  exec 9>"$deps/.lock"
  flock -n 9 || { say "waiting for another set-up of $deps"; watched flock 9; }
}
