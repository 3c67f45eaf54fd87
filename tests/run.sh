#!/usr/bin/env bash
# All tests, from a fresh Debian machine: installs what is missing, builds, runs the unit and golden tests, the system
# tests (as root, each in namespaces of its own) and the samples. Ends with one line of counts.
#
#   tests/run.sh                everything that belongs into every run
#   tests/run.sh unit           one label of ctest: unit (golden and structure too), system, recovery
#   BERTH_VM=1 tests/run.sh     also the smoke set in a virtual machine with systemd and cgroup v2 (see vm/README.md)
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../samples/setup.sh"
need_root "$@"
set_up_packages nftables iproute2 procps strace git skopeo zstd
unpack_programs docker-registry docker-registry
build_berth

results=$(mktemp)
trap 'rm -f "$results" "${log:-}"' EXIT
step "running the tests"
status=0
ctest --test-dir "$build" --output-on-failure --timeout 900 -j "$(nproc)" ${1:+-L "$1"} 2>&1 | tee "$results" || status=$?
passed=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#.* Passed ' "$results" || true)
skipped=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#.*\*\*\*Skipped' "$results" || true)
failed=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#.*\*\*\*(Failed|Timeout|Exception|Not Run)' "$results" || true)

if [ $# = 0 ] || [ "$1" = recovery ]; then
    if [ "${BERTH_STORM:-0}" = 1 ]; then
        step "killing commands at random moments"
        if "$build/tests/isolate" "$build/tests/recovery/recovery_kills" "[.storm]"; then passed=$((passed + 1)); else failed=$((failed + 1)); status=1; fi
    else
        echo "SKIPPED: commands killed at random moments (BERTH_STORM=1 runs them: other moments in every run)"
        skipped=$((skipped + 1))
    fi
fi
if [ $# = 0 ]; then
    step "running the samples"
    if "$here/tests/samples.sh"; then passed=$((passed + 1)); else failed=$((failed + 1)); status=1; fi
    if [ "${BERTH_VM:-0}" = 1 ]; then
        step "running the smoke set in the virtual machine"
        if "$here/tests/vm/run.sh"; then passed=$((passed + 1)); else failed=$((failed + 1)); status=1; fi
    else
        echo "SKIPPED: the smoke set on cgroup v2 with systemd (BERTH_VM=1 runs it; it boots a virtual machine)"
        skipped=$((skipped + 1))
    fi
fi
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
exit "$status"
