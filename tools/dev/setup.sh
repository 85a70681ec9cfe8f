# shellcheck shell=bash  # sourced by ./dev
#
# Installs what a verb needs, on Debian 13 and on Debian 12, as root or through sudo, asking nothing.
# When all is there this is a single dpkg-query call.
#
# No host name is written here: the side sources are the machine's own Debian entries with the suite
# replaced. Nothing moves unless asked for: Debian 13 is pinned at 100 on Debian 12, Debian 14 and
# Debian 13's backports at -10.

APT_NAME=jetway # /etc/apt/sources.list.d/jetway.{sources,list} and /etc/apt/preferences.d/jetway

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; return; fi
  command -v sudo >/dev/null || die "setup has to install packages: run it as root, or install sudo"
  sudo "$@"
}

# require_packages GROUP...: a GROUP is what stands before _OWN, _TRIXIE ... in packages.sh.
require_packages() {
  local group own=() trixie=() backports=() forky=()
  for group in "$@"; do
    local -n group_own=${group}_OWN group_trixie=${group}_TRIXIE
    local -n group_backports=${group}_BACKPORTS group_forky=${group}_FORKY
    own+=(${group_own[@]+"${group_own[@]}"})
    trixie+=(${group_trixie[@]+"${group_trixie[@]}"})
    backports+=(${group_backports[@]+"${group_backports[@]}"})
    forky+=(${group_forky[@]+"${group_forky[@]}"})
    unset -n group_own group_trixie group_backports group_forky
  done
  mapfile -t own < <(missing_packages "${own[@]}")
  mapfile -t trixie < <(missing_packages "${trixie[@]}")
  mapfile -t backports < <(missing_packages "${backports[@]}")
  mapfile -t forky < <(missing_packages "${forky[@]}")
  local missing=("${own[@]}" "${trixie[@]}" "${backports[@]}" "${forky[@]}")
  if [ ${#missing[@]} = 0 ]; then return 0; fi
  echo "setup: installing ${missing[*]}"
  install_packages
}

# missing_packages ENTRY...: prints the names of those that are not installed or too old.
missing_packages() {
  [ $# -gt 0 ] || return 0
  local -A version=()
  local name status installed
  while read -r name status installed; do
    [ "$status" = ii ] && version[${name%%:*}]=$installed
  done < <(dpkg-query -W -f='${Package} ${db:Status-Abbrev} ${Version}\n' "${@%%=*}" 2>/dev/null || true)
  local entry minimum
  for entry in "$@"; do
    name=${entry%%=*} minimum=${entry#"${entry%%=*}"}
    installed=${version[$name]:-}
    if [ -z "$installed" ] || { [ -n "$minimum" ] && is_older "$installed" "${minimum#=}"; }; then
      echo "$name"
    fi
  done
}

# is_older A B: dpkg's comparison, with sort -V first because it saves one process per package.
is_older() {
  local a=${1#*:} b=${2#*:}
  case $a in "$b" | "$b".* | "$b"-* | "$b"+*) return 1 ;; esac
  dpkg --compare-versions "$1" lt "$2"
}

# Reads own, trixie, backports and forky of require_packages.
install_packages() {
  local release source_file
  source_file=$(debian_source_file)
  release=$(debian_release "$source_file")
  write_apt_files "$release" "$source_file"
  as_root apt-get update -qq || echo "setup: warning: a package source could not be read, going on" >&2
  with_services_held_back install_in_order "$release"
  echo "setup: done"
}

install_in_order() {
  local release=$1 name wanted=(${forky[@]+"${forky[@]}"})
  for name in ${backports[@]+"${backports[@]}"}; do wanted+=("$name/trixie-backports"); done
  if [ ${#own[@]} -gt 0 ]; then apt_install "${own[@]}"; fi
  if [ $((${#trixie[@]} + ${#wanted[@]})) = 0 ]; then return 0; fi
  if [ "$release" = trixie ]; then
    apt_install ${trixie[@]+"${trixie[@]}"} ${wanted[@]+"${wanted[@]}"}
    return
  fi
  for name in ${trixie[@]+"${trixie[@]}"}; do wanted+=("$name/trixie"); done
  # -t: without it apt keeps the dependencies at Debian 12 and then refuses.
  apt_install -t trixie "${wanted[@]}"
}

apt_install() {
  local log
  log=$(mktemp)
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1 \
    APT_LISTCHANGES_FRONTEND=none UCF_FORCE_CONFFOLD=1 LC_ALL=C.UTF-8 \
    apt-get install -y -qq --no-install-recommends \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null ||
    { tail -n 30 "$log" >&2; die "setup: apt-get could not install: $*"; }
  rm -f "$log"
}

# The benchmarks' reference servers are wanted as programs: they must neither start now nor at boot.
with_services_held_back() {
  local policy=/usr/sbin/policy-rc.d held=0 status=0 name
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin $policy
    held=1
  fi
  ("$@") || status=$?
  if [ $held = 1 ]; then as_root rm -f $policy; fi
  if [ -d /run/systemd/system ]; then
    for name in "${own[@]}" "${trixie[@]}"; do
      case $name in
        nginx-light) as_root systemctl disable --quiet nginx.service || true ;;
        openssh-server) as_root systemctl disable --quiet ssh.service || true ;;
      esac
    done
  fi
  return $status
}

# The file with this machine's own Debian entry. It tells the release, too: /etc/os-release does not,
# because libc6 of Debian 13 brings base-files of Debian 13 with it.
debian_source_file() {
  local file
  for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    case $file in */"$APT_NAME".*) continue ;; *.sources | *.list) ;; *) continue ;; esac
    if [ -r "$file" ] && [ -n "$(debian_release "$file" 2>/dev/null)" ]; then echo "$file"; return; fi
  done
  die "setup: no package source of Debian 12 (bookworm) or 13 (trixie) found in /etc/apt"
}

debian_release() {
  local release
  for release in bookworm trixie; do
    if [ -n "$(derive_source "$1" "$release" "$release" "")" ]; then echo "$release"; return; fi
  done
}

# derive_source FILE RELEASE SUITES SECURITY_SUITES [EXPIRED_OK]: the Debian entries of FILE, other suites.
derive_source() {
  awk -v release="$2" -v suites="$3" -v security="$4" -v expired_ok="${5:-}" \
    -f "$ROOT/tools/dev/derive_${1##*.}.awk" "$1"
}

write_apt_files() {
  local release=$1 source_file=$2 format=${2##*.} work
  work=$(mktemp -d)
  {
    if [ "$release" = bookworm ]; then
      derive_source "$source_file" bookworm "trixie trixie-updates" trixie-security
    fi
    derive_source "$source_file" "$release" trixie-backports ""
    # An index of forky is valid for a week only, and mirrors lag; nothing but BLAKE3 can come from it.
    derive_source "$source_file" "$release" forky "" expired_ok
  } >"$work/source"
  apt_preferences "$release" >"$work/preferences"
  install_if_changed "$work/source" "/etc/apt/sources.list.d/$APT_NAME.$format"
  install_if_changed "$work/preferences" "/etc/apt/preferences.d/$APT_NAME"
  rm -rf "$work"
}

install_if_changed() {
  cmp -s "$1" "$2" || as_root install -m 644 "$1" "$2"
}

apt_preferences() {
  local suite
  if [ "$1" = bookworm ]; then
    for suite in trixie trixie-updates trixie-security; do apt_pin '*' $suite 100; done
  fi
  # A machine that has backports of its own keeps them.
  if ! grep -rqs --exclude="$APT_NAME.*" trixie-backports /etc/apt/sources.list /etc/apt/sources.list.d; then
    apt_pin '*' trixie-backports -10
  fi
  apt_pin "${NGTCP2_BACKPORTS[*]%%=*}" trixie-backports 500
  apt_pin '*' forky -10
  apt_pin "${BUILD_FORKY[*]%%=*}" forky 500
}

apt_pin() {
  printf 'Package: %s\nPin: release n=%s\nPin-Priority: %s\n\n' "$@"
}
