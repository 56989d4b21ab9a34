#!/bin/bash
# Compiles helm-template into the cache, for the test of the chart. About a minute and a half on 2 cores from nothing.
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/go.sh"
here=$project/e2e/kind/helm
exclusively helm-template
version=$(content_hash "$here/main.go" "$here/go.sum")
[ "$(cat "$cache/bin/helm-template.version" 2>/dev/null)" = "$version" ] && [ -x "$cache/bin/helm-template" ] && exit 0
step "compiling helm-template"
need_go
(cd "$here" && CGO_ENABLED=0 GOFLAGS="-mod=mod -trimpath -buildvcs=false" go build -ldflags "-s -w" -o "$cache/bin/helm-template" .) ||
  die "helm-template could not be compiled."
echo "$version" >"$cache/bin/helm-template.version"
