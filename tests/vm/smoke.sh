#!/bin/sh
# Runs inside the virtual machine. Prints one line a case, ends with the number of failures as exit status.
build=$1
failed=0
# Not LD_LIBRARY_PATH: the monitors start berth with an environment of their own.
echo "$build/vm-libraries" >/etc/ld.so.conf.d/berth-test.conf && ldconfig
check() { # name, program, test case
    # A comma separates names on Catch2's command line.
    if "$build/tests/isolate" "$build/tests/system/cli/$2" "$(printf '%s' "$3" | sed 's/,/\\,/g')" >/tmp/out 2>&1; then echo "ok      $1"; else echo "FAILED  $1"; tail -40 /tmp/out; failed=$((failed + 1)); fi
}
uname -r
mount -t cgroup2 | head -1
check "run"            system_run            "run: output, exit codes, input, environment, working directory, user, hostname"
check "limits"         system_run            "run: limits, sysctls, ulimits and shared memory reach the container"
check "oom"            system_run            "a container that runs out of memory says so; one that is killed does not"
check "life cycle"     system_run            "a detached container: ps, stop, start, restart, rm, name conflicts"
check "pause"          system_run            "pause and unpause freeze and thaw"
check "exec"           system_exec           "exec runs inside: same namespaces, policy, exit code, input"
check "policy"         system_security       "the default policy: capabilities, seccomp, masks, devices (S01-S03, S26, S41)"
check "network"        system_network        "published ports: loopback, other addresses, a taken port says by whom"
check "build"          system_build          "build: every instruction of a usual Dockerfile"
check "compose"        system_compose        "up, ps, ls, exec, logs, top, stop, start, down: the life of a stack"
check "health"         system_compose_health "a chain of healthy conditions starts in order"
check "leaks"          system_leaks          "after down -v the host is as it was before: links, firewall, mounts, cgroups, processes, both roots"
exit "$failed"
