#!/bin/bash
# Builds the image of the project, or of other sources that lie in it. Usage: [IMAGE=zabkeeper:dev] build-image.sh [FOLDER]
source "$(dirname "$0")/lib.sh"
image=${IMAGE:-zabkeeper:dev}
sources=$(realpath "${1:-$project}")
published_base=node:26-bookworm-slim
here=$project/e2e/kind
"$here/docker-engine.sh"
exclusively image
cd "$project"

choose_base() { # sets base
  base=zabkeeper-base:$(content_hash "$here/build-base-image.sh" node_modules/node/package.json)
  docker image inspect "$base" >/dev/null 2>&1 && return
  if docker image inspect "$published_base" >/dev/null 2>&1 || timeout 10 docker manifest inspect "$published_base" >/dev/null 2>&1; then
    base=$published_base
    return
  fi
  step "base image (the published one is out of reach)"
  command -v apt-get dpkg-deb >/dev/null || die "no base for the image: $published_base cannot be pulled, and this is not Debian or Ubuntu." \
    "Give the machine a way to a registry of images, or pull $published_base elsewhere and docker load it here."
  "$here/build-base-image.sh" "$base"
}

choose_base
before=$(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null || true)
PATH=$project/node_modules/.bin:$PATH node "$sources/src/build.ts"
docker build -q -t "$image" --build-arg "BASE=$base" "$sources" >/dev/null 2>"$cache/image.log" || {
  cat "$cache/image.log" >&2
  die "docker could not build $image."
}
after=$(docker image inspect -f '{{.Id}} {{.Size}}' "$image")
[ "${after% *}" != "$before" ] || exit 0
step "image $image: $((${after#* } / 1000000)) MB on $base"
[ -z "$before" ] || docker rmi "$before" >/dev/null 2>&1 || true # the build before this one, which has no name any more
