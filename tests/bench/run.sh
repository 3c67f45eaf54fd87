#!/usr/bin/env bash
# The table of promises, measured: ours and whichever of docker and podman answer, in one run.
#   tests/bench/run.sh [RUNS] [WORD]
# Peers elsewhere: BENCH_DOCKER, BENCH_PODMAN, BENCH_PODMAN_COMPOSE ("wrapper exec docker"), BENCH_PEER_ROOT (their "/").
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../samples/setup.sh"
need_root "$@"
build_berth berth berth-monitor berth_bench bench_payload
exec "$build/bench/berth_bench" "$berth" "$build/bench/bench_payload" "$@"
