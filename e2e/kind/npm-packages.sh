#!/bin/bash
# Installs the packages of package-lock.json. Any Node from 18 on will do for that: the project's own is one of the packages.
source "$(dirname "$0")/lib.sh"
step "npm packages"
need_packages node=nodejs npm=npm
cd "$project"
# npm ci empties the directory first; through a link that would be somebody else's.
[ ! -L node_modules ] || die "node_modules is a link, which npm would empty where it leads." "Remove it (rm node_modules) and run this again."
npm ci --no-audit --no-fund --loglevel=error || die "npm could not install the packages of package-lock.json." \
  "The lines above say why; most often the package registry cannot be reached (npm config get registry)."
node_modules/.bin/node --version >/dev/null 2>&1 || die "the npm package 'node' is there, but its program is not." \
  "Its install script must be allowed to run: npm config get ignore-scripts must say false."
touch node_modules/.package-lock.json
