#!/bin/bash
# Builds a kind node image from compiled programs and Debian's packages, where no registry of images can be reached.
# Usage: build-image.sh TAG BINARIES WORK. WORK keeps the root file system for the next time.
source "$(dirname "$0")/../lib.sh"
source "$(dirname "$0")/../go.sh"
source "$(dirname "$0")/../debian.sh"
tag=$1
bin=$(cd "$2" && pwd)
work=$(mkdir -p "$3" && cd "$3" && pwd)
cd "$(dirname "$0")"
kubernetes=$("$bin/kubeadm" version -o short)
need_go
kind_files=$(go list -m -f '{{.Dir}}' sigs.k8s.io/kind)/images/base/files
root=$work/rootfs
packages=systemd,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,pigz,e2fsprogs,bash,ca-certificates
packages+=,jq,procps,runc,hostname,busybox-static

# kind's own files, as in its images/base/Dockerfile.
add_kind_files() {
  local to=$1
  install -m755 -D -t "$to/usr/local/bin" "$kind_files"/usr/local/bin/*
  install -m755 -D -t "$to/kind/bin" "$kind_files"/kind/bin/*
  install -m644 -D -t "$to/etc" "$kind_files/etc/crictl.yaml"
  install -m644 -D -t "$to/etc/containerd" "$kind_files/etc/containerd/config.toml"
  install -m644 -D -t "$to/etc/default" "$kind_files/etc/default/kubelet"
  install -m644 -D -t "$to/etc/sysctl.d" "$kind_files"/etc/sysctl.d/*
  install -m644 -D -t "$to/etc/systemd/system" \
    "$kind_files"/etc/systemd/system/{kubelet.slice,undo-mount-hacks.service,containerd.service,kubelet.service}
  install -m644 -D -t "$to/etc/systemd/system/kubelet.service.d" "$kind_files"/etc/systemd/system/kubelet.service.d/*
  # No fuse-overlayfs here; limits and OOM scores stay within what a machine without CAP_SYS_RESOURCE allows.
  sed -i '/fuse-overlayfs/d;/^\[proxy_plugins/d;/^  type = "snapshot"$/d;s/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' \
    "$to/etc/containerd/config.toml"
  sed -i '/^Limit.*=infinity/d;/^OOMScoreAdjust/d' "$to/etc/systemd/system/containerd.service"
  rm -f "$to"/lib/systemd/system/{multi-user,local-fs,basic}.target.wants/* "$to"/etc/systemd/system/*.wants/* \
    "$to"/lib/systemd/system/sockets.target.wants/*{udev,initctl}* \
    "$to"/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
  echo ReadKMsg=no >>"$to/etc/systemd/journald.conf"
  ln -sf /usr/lib/systemd/systemd "$to/sbin/init"
  chroot "$to" systemctl -q enable kubelet.service containerd.service undo-mount-hacks.service
  chroot "$to" systemctl -q mask systemd-binfmt.service
  mkdir -p "$to/etc/kubernetes/manifests"
}

add_programs() {
  local to=$1
  install -m755 -t "$to/usr/local/bin" "$bin"/{containerd,ctr,containerd-shim-runc-v2}
  install -m755 -t "$to/usr/bin" "$bin"/{kubeadm,kubelet,kubectl}
  install -m755 -D -t "$to/opt/cni/bin" "$bin"/{bridge,loopback,portmap,host-local}
  install -m644 -D -t "$to/kind/manifests" manifests/*.yaml
  chroot "$to" sh -c 'ctr oci spec | jq '\''.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)'\' \
    >"$work/cri-base.json"
  install -m644 "$work/cri-base.json" "$to/etc/containerd/cri-base.json"
  echo "$kubernetes" >"$to/kind/version"
}

# image TAG ENTRYPOINT DEST=SOURCE...: an image of a few files and nothing else
images=()
image() {
  local name=$1 entrypoint=$2 files pair changes=(--change 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin')
  shift 2
  [ -z "$entrypoint" ] || changes+=(--change "ENTRYPOINT [\"$entrypoint\"]")
  files=$(mktemp -d)
  chmod 755 "$files"
  for pair in "$@"; do install -m755 -D "${pair#*=}" "$files${pair%%=*}"; done
  tar -C "$files" -c . | docker import "${changes[@]}" - "$name" >/dev/null
  rm -rf "$files"
  images+=("$name")
}

build_images() {
  local list nft_files=() busybox_node_routes busybox_helper name file
  list=$("$bin/kubeadm" config images list --kubernetes-version "$kubernetes" 2>/dev/null)
  while read -r file; do nft_files+=("$file=$root$file"); done < <(chroot "$root" ldd /usr/sbin/nft | grep -oE '/[^ ]+')
  busybox() { printf "/bin/%s=$root/bin/busybox\n" "$@"; }
  mapfile -t busybox_node_routes < <(busybox sh ip sleep cat)
  mapfile -t busybox_helper < <(busybox sh mkdir rm chmod)

  for name in kube-apiserver kube-controller-manager kube-scheduler; do
    image "registry.k8s.io/$name:$kubernetes" "" "/usr/local/bin/$name=$bin/$name"
  done
  # kube-proxy in nftables mode needs nft and the names of protocols. Without these nft lists a Service's element with 6 for tcp; a
  # full synchronization takes it for another one and deletes it, and the node's Services are gone until the next.
  image "registry.k8s.io/kube-proxy:$kubernetes" "" "/usr/local/bin/kube-proxy=$bin/kube-proxy" "/usr/sbin/nft=$root/usr/sbin/nft" \
    "${nft_files[@]}" /etc/protocols=protocols
  docker run --rm --network none --cap-add NET_ADMIN "${images[-1]}" \
    nft -j 'add table ip t; add set ip t s { type inet_proto; elements = { tcp } }; list set ip t s' | grep -q '"elem": \["tcp"\]' ||
    die "nft in kube-proxy's image does not know protocols by name: kube-proxy would lose the Services."
  image "$(grep /etcd: <<<"$list")" "" "/usr/local/bin/etcd=$bin/etcd"
  image "$(grep /coredns: <<<"$list")" /coredns "/coredns=$bin/coredns"
  # The tag that kind's containerd configuration names.
  image "$(grep -oE 'registry.k8s.io/pause:[0-9.]+' "$root/etc/containerd/config.toml")" /pause "/pause=$bin/pause"
  image docker.io/kindest/local-path-provisioner:local "" "/usr/local/bin/local-path-provisioner=$bin/local-path-provisioner"
  image docker.io/kindest/local-path-helper:local "" "${busybox_helper[@]}"
  image docker.io/kindest/node-routes:local /usr/local/bin/node-routes \
    "/usr/local/bin/node-routes=node-routes.sh" "/usr/local/bin/kubectl=$bin/kubectl" "${busybox_node_routes[@]}"
}

# The node image is the root file system with the images in its containerd.
commit_node_image() {
  local builder=zabkeeper-node-build
  tar -C "$root" -c . | docker import --change 'ENV container=docker' - zabkeeper-node-base:build >/dev/null
  docker rm -f "$builder" >/dev/null 2>&1 || true
  docker run -d --name "$builder" --privileged --network none --entrypoint sleep zabkeeper-node-base:build infinity >/dev/null
  docker exec -d "$builder" containerd
  docker exec "$builder" bash -c 'for _ in $(seq 150); do ctr version >/dev/null 2>&1 && exit; sleep 0.2; done; exit 1'
  docker save "${images[@]}" | docker exec -i "$builder" \
    ctr -n k8s.io images import --label=io.cri-containerd.pinned=pinned --all-platforms --no-unpack --digests - >/dev/null
  docker exec "$builder" bash -c 'pkill containerd; while pgrep -x containerd >/dev/null; do sleep 0.1; done'
  docker commit --change 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]' "$builder" "$tag" >/dev/null
  docker rm -f "$builder" >/dev/null
  docker rmi "${images[@]}" zabkeeper-node-base:build >/dev/null 2>&1 || true
}

if [ ! -d "$root" ]; then
  say "installing Debian $release for the nodes"
  rm -rf "$root.unfinished"
  debian_root "$root.unfinished" "$packages" "$work/debootstrap.log"
  add_kind_files "$root.unfinished"
  mv "$root.unfinished" "$root"
fi
add_programs "$root"
say "building the images that the nodes run"
build_images
say "putting them into the node image"
commit_node_image
