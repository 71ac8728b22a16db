# Runs in a guest of the kernel matrix: otelcol twice, with what the kernel offers and as on a kernel of the 5.4 age,
# each time while a CPU goes offline and comes back. What was written goes out over the console.

second_cpu=/sys/devices/system/cpu/cpu1/online
status=0

# Marks what happened for the checker, with the time in seconds since 1970.
mark() { echo "@@MARK $1 $(date +%s)"; }

profile() { # name
    rm -f /tmp/profiles.json /tmp/log
    echo 0 >$second_cpu
    mark "$1:start"
    /otelcol --config /profile.yml --feature-gates=service.profilesSupport >/tmp/log 2>&1 &
    program=$!
    for _ in $(seq 120); do
        sleep 1
        if grep -q chain_inner /tmp/profiles.json 2>/dev/null || ! kill -0 $program 2>/dev/null; then break; fi
    done
    # Offline from the start until here.
    echo 1 >$second_cpu
    mark "$1:online"
    sleep 8
    echo 0 >$second_cpu
    mark "$1:offline"
    sleep 5
    echo 1 >$second_cpu
    mark "$1:online"
    sleep 8
    # Away for less than a look at the list of CPUs takes.
    echo 0 >$second_cpu
    echo 1 >$second_cpu
    mark "$1:blink"
    sleep 9
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
profile new
export OTELCOL_BPF_LEGACY=1
profile old
exit $status
