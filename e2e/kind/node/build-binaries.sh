#!/bin/bash
# Compiles the programs of a kind node from this Go module. Usage: build-binaries.sh OUT
# About 11 minutes on 2 cores from nothing, seconds from Go's build cache; an interrupted run goes on where it was.
source "$(dirname "$0")/../lib.sh"
source "$(dirname "$0")/../go.sh"
need_go
out=$1
mkdir -p "$out"
cd "$(dirname "$0")"
kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
containerd=$(go list -m -f '{{.Version}}' github.com/containerd/containerd/v2)
minor=${kubernetes#v1.} minor=${minor%%.*}
version=k8s.io/component-base/version
export CGO_ENABLED=0 GOFLAGS="-mod=mod -trimpath -buildvcs=false"
tags=no_aufs,no_zfs,no_btrfs,no_devmapper
link="-s -w -X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$minor -X $version.gitTreeState=clean"
link+=" -X github.com/containerd/containerd/v2/version.Version=$containerd"
programs=(
  k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kube-proxy,kubelet,kubeadm,kubectl}
  github.com/containerd/containerd/v2/cmd/{containerd,ctr,containerd-shim-runc-v2}
  github.com/containernetworking/plugins/plugins/{main/bridge,main/loopback,meta/portmap,ipam/host-local}
  sigs.k8s.io/kind ./coredns ./pause
)

say "downloading the Go modules of Kubernetes $kubernetes, containerd $containerd and the rest"
total=$(go list -tags "$tags" -deps "${programs[@]}" | wc -l)
say "compiling $total packages (what Go has in its cache is not compiled again)"
# -v names each package when it has been compiled: enough for a line of progress every 20 seconds.
go build -v -tags "$tags" -ldflags "$link" -o "$out/" "${programs[@]}" 2>&1 | awk -v total="$total" '
  BEGIN { systime_start = last = systime() }
  /^[a-z0-9.]+\/[^ ]*$|^[a-z]+$/ { done++; if (systime() - last >= 20) { last = systime(); printf "    %d compiled, %d min\n", done, (last - systime_start) / 60; fflush() } next }
  !/^go: / { print; fflush() }'
# Apart from the rest: two spellings of one of its imports collide within a single build.
go build -ldflags "-s -w" -o "$out/local-path-provisioner" github.com/rancher/local-path-provisioner
go build -ldflags "-s -w" -o "$out/etcd" go.etcd.io/etcd/server/v3
