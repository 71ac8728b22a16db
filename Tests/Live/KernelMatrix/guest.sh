# Runs in a guest of the kernel matrix: otelcol with what the kernel offers, and on old kernels once more as on one of the
# 5.4 age; there `doctor` says too whether the kernel takes all unwinders. What was written goes out over the console. Then,
# on x86_64, as a user with some of root's capabilities.

second_cpu=/sys/devices/system/cpu/cpu1/online
status=0

# Both ways to hand samples over are tried on old kernels only, where both are real, and so is a CPU that goes offline and
# comes back: that takes long in an emulated machine, and nothing in it depends on the version.
case $(uname -r) in
5.*) is_old=1 ;;
*) is_old=0 ;;
esac

# Marks what happened for the checker, with the time in seconds since 1970.
mark() { echo "@@MARK $1 $(date +%s)"; }

# Takes the second CPU on, off, on, and away for less than a look at the list of CPUs takes.
plug() { # name
    echo 1 >$second_cpu
    mark "$1:online"
    sleep 8
    echo 0 >$second_cpu
    mark "$1:offline"
    sleep 5
    echo 1 >$second_cpu
    mark "$1:online"
    sleep 8
    echo 0 >$second_cpu
    echo 1 >$second_cpu
    mark "$1:blink"
    sleep 9
}

profile() { # name, whether a CPU goes offline and comes back, what starts the program
    rm -f /tmp/profiles.json /tmp/log
    [ $2 = 0 ] || echo 0 >$second_cpu
    mark "$1:start"
    ${3:-} /otelcol --config /profile.yml --feature-gates=service.profilesSupport >/tmp/log 2>&1 &
    program=$!
    for _ in $(seq 120); do
        sleep 1
        if grep -q chain_inner /tmp/profiles.json 2>/dev/null || ! kill -0 $program 2>/dev/null; then break; fi
    done
    if [ $2 = 1 ]; then
        plug "$1"
    else
        mark "$1:online"
        sleep 8
    fi
    mark "$1:end"
    kill -TERM $program
    wait $program || status=1
    echo "@@LOG $1"
    cat /tmp/log
    echo "@@PROFILES $1"
    gzip -c /tmp/profiles.json | base64
    echo "@@END"
}

/chain 3600 &
/chain 3600 &
profile new 0
if [ $is_old = 1 ]; then
    # An emulated machine verifies all unwinders for minutes: only what asks more of the verifier, the old way.
    export OTELCOL_BPF_LEGACY=1
    profile old 1
    /otelcol doctor >/tmp/doctor 2>&1
    echo "@@DOCTOR old"
    cat /tmp/doctor
    echo "@@END"
fi

# Without one of its capabilities it ends with 1, and says which. The checker knows which must be missed.
without() { # left out, those that are there
    /as "$2" /otelcol --config /profile.yml --feature-gates=service.profilesSupport >/tmp/log 2>&1 &
    program=$!
    for _ in $(seq 60); do
        kill -0 $program 2>/dev/null || break
        sleep 1
    done
    kill -TERM $program 2>/dev/null
    wait $program
    echo "@@WITHOUT $1 exit $?"
    cat /tmp/log
    echo "@@END"
}

if [ "$(uname -m)" = x86_64 ]; then
    unset OTELCOL_BPF_LEGACY
    chmod 1777 /tmp
    rm -f /tmp/profiles.json
    others=checkpoint_restore,dac_read_search,syslog
    # Maps count as locked memory until 5.10.
    [ $is_old = 0 ] || others=$others,sys_resource
    # Debian's default level, on which its kernels do not count CAP_PERFMON; then mainline's.
    echo 3 >/proc/sys/kernel/perf_event_paranoid
    without sys_admin bpf,perfmon,sys_ptrace,$others
    echo 2 >/proc/sys/kernel/perf_event_paranoid
    profile least 0 "/as bpf,perfmon,sys_ptrace,$others"
    without bpf perfmon,sys_ptrace,$others
    without perfmon bpf,sys_ptrace,$others
    without sys_ptrace bpf,perfmon,$others
    if [ $is_old = 1 ]; then
        without sys_resource bpf,perfmon,sys_ptrace,checkpoint_restore,dac_read_search,syslog
        # Before 5.8 this one stands for those that came then.
        profile admin 0 /as\ sys_admin,sys_ptrace,dac_read_search,syslog,sys_resource
    fi
fi
exit $status
