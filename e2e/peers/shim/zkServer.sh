#!/bin/bash
# Stands in for ZooKeeper's zkServer.sh in harnesses that use it (go-zookeeper's does, with ZOOKEEPER_BIN_PATH on this folder):
#   zkServer.sh start-foreground <zoo.cfg>
# starts our server from the ordinary zoo.cfg. System properties in SERVER_JVMFLAGS (-Dzookeeper.<key>=<value>) become lines of
# it, as ZooKeeper takes them from either place. What our server refuses because it lacks what it promises (TLS, SASL) is left
# out, so that the tests that do not need it run; the server itself would say so and stop.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../../.." && pwd)

if [ "${1:-}" != start-foreground ] || [ $# != 2 ]; then
  echo "usage: zkServer.sh start-foreground <zoo.cfg>" >&2
  exit 2
fi
config=$2

# Beside the original: relative paths in it stay right, and the harness removes its folder in the end.
adapted=${config%.cfg}.adapted.cfg
{
  cat "$config"
  echo
  for flag in ${SERVER_JVMFLAGS:-}; do
    case $flag in
      -Dzookeeper.log.dir=* | -Dzookeeper.root.logger=*) ;; # for the start script and its logger
      -Dzookeeper.*=*) echo "${flag#-Dzookeeper.}" ;;
    esac
  done
} | grep -vE '^[[:space:]]*(secureClientPort|ssl\.|authProvider\.|emulate353TTLNodes)' >"$adapted"

if [ -n "${BUNDLE:-}" ]; then server=$repository/dist/server.mjs; else server=$repository/src/server/main.ts; fi
exec "$repository/node_modules/.bin/node" "$server" "$adapted"
