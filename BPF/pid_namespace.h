/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Who runs, by the numbers of the pid namespace that the profiler itself runs in. The helper for that (Linux 5.7) knows
 * only tasks of the very same namespace, not those of namespaces in it, as pods are where a node is a container: so what
 * the kernel keeps of a pid is read itself, at places that were measured at start.
 */
#ifndef OTELCOL_PID_NAMESPACE_H
#define OTELCOL_PID_NAMESPACE_H

#include "helpers.h"

/* struct upid, include/linux/pid.h. */
struct number_in_namespace {
    s32 number;
    u32 unused;
    u64 namespace;
};

/* 0: the task has no number in the profiler's namespace. */
static __always_inline u32 number_of_task(u64 task) {
    u64 pid = 0;
    u32 level = 0;
    struct number_in_namespace number = {};
    if (read_kernel(&pid, sizeof pid, task + settings.thread_pid_offset) || !pid)
        return 0;
    if (read_kernel(&level, sizeof level, pid + settings.pid_level_offset) || level < settings.pid_level)
        return 0;
    if (settings.pid_translation == PID_TRANSLATION_EXACT && level != settings.pid_level)
        return 0;
    u64 place = pid + settings.pid_numbers_offset + (u64)settings.pid_level * sizeof number;
    if (read_kernel(&number, sizeof number, place) || number.namespace != settings.pid_namespace)
        return 0;
    return number.number;
}

/* As bpf_get_current_pid_tgid: the process's number << 32 | the thread's. 0: outside of the profiler's namespace. */
static __always_inline u64 present_pid_tgid(void) {
    if (settings.pid_translation == PID_TRANSLATION_NONE)
        return bpf_get_current_pid_tgid();
    u64 task = bpf_get_current_task();
    u64 leader = 0;
    if (read_kernel(&leader, sizeof leader, task + settings.group_leader_offset))
        return 0;
    u64 pid = number_of_task(leader);
    u64 tid = number_of_task(task);
    return pid && tid ? pid << 32 | tid : 0;
}

#endif
