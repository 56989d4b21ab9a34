#!/bin/bash
# Installs the peers that the suites run against, into a cache outside the repository; a second run finds them and takes
# about a second. Apache ZooKeeper and its client come through Maven, kazoo through pip, go-zookeeper and porcupine as Go
# modules, promtool out of a Debian package. Usage: install.sh            (ZABKEEPER_CACHE=<folder> chooses the cache)
set -euo pipefail
cd "$(dirname "$0")"
cache=${ZABKEEPER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/zabkeeper}/peers
mkdir -p "$cache"

# Runs once at a time, also when two suites start together.
exec 9>"$cache/.lock"
flock 9

install_package() { # install_package <Debian package> <reason>
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "peers: $2 is missing. Install it, on Debian or Ubuntu with: apt-get install $1" >&2
    exit 1
  fi
  echo "peers: installing $1 ($2)"
  # One apt-get at a time: e2e/kind installs packages at the same time.
  local apt=(env DEBIAN_FRONTEND=noninteractive flock "$cache/../apt.lock" apt-get -y -q)
  local install=("${apt[@]}" --no-install-recommends install "$1")
  "${install[@]}" >"$cache/apt.log" 2>&1 || { "${apt[@]}" update && "${install[@]}"; } >>"$cache/apt.log" 2>&1 ||
    { tail -5 "$cache/apt.log" >&2; echo "peers: could not install $1; see $cache/apt.log" >&2; exit 1; }
}
need() { command -v "$1" >/dev/null || install_package "$2" "the program '$1'"; } # need <program> <Debian package>

# once <name> <input file>... -- <function>: calls the function if the inputs changed since it last succeeded
once() {
  local name=$1 inputs=() stamp; shift
  while [ "$1" != -- ]; do inputs+=("$1"); shift; done; shift
  stamp=$(cat "${inputs[@]}" install.sh | sha256sum | cut -d' ' -f1)
  [ "$(cat "$cache/$name.stamp" 2>/dev/null)" = "$stamp" ] && return
  echo "peers: preparing $name"
  rm -f "$cache/$name.stamp"
  "$@"
  echo "$stamp" >"$cache/$name.stamp"
}

install_java() {
  rm -rf "$cache/java"
  mvn -q -B -ntp -f java/pom.xml dependency:copy-dependencies -DoutputDirectory="$cache/java/lib"
}
compile_java() {
  rm -rf "$cache/java-classes"
  javac -nowarn -cp "$cache/java/lib/*" -d "$cache/java-classes" java/*.java
}
install_python() {
  rm -rf "$cache/python"
  python3 -c 'import ensurepip' 2>/dev/null || install_package python3-venv "Python's module 'ensurepip'"
  python3 -m venv "$cache/python"
  "$cache/python/bin/pip" install -q --disable-pip-version-check -r python/requirements.txt
}
install_go() {
  mkdir -p "$cache/go"
  (cd go && go build -trimpath -buildvcs=false -o "$cache/go/" ./story ./linearizability)
}
# Not by installing the package, which would start a Prometheus on this machine.
install_promtool() {
  rm -rf "$cache/prometheus"
  mkdir -p "$cache/prometheus"
  local apt=(flock "$cache/../apt.lock" apt-get -q)
  (cd "$cache/prometheus" && { "${apt[@]}" download prometheus || { "${apt[@]}" update && "${apt[@]}" download prometheus; }; } &&
    dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool && rm prometheus_*.deb) >"$cache/apt.log" 2>&1 ||
    { tail -5 "$cache/apt.log" >&2; echo "peers: could not get promtool out of Debian's package prometheus; see $cache/apt.log" >&2; exit 1; }
}

need java default-jdk-headless
need javac default-jdk-headless
need mvn maven
need python3 python3-venv
need go golang-go

once java java/pom.xml -- install_java
once java-classes java/pom.xml java/*.java -- compile_java
once python python/requirements.txt -- install_python
once promtool -- install_promtool
once go go/go.mod go/go.sum go/*/*.go -- install_go
echo "peers: ready in $cache"
