# shellcheck shell=bash  # sourced by ./dev

PRESETS=" release debug asan tsan coverage fuzz "

is_preset() {
  [[ -n ${1:-} && $PRESETS == *" $1 "* ]]
}

# Ninja configures again by itself when a CMake file changes or a folder appears; the presets it cannot see.
configure_preset() {
  local ninja=build/$1/build.ninja log=build/$1/configure.log
  if [ "$1" = fuzz ]; then require_packages FUZZ; fi
  if [ -e "$ninja" ] && [ ! CMakePresets.json -nt "$ninja" ]; then return 0; fi
  mkdir -p "build/$1"
  cmake --preset "$1" >"$log" 2>&1 || { cat "$log" >&2; die "build: cmake could not configure $1"; }
}

build_preset() {
  configure_preset "$1"
  cmake --build --preset "$1" ${2:+--target "${@:2}"}
}

cmd_build() {
  require_packages BUILD
  local preset=release
  if is_preset "${1:-}"; then preset=$1; shift; fi
  build_preset "$preset" "$@"
}

# The debug preset compiles in a third of the time of release and has all warnings and assertions.
cmd_test() {
  require_packages BUILD
  local preset=debug
  if is_preset "${1:-}"; then preset=$1; shift; fi
  if [ "${1:-}" = --pure ]; then
    shift
    build_preset "$preset" pure_tests
    set -- -L '^pure$' "$@"
  else
    build_preset "$preset"
  fi
  ctest --preset "$preset" --output-on-failure -j "$(nproc)" "$@"
}

cmd_coverage() {
  local report=build/coverage/lines.txt
  require_packages BUILD
  build_preset coverage
  find build/coverage -name '*.gcda' -delete
  ctest --preset coverage -j "$(nproc)" "$@"
  tools/dev/coverage.py build/coverage $report
  echo "files, with the lines never run: $report"
}

cmd_fuzz() {
  require_packages BUILD FUZZ
  local seconds=${1:-60} wanted=${2:-} name corpus
  [[ $seconds =~ ^[0-9]+$ ]] || die "fuzz: SECONDS is a number, not $seconds"
  configure_preset fuzz
  build_preset fuzz fuzzers
  local found=0
  while read -r name corpus; do
    if [ -n "$wanted" ] && [ "$name" != "$wanted" ]; then continue; fi
    found=1
    fuzz_target "$name" "$corpus" "$seconds"
  done <build/fuzz/fuzz/targets.txt
  [ $found = 1 ] || die "fuzz: no target ${wanted:-at all}; there are: $(cut -d' ' -f1 build/fuzz/fuzz/targets.txt | xargs)"
}

# New inputs are collected under build/fuzz/corpus; those worth keeping are copied to the corpus by hand.
fuzz_target() {
  local name=$1 corpus=$2 seconds=$3 found=build/fuzz/corpus/$1 dictionary=$2.dict options=()
  mkdir -p "$found" build/fuzz/crashes
  if [ -e "$dictionary" ]; then options+=("-dict=$dictionary"); fi
  echo "== $name, $seconds s"
  "build/fuzz/fuzz/fuzz_$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/crashes/$name-" ${options[@]+"${options[@]}"} "$found" "$corpus" \
    >"build/fuzz/$name.log" 2>&1 </dev/null ||
    { tail -n 60 "build/fuzz/$name.log"; die "fuzz: $name failed, the input is in build/fuzz/crashes"; }
  grep -E '^(Done|stat::(average_exec|new_units|peak_rss))' "build/fuzz/$name.log"
}
