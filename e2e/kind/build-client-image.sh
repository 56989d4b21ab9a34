#!/bin/bash
# Builds zabkeeper-e2e-client:dev, from which the end-to-end tests talk to an ensemble: Python with kazoo.
# Usage: build-client-image.sh
source "$(dirname "$0")/lib.sh"
image=zabkeeper-e2e-client:dev
kazoo=2.11.0
published_base=python:3.13-slim-bookworm
"$project/e2e/kind/docker-engine.sh"
exclusively client-image
recipe=$(content_hash "$project/e2e/kind/build-client-image.sh")
[ "$(docker image inspect -f '{{index .Config.Labels "recipe"}}' "$image" 2>/dev/null)" != "$recipe" ] || exit 0
step "image $image"

work=$cache/client-image
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT

if docker image inspect "$published_base" >/dev/null 2>&1 || timeout 10 docker manifest inspect "$published_base" >/dev/null 2>&1; then
  printf 'FROM %s\nRUN pip install --no-cache-dir kazoo==%s\nLABEL recipe=%s\nUSER 65532:65532\nENTRYPOINT ["python3"]\n' \
    "$published_base" "$kazoo" "$recipe" | docker build -q -t "$image" - >/dev/null
  exit 0
fi

source "$project/e2e/kind/debian.sh"
need_packages pip3=python3-pip
debian_root "$work/root" python3 "$cache/client-image.log"
pip3 install -q --root-user-action=ignore --no-compile --target "$work/root/usr/lib/python3/dist-packages" "kazoo==$kazoo" ||
  die "pip could not install kazoo $kazoo." "The lines above say why."
tar -C "$work/root" -c . | docker import --change "LABEL recipe=$recipe" --change 'ENV PATH=/usr/bin:/bin' \
  --change 'USER 65532:65532' --change 'ENTRYPOINT ["python3"]' - "$image" >/dev/null
