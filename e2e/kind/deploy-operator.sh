#!/bin/bash
# Applies crds/ and config/default with the image, and waits until the operator runs. Changes nothing where that is so already.
# Usage: [CONTEXT=name] [IMAGE=zabkeeper:dev] [IGNORE_NAMESPACES=name,name] deploy-operator.sh [FOLDER], of the sources in that folder
source "$(dirname "$0")/lib.sh"
context=${CONTEXT:-kind-$cluster}
image=${IMAGE:-zabkeeper:dev}
namespace=zabkeeper-system
sources=${1:-$project}
kubectl() { command kubectl --context "$context" --namespace "$namespace" "$@"; }
step "operator"

# The image's id is part of the operator's pods, so that a new build under the same name replaces them.
overlay=$cache/operator
mkdir -p "$overlay"
cat >"$overlay/kustomization.yaml" <<END
resources: ["$(realpath --relative-to="$(realpath "$overlay")" "$sources/config/default")"]
patches:
  - target: {kind: Deployment, name: zabkeeper-operator}
    patch: '[{"op": "add", "path": "/spec/template/metadata/annotations", "value": {"zabkeeper.dev/image-id": "$(docker image inspect -f '{{.Id}}' "$image")"}}]'
END
[ -z "${IGNORE_NAMESPACES:-}" ] || cat >>"$overlay/kustomization.yaml" <<END
  - target: {kind: Deployment, name: zabkeeper-operator}
    patch: '[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "IGNORE_NAMESPACES", "value": "$IGNORE_NAMESPACES"}}]'
END
{
  # What somebody changed by hand in the operator's own objects is put back.
  kubectl kustomize "$overlay" | sed "s#zabkeeper:dev#$image#" | kubectl apply --server-side --force-conflicts -f - &&
    kubectl wait --for=condition=Established --timeout=30s crd/coordinationclusters.zabkeeper.dev crd/coordinationbackups.zabkeeper.dev crd/coordinationbackupschedules.zabkeeper.dev
} >"$cache/deploy.log" 2>&1 || {
  cat "$cache/deploy.log" >&2
  die "the cluster of context '$context' did not accept the operator's manifests (above)."
}
kubectl rollout status deployment zabkeeper-operator --timeout=180s | uniq | sed 's/^/    /' || {
  kubectl get pods,events >&2
  die "the operator does not come up." "Look: kubectl --context $context -n $namespace logs deployment/zabkeeper-operator"
}
