#!/bin/bash
# `make up`: everything until an ensemble of three members is Ready on Kubernetes and a znode has been written and read.
# Each step looks first whether its work is done, so that an interrupted run goes on and a second one changes nothing.
# Environment: CONTEXT=name uses a cluster that exists; IMAGE=name is what its nodes pull, if they are not kind's.
source "$(dirname "$0")/lib.sh"
here=$project/e2e/kind
context=${CONTEXT:-kind-$cluster}
image=${IMAGE:-zabkeeper:dev}
operator_namespace=zabkeeper-system
ready_timeout_s=300
kubectl() { command kubectl --context "$context" --namespace default "$@"; }
trap 'echo; echo "interrupted: make up goes on from here"; exit 130' INT TERM

step "cluster"
"$here/cluster.sh"
step "image"
"$here/build-image.sh"
case $context in
  kind-*) "$here/load-images.sh" "$image" ;;
  *)
    [ -n "${IMAGE:-}" ] || die "the nodes of '$context' have to pull the image from a registry." \
      "Name one that you may push to: make up CONTEXT=$context IMAGE=registry.example/zabkeeper:dev"
    step "pushing $image"
    docker push -q "$image"
    ;;
esac

"$here/deploy-operator.sh"

step "ensemble 'example'"
kubectl apply --server-side -f "$project/config/samples/coordinationcluster.yaml" >"$cache/up.log" 2>&1 || {
  # Somebody has changed the ensemble since (kubectl edit, kubectl scale): theirs is what it should be.
  grep -q conflict "$cache/up.log" || { cat "$cache/up.log" >&2 && exit 1; }
  say "has been changed with kubectl since it was made: left as it is"
}
state=
deadline=$((SECONDS + ready_timeout_s))
summary='{.status.phase}: {.status.readiness} ready. {.status.conditions[?(@.type=="Ready")].message}'
until kubectl wait --for=condition=Ready --timeout=1s cc/example >/dev/null 2>&1; do
  now=$(kubectl get cc example -o jsonpath="$summary")
  [ "$now" = "$state" ] || [ "$now" = ':  ready. ' ] || say "$now"
  state=$now
  [ $SECONDS -lt $deadline ] || {
    kubectl get cc,pods,pvc -o wide >&2
    kubectl get events --sort-by=.lastTimestamp >&2
    die "the ensemble did not become Ready within $ready_timeout_s s." "Look: kubectl --context $context describe cc example" \
      "and: kubectl --context $context -n $operator_namespace logs deployment/zabkeeper-operator"
  }
done

step "a znode, through the Service 'example-client'"
# A Service that was made a moment ago refuses connections until every node knows what is behind it; zabctl tries again.
zabctl() { kubectl exec example-0 -c server -- zabctl --server example-client:2181 --timeout 30 "$@"; }
if ! zabctl stat /hello >"$cache/up.log" 2>&1; then
  zabctl create /hello "written by make up" >/dev/null ||
    die "the ensemble is Ready, but a znode could not be written (above)." "Look: kubectl --context $context logs example-0"
fi
say "/hello: $(zabctl get /hello)"

# A new build under the same name does not disturb an ensemble that runs.
made=$(kubectl get pod example-0 -o jsonpath='{.metadata.creationTimestamp}')
[[ $made > $(docker image inspect -f '{{.Created}}' "$image") ]] ||
  say "the members run the build before this one: kubectl rollout restart statefulset/example makes them anew, one at a time"

step "ready"
kubectl get cc
in_path=$(PATH=${PATH#"$cache/bin:"} type -P kubectl || true)
cat <<END

What to try next:
$([ -n "$in_path" ] || echo "  export PATH=$cache/bin:\$PATH        # kubectl, which this machine does not have")
  kubectl config use-context $context
  kubectl get pods,pvc,svc                      # what the operator made of the manifest
  kubectl describe cc example                   # its conditions and events
  kubectl exec example-0 -- zabctl ls /         # the tree, from inside a member; zabctl --help says more
  kubectl port-forward svc/example-client 2181  # then any ZooKeeper client of yours at localhost:2181
  kubectl delete pod example-0                  # it comes back, and nobody notices
  make down                                     # removes all of it
END
