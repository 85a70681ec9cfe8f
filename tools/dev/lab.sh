# shellcheck shell=bash  # sourced by ./dev

# cmd_lab [PROFILE...] [OPTION...], or --selftest [SECTION...]: see tests/lab/README.md.
cmd_lab() {
  [ "$(id -u)" = 0 ] || die "lab: network namespaces need root"
  require_packages BUILD LAB
  build_preset release jetway_program linkem
  mkdir -p bench/results
  export JETWAY="$ROOT/build/release/bin/jetway" JETWAY_BUILD="$ROOT/build/release" JETWAY_RESULTS="$ROOT/bench/results"
  if [ "${1:-}" = --selftest ]; then exec tests/lab/selftest.sh "${@:2}"; fi
  exec tests/lab/measure.py "$@"
}
