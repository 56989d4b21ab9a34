#!/bin/bash
# Runs a command as the end-to-end tests need it: kubectl, kind and helm on PATH, CONTEXT and PROMETHEUS_CRDS set.
# Usage: [CONTEXT=name] with-tools.sh COMMAND [ARGUMENT...]
source "$(dirname "$0")/lib.sh"
export CONTEXT=${CONTEXT:-kind-$cluster}
export PROMETHEUS_CRDS=$cache/prometheus-crds
exec "$@"
