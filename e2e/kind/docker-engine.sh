#!/bin/bash
# Makes sure that a Docker engine answers. Usage: docker-engine.sh [stop]
# An engine that runs is used as it is. One that this script starts has its pid and log in the cache, and `stop` ends only that.
source "$(dirname "$0")/lib.sh"
pid_file=$cache/docker/pid
log=$cache/docker/log
mkdir -p "$cache/docker"

ours_runs() { [ -f "$pid_file" ] && [ "$(cat "/proc/$(cat "$pid_file")/comm" 2>/dev/null)" = dockerd ]; }
answers() { docker info >/dev/null 2>&1; }

if [ "${1:-}" = stop ]; then
  ours_runs || exit 0
  [ -z "$(docker ps -q 2>/dev/null)" ] || {
    say "the Docker engine still runs other containers (docker ps): left alone"
    exit 0
  }
  pid=$(cat "$pid_file")
  kill "$pid"
  while [ -d "/proc/$pid" ]; do sleep 0.2; done
  rm -f "$pid_file"
  say "the Docker engine that was started here (pid $pid) has ended"
  exit 0
fi

answers && exit 0
exclusively docker-engine
answers && exit 0
step "Docker engine"

! command -v docker >/dev/null || may_use_docker

# Debian 13 and later have the client in a package of its own.
packages=(dockerd=docker.io runc=runc containerd=containerd iptables=iptables jq=jq)
command -v docker >/dev/null || ! apt-cache show docker-cli >/dev/null 2>&1 || packages+=(docker=docker-cli)
need_packages "${packages[@]}"

if [ -d /run/systemd/system ] && systemctl cat docker.service >/dev/null 2>&1; then
  [ "$(id -u)" = 0 ] || die "the Docker engine is installed but does not run." "Start it and run this again: sudo systemctl start docker"
  systemctl start docker || true
  for _ in $(seq 50); do answers && exit 0; sleep 0.2; done
fi
[ "$(id -u)" = 0 ] || die "the Docker engine does not run, and starting it takes root." "Start it (sudo dockerd) and run this again."

flags=()
# CAP_SYS_RESOURCE is bit 24 of the bounding set.
bounding=$(awk '/CapBnd/ {print $2}' /proc/self/status)
if ((((16#$bounding >> 24) & 1) == 0)); then
  install -m755 "$(dirname "$0")/runc-bounded" "$cache/docker/runc-bounded"
  flags=(--add-runtime "bounded=$cache/docker/runc-bounded" --default-runtime bounded)
fi
(
  # The engine outlives whoever calls this, and must keep nothing of theirs open: somebody's lock would be held for ever.
  for descriptor in /proc/"$BASHPID"/fd/*; do
    number=${descriptor##*/}
    [ "$number" -le 2 ] || exec {number}>&-
  done
  exec setsid nohup dockerd --storage-driver overlay2 "${flags[@]}" >"$log" 2>&1 </dev/null
) &
pid=$!
echo "$pid" >"$pid_file"
for _ in $(seq 150); do
  answers && { say "started (pid $pid, log $log)"; exit 0; }
  [ -d "/proc/$pid" ] || break
  sleep 0.2
done
tail -5 "$log" >&2
die "the Docker engine did not start." "Its log: $log"
