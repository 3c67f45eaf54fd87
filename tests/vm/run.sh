#!/usr/bin/env bash
# The smoke set on another kind of machine: cgroup v2 only, systemd, Debian 12's own kernel 6.1 (no mounting onto
# detached trees, no lowerdir+). Needs a command that boots a virtual machine with this folder shared and runs a command
# in it as root:   BERTH_VM_COMMAND "run --share DIR -- COMMAND"; by default the script vm.sh beside the project.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../samples/setup.sh"
vm=${BERTH_VM_COMMAND:-$here/../shared/vm/vm.sh}
[ -x "$vm" ] || { echo "SKIPPED: no virtual machine: $vm is not there"; exit 77; }
build_berth

# The machine's image need not have the libraries that the programs were built with: they come along, but for libc's own.
libraries=$build/vm-libraries
rm -rf "$libraries" && mkdir -p "$libraries"
opened_at_run_time=$(ldconfig -p | awk '/x86-64/ && /lib(archive|curl|nftables)\.so\.[0-9]+ / {print $NF}')
# shellcheck disable=SC2086 # a list
ldd "$berth" "$build"/tests/system/cli/system_run $opened_at_run_time |
    awk '$2 == "=>" && $3 ~ /^\// && $1 !~ /^(libc|libm|libdl|libpthread|librt|libresolv)\.so/ {print $3}' | sort -u |
    xargs -r cp -L -t "$libraries"
# shellcheck disable=SC2086
cp -L $opened_at_run_time "$libraries"

# Software emulation is 20 to 70 times slower than the host: a few cases of each area.
"$vm" run --share "$here" --share "$build" --timeout "${BERTH_VM_TIMEOUT:-1500}" -- "$here/tests/vm/smoke.sh" "$build"
