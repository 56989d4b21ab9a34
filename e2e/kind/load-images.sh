#!/bin/bash
# Puts images of this machine's Docker engine into the nodes of the kind cluster. Usage: [CONTEXT=name] load-images.sh IMAGE...
# An image that all nodes have already is not loaded again.
source "$(dirname "$0")/lib.sh"
name=$cluster
if [ -n "${CONTEXT:-}" ]; then
  name=${CONTEXT#kind-}
  [ "$name" != "$CONTEXT" ] || exit 0 # not a kind cluster: its nodes pull (up.sh pushes)
fi

node_has() { # node_has NODE IMAGE: containerd has that tag, with the very configuration that is the image's id here
  local manifest
  manifest=$(docker exec "$1" ctr -n k8s.io images ls "name==docker.io/library/$2" 2>/dev/null | awk 'NR == 2 {print $3}')
  [ -n "$manifest" ] && docker exec "$1" ctr -n k8s.io content get "$manifest" 2>/dev/null | grep -qF "$(docker image inspect -f '{{.Id}}' "$2")"
}

# Nothing of ours runs on a control plane, where there are workers.
mapfile -t nodes < <(kind get nodes --name "$name" | grep -v 'control-plane' || kind get nodes --name "$name")
missing=()
for image in "$@"; do
  for node in "${nodes[@]}"; do
    node_has "$node" "$image" || { missing+=("$image") && break; }
  done
done
[ ${#missing[@]} -gt 0 ] || exit 0
step "loading ${missing[*]} into the nodes"
kind load docker-image --name "$name" --nodes "$(IFS=, && echo "${nodes[*]}")" "${missing[@]}" >"$cache/load.log" 2>&1 || {
  cat "$cache/load.log" >&2
  die "kind could not load the image into the nodes."
}
