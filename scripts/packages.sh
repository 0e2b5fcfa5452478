# Sourced after common.sh: Debian's packages, who may install them, and which cargo compiles the text crate.

# What the daemon's build needs, and what the tests and micro-benchmarks need beside it.
build_packages=(g++ cmake ninja-build ccache mold pkg-config curl ca-certificates python3 python3-venv
  nlohmann-json3-dev libspdlog-dev libcli11-dev libtomlplusplus-dev prometheus-cpp-dev libssl-dev libsqlite3-dev zlib1g-dev)
test_packages=(libgtest-dev libgmock-dev libbenchmark-dev)
cargo_packages=(rustc-web cargo-web)

# installed NAME...: those of the packages NAME that are installed, one a line.
installed() {
  { dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true; } | awk '$1 == "installed" {print $2}'
}

# missing_packages [--tests]: names, one a line, of what is not installed yet.
missing_packages() {
  local wanted=("${build_packages[@]}")
  if [ "${1:-}" = --tests ]; then wanted+=("${test_packages[@]}"); fi
  comm -23 <(printf '%s\n' "${wanted[@]}" | sort) <(installed "${wanted[@]}" | sort)
  # Installed and too old is missing too: apt-get brings the newer one.
  if ! find_cargo >/dev/null; then printf '%s\n' "${cargo_packages[@]}"; fi
}

cargo_needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/src/text/rust/Cargo.toml")

# find_cargo: the path of the first cargo that is new enough, of those in PATH, Debian's and rustup's. cmake/cargo.cmake finds the same.
find_cargo() {
  local candidate version
  while read -r candidate; do
    version=$("$candidate" --version 2>/dev/null | awk '{print $2}') || continue
    if [ -n "$version" ] && [ "$(printf '%s\n' "$version" "$cargo_needed" | sort -V | head -1)" = "$cargo_needed" ]; then
      echo "$candidate"
      return
    fi
  done < <(type -ap cargo; echo /usr/bin/cargo; echo "${HOME:-/root}/.cargo/bin/cargo")
  return 1
}

# Debian's newer cargo takes the place of the packages here. None is taken from its user without a word.
refuse_to_replace_cargo() {
  local owned
  owned=$(installed cargo rustc cargo-mozilla rustc-mozilla rustup | paste -sd' ')
  if [ -n "$owned" ]; then
    die "no cargo here is $cargo_needed or newer, which the text crate needs. Debian's rustc-web and cargo-web are, but installing them
removes the packages that are installed: $owned. Set-up removes nothing by itself. Either do it as root:
  apt-get update && apt-get install ${cargo_packages[*]}
or bring a newer cargo by rustup (https://rustup.rs). Then run this again."
  fi
}

# root_can: whether this user can become root here; sudo may ask for its password on a terminal.
root_can() {
  if [ "$(id -u)" = 0 ]; then return 0; fi
  if ! command -v sudo >/dev/null; then return 1; fi
  if sudo -n true 2>/dev/null; then return 0; fi
  if ! { : </dev/tty; } 2>/dev/null; then return 1; fi
  say "sudo asks for your password, to install Debian packages"
  sudo -v
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages NAME...: Debian packages, with no question asked and nothing removed.
install_packages() {
  command -v apt-get >/dev/null || die "there is no apt-get here; this is for Debian 12. Needed, under Debian's names: $*"
  local command="apt-get update && apt-get install -y --no-install-recommends --no-remove $*"
  # What an interrupted dpkg left half done comes first; apt-get refuses to work before.
  if [ -n "$(dpkg --audit)" ]; then command="dpkg --configure -a && $command"; fi
  if ! root_can; then
    local as=su
    if command -v sudo >/dev/null; then as=sudo; fi
    printf '%s: only root can install the packages that are missing. Run this once, then this script again:\n' "$(basename "$0")" >&2
    case $as in
      su) printf "  su -c '%s'\n" "$command" >&2 ;;
      sudo) printf "  sudo sh -c '%s'\n" "$command" >&2 ;;
    esac
    exit 1
  fi
  if [ -n "$(dpkg --audit)" ]; then watched as_root dpkg --configure -a; fi
  wait_for_package_lists
  watched as_root apt-get update -q
  watched as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o DPkg::Lock::Timeout=600 \
    --no-install-recommends --no-remove "$@"
}

# On a new machine its own first upgrade may hold apt's locks: apt waits for those of dpkg, but gives up at once on that of the
# package lists.
wait_for_package_lists() {
  local lists=/var/lib/apt/lists/lock
  while [ -e $lists ] && grep -q ":$(stat -c %i $lists) " /proc/locks; do
    say "waiting for another apt-get"
    sleep 5
  done
}
