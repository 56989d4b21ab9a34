#!/bin/bash
# Makes sure of a Kubernetes cluster to work on: the one that CONTEXT names, or a kind cluster of one control plane and three
# workers. Usage: [CONTEXT=name] cluster.sh
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/go.sh"
here=$project/e2e/kind

use_existing() {
  need_kubectl
  kubectl config get-contexts "$CONTEXT" >/dev/null 2>&1 ||
    die "no context '$CONTEXT' in the kubeconfig." "There are: $(kubectl config get-contexts -o name | tr '\n' ' ')"
  kubectl --context "$CONTEXT" get --raw /readyz --request-timeout=15s >/dev/null ||
    die "the cluster of context '$CONTEXT' does not answer." "Try: kubectl --context $CONTEXT get nodes"
}

# kubectl on the machine will do for a cluster that is there already; where there is none, it is compiled.
need_kubectl() {
  command -v kubectl >/dev/null && return
  compile kubectl k8s.io/kubernetes/cmd/kubectl
}

compile() { # compile PROGRAM PACKAGE: one program of the node's Go module, into the cache
  step "compiling $1"
  need_go
  (cd "$here/node" && CGO_ENABLED=0 GOFLAGS="-mod=mod -trimpath -buildvcs=false" go build -ldflags "-s -w" -o "$cache/bin/$1" "$2")
}

healthy() { # healthy SECONDS: all four nodes become Ready within that time
  [ "$(kubectl --context "$context" get nodes --request-timeout=5s -o name 2>/dev/null | wc -l)" = 4 ] &&
    kubectl --context "$context" wait --for=condition=Ready nodes --all --timeout="$1s" >/dev/null 2>&1
}

# Whether the published image can be had is known within a second or two; a network that swallows packets gets ten.
published_image_reachable() { timeout 10 docker manifest inspect "$1" >/dev/null 2>&1; }

# `go list` alone names no folder for a module that was never downloaded.
kind_sources() {
  (cd "$here/node" && go mod download sigs.k8s.io/kind && go list -mod=mod -m -f '{{.Dir}}' sigs.k8s.io/kind)
}

get_node_image() { # sets node_image; puts kind and kubectl into the cache
  local built published recipe sources
  recipe=$(find "$here/node" -type f ! -name '*.md' | sort)
  # shellcheck disable=SC2086 # a list of files without blanks
  built=zabkeeper-node:$(content_hash $recipe)
  if ! docker image inspect "$built" >/dev/null 2>&1 || [ ! -x "$cache/bin/kind" ]; then
    need_go
    sources=$(kind_sources) # apart from what uses it, so that its failure ends this
    published=$(sed -n 's/^const Image = "\(.*\)"/\1/p' "$sources/pkg/apis/config/defaults/image.go")
    if docker image inspect "$published" >/dev/null 2>&1 || published_image_reachable "$published"; then
      node_image=$published
      docker image inspect "$published" >/dev/null 2>&1 || { step "pulling $published" && docker pull "$published"; }
      [ -x "$cache/bin/kind" ] || compile kind sigs.k8s.io/kind
      take_kubectl "$published"
      return
    fi
    step "the published node image is out of reach: building one (up to 15 minutes the first time)"
    "$here"/node/build-binaries.sh "$cache/node/bin"
    ln -sf "$cache/node/bin/kind" "$cache/node/bin/kubectl" "$cache/bin/"
    "$here"/node/build-image.sh "$built" "$cache/node/bin" "$cache/node"
    # What earlier recipes made is of no more use.
    docker images --format '{{.Repository}}:{{.Tag}}' zabkeeper-node | { grep -vx "$built" || true; } | xargs -r docker rmi >/dev/null 2>&1 || true
  fi
  node_image=$built
}

take_kubectl() { # out of a node image, where it has exactly the cluster's version
  local container
  container=$(docker create "$1")
  docker cp -q "$container:/usr/bin/kubectl" "$cache/bin/kubectl" 2>/dev/null || docker cp "$container:/usr/bin/kubectl" "$cache/bin/kubectl"
  docker rm "$container" >/dev/null
}

# Four nodes on one machine have many file watchers; the usual limit of 128 is too low for them.
raise_inotify_limit() {
  local file=/proc/sys/fs/inotify/max_user_instances
  [ "$(cat "$file")" -ge 512 ] || echo 512 2>/dev/null >"$file" || say "if pods fail with 'too many open files': sudo sysctl fs.inotify.max_user_instances=512"
}

if [ -n "${CONTEXT:-}" ]; then
  use_existing
  exit 0
fi
context=kind-$cluster
"$here/docker-engine.sh"
exclusively cluster
nodes=$(docker ps -aq --filter "label=io.x-k8s.kind.cluster=$cluster")
if [ -n "$nodes" ] && [ -x "$cache/bin/kind" ]; then
  kubectl config get-contexts "$context" >/dev/null 2>&1 || kind export kubeconfig --name "$cluster" >/dev/null 2>&1 || true
  stopped=$(docker ps -aq --filter "label=io.x-k8s.kind.cluster=$cluster" --filter status=exited)
  if [ -n "$stopped" ]; then
    step "starting the nodes of the cluster '$cluster' again"
    # shellcheck disable=SC2086 # one container id a word
    docker start $stopped >/dev/null
    for _ in $(seq 60); do kubectl --context "$context" get --raw /readyz --request-timeout=2s >/dev/null 2>&1 && break; sleep 1; done
  fi
  healthy 90 && exit 0
  step "the cluster '$cluster' is not whole (an interrupted run?): making it anew"
  kind delete cluster --name "$cluster"
fi
get_node_image
raise_inotify_limit
step "cluster '$cluster': one control plane, three workers"
kind create cluster --name "$cluster" --image "$node_image" --config "$here/cluster.yaml" --wait 180s 2>&1 |
  tee "$cache/kind.log" | { grep --line-buffered '✓' || true; } || {
  grep -v '✓' "$cache/kind.log" >&2
  die "kind could not make the cluster." "Its words are above and in $cache/kind.log; run this again when it is put right."
}
healthy 120 || die "the nodes of the cluster did not become Ready." "Look: kubectl --context $context describe nodes"
