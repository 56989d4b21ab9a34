#!/bin/bash
# Builds zabkeeper:previous, the version that upgrades are tested from, out of this repository's history; its manifests are then in
# .cache/previous. It calls itself 0.1.0-previous, since a revision between two releases has the number of the one before it, and
# is built with the packages that are installed now. Usage: previous-version.sh
source "$(dirname "$0")/lib.sh"
# A state of main in which everything was green. Take a later one when a version is released, so that the step stays the one that users make.
revision=3bcafbd8995a3e40c07a8b70c706efe8d6d54be6
sources=$project/.cache/previous
exclusively previous-version

has_revision() { git -C "$project" cat-file -e "$revision^{commit}"; }
is_shallow() { [ "$(git -C "$project" rev-parse --is-shallow-repository 2>/dev/null)" = true ]; }

extract() {
  local said
  has_revision 2>/dev/null || ! is_shallow || { say "getting the history that this shallow clone lacks" && git -C "$project" fetch -q --unshallow; } || true
  said=$(has_revision 2>&1) ||
    die "the version before this one cannot be built: revision $revision is not in this clone." "git says: ${said:-nothing}" \
      "A shallow clone has no history, and this one could not get it; try: git fetch --unshallow" \
      "Where there is no .git at all, clone the repository: the tests of upgrades need its history."
  rm -rf "$sources"
  mkdir -p "$sources"
  git -C "$project" archive "$revision" src crds config Dockerfile .dockerignore package.json | tar -xC "$sources"
  sed -i "s/^export const VERSION = '.*'/export const VERSION = '0.1.0-previous'/" "$sources/src/server/version.ts"
  echo "$revision" >"$sources/revision"
}

[ "$(cat "$sources/revision" 2>/dev/null)" = "$revision" ] || extract
IMAGE=zabkeeper:previous "$project/e2e/kind/build-image.sh" "$sources"
