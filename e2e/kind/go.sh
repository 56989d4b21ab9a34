# Sourced by the scripts that compile Go: finds or installs a Go that is new enough for node/go.mod.
# shellcheck shell=bash

need_go() {
  local module wanted have files
  module=$(dirname "${BASH_SOURCE[0]}")/node
  wanted=$(awk '$1 == "go" {print $2}' "$module/go.mod")
  [ ! -x /usr/local/go/bin/go ] || PATH=$PATH:/usr/local/go/bin
  need_packages go=golang-go
  # From 1.21 on, Go itself fetches the toolchain that go.mod asks for.
  export GOTOOLCHAIN=auto
  have=$(cd / && go env GOVERSION)
  if ! printf '1.21\n%s\n' "${have#go}" | sort -CV; then
    say "$have is too old: getting go$wanted from Go's module proxy"
    files=$(go env GOMODCACHE)/golang.org/toolchain@v0.0.1-go$wanted.linux-$(go env GOARCH)
    [ -d "$files" ] || (cd / && go mod download "golang.org/toolchain@v0.0.1-go$wanted.linux-$(go env GOARCH)") ||
      die "Go $wanted could not be fetched." "Install Go 1.21 or newer (https://go.dev/dl) and run this again."
    # A module's files are never executable; those of a toolchain have to be.
    chmod -R u+w,+x "$files/bin" "$files/pkg/tool"
    PATH=$files/bin:$PATH
    # Go 1.21's own setting, which the older one would not know; the one fetched is the one wanted.
    export GOTOOLCHAIN=local
  fi
}
