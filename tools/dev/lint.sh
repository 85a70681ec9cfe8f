# shellcheck shell=bash  # sourced by ./dev

cmd_fmt() {
  require_packages BUILD LINT
  tools/lint/sources.py cpp | xargs -r clang-format-19 -i
}

# lint_base [BASE]: the commit that --changed compares with. Without BASE: where this branch left
# origin/main, and on main itself the commit before.
lint_base() {
  local base
  if [ -n "${1:-}" ]; then git rev-parse --verify --quiet "$1^{commit}" || die "lint: no commit $1"; return; fi
  base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then
    base=$(git rev-parse --verify --quiet HEAD~1 || true)
  fi
  echo "$base"
}

lint_step() {
  local start=$SECONDS status=0
  "${@:2}" || status=$?
  printf 'lint: %-14s %s (%d s)\n' "$1" "$([ $status = 0 ] && echo ok || echo FAILED)" $((SECONDS - start))
  return $status
}

check_format() {
  local unformatted
  unformatted=$(tools/lint/sources.py cpp "$@" | xargs -r clang-format-19 --dry-run 2>&1 |
    sed -nE 's/^([^ :]+:[0-9]+):[0-9]+: warning: .*/\1: not formatted (.\/dev fmt)/p' | sort -u -t: -k1,1)
  [ -z "$unformatted" ] || { echo "$unformatted"; return 1; }
}

rules_test() {
  local output
  output=$(python3 tools/lint/rules_test.py 2>&1) || { echo "$output"; return 1; }
}

cmd_lint() {
  require_packages BUILD LINT
  local since=() base
  if [ "${1:-}" = --changed ]; then
    base=$(lint_base "${2:-}")
    if [ -n "$base" ]; then since=(--since "$base"); fi
  elif [ $# -gt 0 ]; then
    die "lint: unknown argument $1"
  fi
  configure_preset lint
  cmake --build build/lint --target build.ninja >/dev/null # brings compile_commands.json up to date
  local failed=0
  lint_step "rules" tools/lint/rules.py || failed=1
  lint_step "rules' test" rules_test || failed=1
  lint_step "format" check_format ${since[@]+"${since[@]}"} || failed=1
  lint_step "headers" tools/lint/headers.py ${since[@]+"${since[@]}"} || failed=1
  lint_step "clang-tidy" tools/lint/tidy.py ${since[@]+"${since[@]}"} || failed=1
  [ $failed = 0 ] || die "lint: failed"
}
