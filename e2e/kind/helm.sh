#!/bin/bash
# Puts helm into the cache, and the CRDs of the Prometheus operator, for the tests of the chart. Compiling Helm takes about two
# minutes on 2 cores from nothing.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/go.sh"
here=$project/e2e/kind/helm
prometheus_operator=github.com/prometheus-operator/prometheus-operator@v0.85.0
exclusively helm
recipe=$(content_hash "$project/e2e/kind/helm.sh" "$here/go.sum")
[ "$(cat "$cache/helm.recipe" 2>/dev/null)" = "$recipe" ] && [ -x "$cache/bin/helm" ] && exit 0
need_go

step "compiling helm"
(cd "$here" && CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" go build -ldflags "-s -w" -o "$cache/bin/helm" helm.sh/helm/v3/cmd/helm) ||
  die "helm could not be compiled." "The lines above say why."

# A module's zip holds more than Go: these are what `kubectl apply` gives a cluster before the Prometheus operator.
sources=$(cd "$here" && go mod download -json "$prometheus_operator" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
rm -rf "$cache/prometheus-crds"
mkdir -p "$cache/prometheus-crds"
cp "$sources"/example/prometheus-operator-crd/monitoring.coreos.com_{podmonitors,prometheusrules}.yaml "$cache/prometheus-crds/" ||
  die "$prometheus_operator could not be fetched, or holds no CRDs."
echo "$recipe" >"$cache/helm.recipe"
