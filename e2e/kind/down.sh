#!/bin/bash
# `make down`: removes what `make up` made: the kind cluster and its context (with CONTEXT=name: the ensemble, the operator and
# the CRDs from that cluster), the images, and the Docker engine if `make up` started it. What took long to compile stays.
source "$(dirname "$0")/lib.sh"
if [ -n "${CONTEXT:-}" ]; then
  kubectl() { command kubectl --context "$CONTEXT" "$@"; }
  step "removing the ensemble, the operator and the CRDs from '$CONTEXT'"
  # In this order: the operator has to see the ensembles go, to finish what it has to do for them.
  kubectl delete cc --all --all-namespaces --ignore-not-found --timeout=120s 2>/dev/null || ! kubectl get crd coordinationclusters.zabkeeper.dev >/dev/null 2>&1
  kubectl delete -k "$project/config/default" --ignore-not-found --timeout=120s
fi
! command -v docker >/dev/null || may_use_docker
if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
  if [ -z "${CONTEXT:-}" ] && [ -x "$cache/bin/kind" ]; then
    step "removing the cluster '$cluster'"
    kind delete cluster --name "$cluster" 2>&1 | sed 's/^/    /'
    [ -n "$(kind get clusters -q)" ] || docker network rm kind >/dev/null 2>&1 || true
  fi
  images=$(docker images -q --filter 'reference=zabkeeper*:dev' --filter 'reference=zabkeeper:previous')
  # shellcheck disable=SC2086 # one image id a word
  [ -z "$images" ] || { step "removing the images" && docker rmi -f $images >/dev/null; }
  "$project/e2e/kind/docker-engine.sh" stop
fi
rm -rf "$project/dist" "$project/.cache/previous"
say "kept, so that the next make up is quick: $cache (make clean removes it)"
