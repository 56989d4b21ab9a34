#!/bin/bash
# Builds zabkeeper-e2e-s3:dev, the S3 server that backups are tested against: versitygw, one static program on files.
# Compiling it takes about three minutes on 2 cores, once. Usage: build-s3-image.sh
source "$(dirname "$0")/lib.sh"
source "$(dirname "$0")/go.sh"
image=zabkeeper-e2e-s3:dev
here=$project/e2e/kind/s3
"$project/e2e/kind/docker-engine.sh"
exclusively s3-image
recipe=$(content_hash "$project/e2e/kind/build-s3-image.sh" "$here/go.sum")
[ "$(docker image inspect -f '{{index .Config.Labels "recipe"}}' "$image" 2>/dev/null)" != "$recipe" ] || exit 0
step "image $image"

need_go
work=$cache/s3-image
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
(cd "$here" && CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false" go build -ldflags "-s -w" -o "$work/versitygw" github.com/versity/versitygw/cmd/versitygw) ||
  die "versitygw could not be compiled." "The lines above say why."
tar -C "$work" -c versitygw | docker import --change "LABEL recipe=$recipe" --change 'USER 65532:65532' \
  --change 'ENTRYPOINT ["/versitygw"]' - "$image" >/dev/null
