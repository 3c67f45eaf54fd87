#!/usr/bin/env bash
# The smoke set on another kind of machine: cgroup v2 only, systemd, Debian 12's own kernel 6.1 (no mounting onto
# detached trees, no lowerdir+). Needs a command that boots a virtual machine with this folder shared and runs a command
# in it as root:   BERTH_VM_COMMAND "run --share DIR -- COMMAND"; by default the script vm.sh beside the project.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../samples/setup.sh"
vm=${BERTH_VM_COMMAND:-$here/../shared/vm/vm.sh}
[ -x "$vm" ] || { echo "SKIPPED: no virtual machine: $vm is not there"; exit 77; }
build_berth
# Software emulation is 20 to 70 times slower than the host: a few cases of each area.
"$vm" run --share "$here" --share "$build" --timeout "${BERTH_VM_TIMEOUT:-1500}" -- "$here/tests/vm/smoke.sh" "$build"
