# shellcheck shell=bash  # sourced by ./dev
#
# A benchmark is a folder of bench/: its run.py (run with JETWAY, JETWAY_BUILD and JETWAY_RESULTS set), or else
# the Google Benchmark program bench_NAME, which bench/micro.py runs.

list_benchmarks() {
  find bench -mindepth 2 \( -name run.py -o -name '*_bench.cc' \) -printf '%h\n' | sed 's,^bench/,,' | sort -u
}

cmd_bench() {
  local name=${1:-}
  if [ -z "$name" ]; then
    echo "./dev bench NAME, with NAME one of:"
    list_benchmarks | sed 's/^/  /'
    return
  fi
  shift
  list_benchmarks | grep -qxF "$name" || die "bench: there is no $name, only: $(list_benchmarks | xargs)"
  require_packages BUILD BENCH
  if [ "$name" = jsp ]; then prepare_bench_jsp; fi
  mkdir -p bench/results
  export JETWAY="$ROOT/build/release/bin/jetway" JETWAY_BUILD="$ROOT/build/release" JETWAY_RESULTS="$ROOT/bench/results"
  if [ -x "bench/$name/run.py" ]; then
    local targets=(jetway_program)
    if [ -e "bench/$name/CMakeLists.txt" ]; then targets+=("obj/bench/$name/all"); fi
    build_preset release "${targets[@]}"
    exec "bench/$name/run.py" "$@"
  fi
  build_preset release "bench_$name"
  exec bench/micro.py "$name" "$@"
}

# Its links are those of the laboratory. It does without ngtcp2 where that cannot be had; a build that was
# configured without it has to look again.
prepare_bench_jsp() {
  require_packages LAB
  (require_packages NGTCP2) || echo "bench: no ngtcp2 here, its row is left out" >&2
  local ninja=build/release/build.ninja
  if [ -e $ninja ] && ! grep -q ngtcp2_peer $ninja; then rm $ninja; fi
}
