#!/bin/bash
# Builds a base for the image where no registry of images can be reached: Node, and what it needs to run, on nothing. No shell,
# no package manager, nothing else to keep patched. Usage: build-base-image.sh TAG
source "$(dirname "$0")/lib.sh"
tag=$1
root=$cache/image/root
debs=$cache/image/debs
need_packages strip=binutils
rm -rf "$root" "$debs"
mkdir -p "$root"/{etc/ssl/certs,usr/local/bin,tmp} "$debs"
download() { (cd "$debs" && apt-get download -qq libc6 libstdc++6 libgcc-s1 libatomic1 ca-certificates) 2>"$cache/apt.log"; }
# A list of packages that was never fetched, or is too old, is the usual reason for a failure.
download || { may_install && apt_get update && download; } ||
  die "Debian's packages for the image's base could not be downloaded." "$(tail -3 "$cache/apt.log")" \
    "If there is no list of packages yet: sudo apt-get update"
for deb in "$debs"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -C "$root" -x --no-same-owner; done
cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
rm -rf "$root"/usr/share/{doc,locale,lintian,ca-certificates,bug,gdb,man,gcc*} "$root"/usr/{sbin,lib/*/gconv,lib/*/audit} "$root"/etc/ca-certificates
strip -o "$root/usr/local/bin/node" "$project/node_modules/node/bin/node"
printf 'root:x:0:0:root:/:/sbin/nologin\nzabkeeper:x:65532:65532:zabkeeper:/data:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nzabkeeper:x:65532:\n' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chmod 1777 "$root/tmp"
tar -C "$root" --owner=0 --group=0 --numeric-owner -c . | docker import - "$tag" >/dev/null
rm -rf "$root" "$debs"
