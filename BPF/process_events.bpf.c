/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Processes that execute a new program: what is known of the old one must not be used for another sample. Raw
 * tracepoints need no tracefs. Everything else about processes comes to user space by perf's side-band events.
 */
#include "maps.h"
#include "pid_namespace.h"

SEC("raw_tracepoint/sched_process_exec")
int process_executed(void *context) {
    (void)context;
    u32 pid = present_pid_tgid() >> 32;
    if (bpf_map_delete_elem(&processes, &pid) == 0)
        count(COUNTER_PROCESSES_REPLACED, 1);
    return 0;
}

LICENSE;
