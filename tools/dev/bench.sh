# shellcheck shell=bash  # sourced by ./dev
#
# A benchmark is bench/NAME/run.py or bench/NAME.py (run with JETWAY, JETWAY_BUILD and JETWAY_RESULTS set),
# or else the built program bench_NAME.

bench_script() {
  local script
  for script in "bench/$1/run.py" "bench/$1.py"; do
    if [ -x "$script" ]; then echo "$script"; return; fi
  done
}

list_benchmarks() {
  {
    find bench -path '*/run.py' -printf '%h\n' 2>/dev/null | sed 's,^bench/,,'
    find bench -maxdepth 1 -name '*.py' -executable -printf '%f\n' 2>/dev/null | sed 's,\.py$,,'
    grep -rhoE 'jetway_bench\(\s*NAME +\w+' bench --include CMakeLists.txt 2>/dev/null | grep -oE '\w+$'
  } | sort -u || true
}

cmd_bench() {
  local name=${1:-} script
  if [ -z "$name" ]; then
    echo "./dev bench NAME, with NAME one of:"
    list_benchmarks | sed 's/^/  /'
    return
  fi
  shift
  script=$(bench_script "$name")
  if [ -z "$script" ] && ! list_benchmarks | grep -qxF "$name"; then
    die "bench: there is no $name, only: $(list_benchmarks | xargs)"
  fi
  require_packages BUILD BENCH
  mkdir -p bench/results
  if [ -n "$script" ]; then
    build_preset release
    JETWAY="$ROOT/build/release/bin/jetway" JETWAY_BUILD="$ROOT/build/release" \
      JETWAY_RESULTS="$ROOT/bench/results" exec "$script" "$@"
  fi
  build_preset release "bench_$name"
  exec "build/release/bench/bench_$name" "$@"
}
