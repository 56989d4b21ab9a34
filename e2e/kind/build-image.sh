#!/bin/bash
# Builds the image of the project. Usage: [IMAGE=zabkeeper:dev] build-image.sh
source "$(dirname "$0")/lib.sh"
image=${IMAGE:-zabkeeper:dev}
published_base=node:26-bookworm-slim
"$project/e2e/kind/docker-engine.sh"
exclusively image
cd "$project"

# Node and what it needs to run, on nothing: no shell, no package manager, nothing else to keep patched.
build_base() { # build_base TAG
  local root=$cache/image/root debs=$cache/image/debs
  need_packages strip=binutils
  rm -rf "$root" "$debs"
  mkdir -p "$root"/{etc/ssl/certs,usr/local/bin,tmp} "$debs"
  (cd "$debs" && apt-get download -qq libc6 libstdc++6 libgcc-s1 libatomic1 ca-certificates 2>"$cache/apt.log") ||
    (apt-get update -qq && cd "$debs" && apt-get download -qq libc6 libstdc++6 libgcc-s1 libatomic1 ca-certificates 2>"$cache/apt.log") ||
    die "neither $published_base nor Debian's packages could be downloaded." "$(tail -3 "$cache/apt.log")"
  local deb
  for deb in "$debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C "$root" -x --no-same-owner; done
  cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
  rm -rf "$root"/usr/share/{doc,locale,lintian,ca-certificates,bug,gdb,man,gcc*} "$root"/usr/{sbin,lib/*/gconv,lib/*/audit} "$root"/etc/ca-certificates
  strip -o "$root/usr/local/bin/node" "$(readlink -f node_modules/node/bin/node)"
  printf 'root:x:0:0:root:/:/sbin/nologin\nzabkeeper:x:65532:65532:zabkeeper:/data:/sbin/nologin\n' >"$root/etc/passwd"
  printf 'root:x:0:\nzabkeeper:x:65532:\n' >"$root/etc/group"
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  chmod 1777 "$root/tmp"
  tar -C "$root" --owner=0 --group=0 --numeric-owner -c . | docker import - "$1" >/dev/null
  rm -rf "$root" "$debs"
}

choose_base() { # sets base
  base=zabkeeper-base:$(content_hash "$project/e2e/kind/build-image.sh" node_modules/node/package.json)
  docker image inspect "$base" >/dev/null 2>&1 && return
  if docker image inspect "$published_base" >/dev/null 2>&1 || timeout 10 docker manifest inspect "$published_base" >/dev/null 2>&1; then
    base=$published_base
    return
  fi
  step "base image (the published one is out of reach)"
  command -v apt-get dpkg-deb >/dev/null || die "no base for the image: $published_base cannot be pulled, and this is not Debian or Ubuntu." \
    "Give the machine a way to a registry of images, or pull $published_base elsewhere and docker load it here."
  build_base "$base"
}

choose_base
before=$(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null || true)
PATH=$project/node_modules/.bin:$PATH node src/build.ts
docker build -q -t "$image" --build-arg "BASE=$base" . >/dev/null 2>"$cache/image.log" || {
  cat "$cache/image.log" >&2
  die "docker could not build $image."
}
after=$(docker image inspect -f '{{.Id}} {{.Size}}' "$image")
[ "${after% *}" != "$before" ] || exit 0
step "image $image: $((${after#* } / 1000000)) MB on $base"
[ -z "$before" ] || docker rmi "$before" >/dev/null 2>&1 || true # the build before this one, which has no name any more
