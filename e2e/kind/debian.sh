# Sourced by the scripts that make a root file system of Debian's packages.
# shellcheck shell=bash
release=bookworm

debian_root() { # debian_root DIRECTORY PACKAGE,PACKAGE... LOG
  local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  [ "$(id -u)" = 0 ] || die "making a root file system with debootstrap takes root." "Run this again as root."
  need_packages debootstrap=debootstrap
  [ -f "$keyring" ] || install_packages debian-archive-keyring
  debootstrap --variant=minbase --include="$2" --keyring="$keyring" "$release" "$1" >"$3" 2>&1 ||
    die "debootstrap could not install Debian $release." "$(tail -3 "$3")" "The whole log: $3"
  rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/* "$1"/usr/share/{doc,locale,man}
}
