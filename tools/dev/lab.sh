# shellcheck shell=bash  # sourced by ./dev

# cmd_lab [PROFILE...] [OPTION...], --share, --twopaths, or --selftest [SECTION...]: see docs/guide/lab.md.
cmd_lab() {
  [ "$(id -u)" = 0 ] || die "lab: network namespaces need root"
  require_packages BUILD LAB
  build_preset release jetway_program linkem
  mkdir -p bench/results
  export JETWAY="$ROOT/build/release/bin/jetway" JETWAY_BUILD="$ROOT/build/release" JETWAY_RESULTS="$ROOT/bench/results"
  if [ "${1:-}" = --selftest ]; then exec tests/lab/selftest.sh "${@:2}"; fi
  if [ "${1:-}" = --share ]; then exec tests/lab/share.py "${@:2}"; fi
  if [ "${1:-}" = --twopaths ]; then exec tests/lab/twopaths.py "${@:2}"; fi
  exec tests/lab/measure.py "$@"
}
