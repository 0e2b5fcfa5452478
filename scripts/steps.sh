# Sourced after common.sh and packages.sh: the steps from a fresh clone to a daemon, which of them are missing, and what they cost.
pins=$root/scripts/pins

# The parts of .deps. A part's rule is raised when the steps that make it change; its file is there when the part is.
declare -A part_rule=([python]=2 [python-tests]=1 [torch]=2 [httplib]=1 [cuda]=2 [flashinfer]=1 [cuda-runtime]=1)
declare -A part_file=([python]=venv/bin/python [python-tests]=venv/bin/pytest [torch]=torch/lib/libtorch_cpu.so
  [httplib]=cpp-httplib/httplib.h [cuda]=cuda/bin/nvcc [flashinfer]=flashinfer/include [cuda-runtime]=cuda-runtime/lib)

part_version() { echo "${part_rule[$1]} $(sha256sum <"$pins/$1.txt" | cut -c1-16)"; }

part_is_there() {
  [ -e "$deps/${part_file[$1]}" ] && [ "$(cat "$deps/.stamps/$1" 2>/dev/null)" = "$(part_version "$1")" ] || return 1
  case $1 in python*) "$python" -c '' 2>/dev/null ;; esac
}

default_models=(smollm2-135m-instruct all-minilm-l6-v2)
# The sampling that SmolLM2's card advises; the GGUF does not carry it.
smollm2_sampling=(do_sample=true temperature=0.2 top_p=0.9)

models_version() {
  { cat "$pins/models.txt" "$root/scripts/gguf_to_hf.py" && echo "${smollm2_sampling[@]}"; } | sha256sum | cut -c1-16
}

models_are_there() {
  local name
  for name in "${default_models[@]}"; do [ -f "$models/$name/model.safetensors" ] || return 1; done
  [ "$(cat "$models/.defaults" 2>/dev/null)" = "$(models_version)" ]
}

# cached PRESET NAME: the value of NAME in CMake's cache.
cached() { sed -n "s/^$2:[A-Z]*=//p" "$root/build/$1/CMakeCache.txt" 2>/dev/null; }

# configured PRESET: whether its build folder is for this tree, these dependencies and a cargo that is still there. CMake keeps absolute
# paths, which a moved tree no longer has.
configured() {
  [ -f "$root/build/$1/build.ninja" ] && [ "$(cached "$1" CMAKE_HOME_DIRECTORY)" -ef "$root" ] &&
    [ "$(cached "$1" WEIR_DEPS_DIR)" -ef "$deps" ] && [ -x "$(cached "$1" WEIR_CARGO)" ]
}

# The commands that build the target weir, and the seconds of one core that they take, the crate's among them.
weir_commands=334 weir_seconds=1400
# commands_left: about how many of them the release build has still to run. Ninja cannot say: it plans nothing before CMake has looked
# for new files. A header that changed counts for ten.
commands_left() {
  local folder=$root/build/release
  if ! configured release; then
    echo $weir_commands
  elif [ -f "$folder/.built" ]; then
    find "$root/src" "$root/include" -type f -newer "$folder/.built" -printf '%f\n' | awk -v most=$weir_commands '
      {left += /[.]h$/ ? 10 : 1}
      END {print (left < most ? left + 0 : most)}'
  else
    find "$folder" -name '*.o' -not -path '*_test.dir/*' -not -path '*/bench/*' | awk -v all=$weir_commands '
      END {print (NR < all ? all - NR : 1)}'
  fi
}

# step_is_there NAME: packages, packages-tests, a part of .deps, models, build. A build of a few files is not worth a word.
step_is_there() {
  case $1 in
    packages) [ -z "$(missing_packages)" ] ;;
    packages-tests) [ -z "$(missing_packages --tests)" ] ;;
    models) models_are_there ;;
    build) [ "$(commands_left)" -le 10 ] ;;
    *) part_is_there "$1" ;;
  esac
}

# step_cost NAME: MB from the network, MB on disk, seconds beside the download. The models come while the code compiles.
step_cost() {
  case $1 in
    packages) packages_cost ;;
    packages-tests) packages_cost --tests ;;
    python) echo 30 150 20 ;;
    python-tests) echo 31 155 20 ;;
    torch) echo 545 1480 15 ;;
    httplib) echo 77 80 15 ;;
    cuda) echo 700 1500 30 ;;
    flashinfer) echo 15 60 5 ;;
    cuda-runtime) echo 2000 4200 40 ;;
    models) echo 176 460 0 ;;
    build) echo "6 460 $((weir_seconds * $(commands_left) / weir_commands / jobs))" ;;
  esac
}

# packages_cost [--tests]: apt-get knows the sizes once it has lists; a new machine has none.
packages_cost() {
  local missing mb
  mapfile -t missing < <(missing_packages "$@")
  mb=$(apt-get -qq --print-uris --no-install-recommends install "${missing[@]}" 2>/dev/null | awk '{s += $3} END {print int(s / 1e6)}') || true
  if [ "${mb:-0}" = 0 ]; then
    mb=115
    if [[ " ${missing[*]} " == *" rustc-web "* ]]; then mb=210; fi
  fi
  # Twenty more are the lists themselves.
  echo "$((mb + 20)) $((mb * 6)) $((10 + mb / 3))"
}

# announce STEP...: finds those of the steps that are missing, says in one line what they bring and how long that takes, and numbers them
# for begin_step, here and in the scripts that this one calls. Says nothing where nothing is missing, or where it was said already.
announce() {
  if [ -n "${SETUP_STEPS+set}" ]; then return; fi
  local name mb=0 disk=0 seconds=0 cost
  export SETUP_STEPS=
  for name in "$@"; do
    if step_is_there "$name"; then continue; fi
    SETUP_STEPS+="${SETUP_STEPS:+ }$name"
    read -ra cost < <(step_cost "$name")
    mb=$((mb + cost[0])) disk=$((disk + cost[1])) seconds=$((seconds + cost[2]))
    # At 10 MB/s; the models come while the code compiles.
    if [ "$name" != models ]; then seconds=$((seconds + cost[0] / 10)); fi
  done
  if [ -z "$SETUP_STEPS" ]; then return; fi
  local count
  count=$(wc -w <<<"$SETUP_STEPS")
  say "$count step$([ "$count" = 1 ] || echo s): about $mb MB to download, $((disk / 1000)).$((disk % 1000 / 100)) GB of disk, \
$(((seconds + 59) / 60)) min with $jobs cores and 10 MB/s"
  local free
  free=$(df -Pm "$root" | awk 'NR == 2 {print $4}')
  if [ "$free" -lt "$disk" ]; then say "warning: $root has $((free / 1000)).$((free % 1000 / 100)) GB of disk free"; fi
}

# begin_step NAME TEXT: says which of the announced steps begins.
begin_step() {
  local name at='' all=0
  for name in ${SETUP_STEPS:-}; do
    all=$((all + 1))
    if [ "$name" = "$1" ]; then at=$all; fi
  done
  if [ -n "$at" ]; then say "step $at of $all: $2"; else say "$2"; fi
}
