#!/bin/bash
# `make clean`: after `make down`, removes also what was kept to make the next `make up` quick.
source "$(dirname "$0")/lib.sh"
was_running=
! docker info >/dev/null 2>&1 || was_running=yes
"$project/e2e/kind/docker-engine.sh"
step "removing the node image and the caches"
docker images --format '{{.Repository}}:{{.Tag}}' | grep -E '^zabkeeper-(node|base):' | xargs -r docker rmi -f >/dev/null
[ -n "$was_running" ] || "$project/e2e/kind/docker-engine.sh" stop
# What Go downloads is read-only; what stays are Go's own caches (go clean -cache -modcache).
chmod -R u+w "$cache"
rm -rf "$cache" "$project/node_modules" "$project/.cache"
