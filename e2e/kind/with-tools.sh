#!/bin/bash
# Runs a command as the end-to-end tests need it: kubectl and kind of the cluster's version on PATH, CONTEXT set.
# Usage: [CONTEXT=name] with-tools.sh COMMAND [ARGUMENT...]
source "$(dirname "$0")/lib.sh"
export CONTEXT=${CONTEXT:-kind-$cluster}
exec "$@"
