# Shared by the scripts of this folder; sourced, never run. Says what happens, where things are kept, how to get what is missing.
# shellcheck shell=bash
set -euo pipefail

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cache=${ZABKEEPER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/zabkeeper}
cluster=${CLUSTER:-zabkeeper}
# Our own kind and kubectl come first: they match the cluster's version, the machine's may be years older.
export PATH="$cache/bin:$PATH"
# buildx is missing from Debian's docker.io; the legacy builder does all that these images need.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0
export project cache cluster

# The seconds that step() shows count from the first script, through all that it starts.
export ZABKEEPER_STARTED=${ZABKEEPER_STARTED:-$EPOCHSECONDS}
step() { printf '\033[1m==> %s\033[0m \033[2m(%ds)\033[0m\n' "$*" $((EPOCHSECONDS - ZABKEEPER_STARTED)); }
say() { printf '    %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$1" >&2
  shift
  [ $# = 0 ] || printf '       %s\n' "$@" >&2
  exit 1
}

mkdir -p "$cache/bin" 2>/dev/null ||
  die "nothing can be kept in $cache: $(id -un) may not write there." "Name a folder for it: ZABKEEPER_CACHE=/var/tmp/zabkeeper make ..."

# Nothing where an engine answers or none runs; ends where one runs that this user may not speak to.
may_use_docker() {
  local said
  said=$(docker info 2>&1) || [[ ${said,,} != *'permission denied'* ]] ||
    die "a Docker engine runs, but $(id -un) may not use it." \
      "Run this as root, or: sudo usermod -aG docker $(id -un), log in again, and run this again."
}

# One run at a time for each thing that is made; whoever comes second waits, and then finds it done.
exclusively() { # exclusively NAME: holds the lock until this process ends
  mkdir -p "$cache/locks"
  exec 9>"$cache/locks/$1"
  flock -n 9 || {
    say "waiting for another run that is making: $1"
    flock 9
  }
}

may_install() { command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; }

# need_packages COMMAND=PACKAGE...: installs the Debian packages of those commands that are not there.
need_packages() {
  local pair missing=()
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  may_install || die "these programs are missing here: ${missing[*]}" \
    "Installing them takes root on Debian or Ubuntu. Install them and run this again:" \
    "  sudo apt-get update && sudo apt-get install -y ${missing[*]}"
  install_packages "${missing[@]}"
}

# One apt-get at a time: several parts of the tests install what they need at once (e2e/peers/install.sh too).
apt_get() { DEBIAN_FRONTEND=noninteractive flock "$cache/apt.lock" apt-get -qq "$@"; }

install_packages() {
  say "apt-get install $*"
  # A list that is a day old is good enough; a machine that never had one needs it.
  find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -mtime -1 2>/dev/null | grep -q . || apt_get update
  apt_get install -y --no-install-recommends "$@" >"$cache/apt.log" 2>&1 || {
    apt_get update # an outdated list names versions that the mirror no longer has
    apt_get install -y --no-install-recommends "$@" >"$cache/apt.log" 2>&1
  } || {
    tail -5 "$cache/apt.log" >&2
    die "apt-get could not install: $*" "The whole log: $cache/apt.log"
  }
}

# A name for the content of files: what is made from them is made again only when they change.
content_hash() { cat "$@" | sha256sum | cut -c1-12; }
