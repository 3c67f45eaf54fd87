#!/usr/bin/env bash
# Our `config` against an installed Docker Compose, over a folder of compose files (see README.md).
#   tests/conformance/run.sh FOLDER [--docker PROGRAM]
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../samples/setup.sh"
build_berth berth conformance
exec "$build/conformance/conformance" "$@"
