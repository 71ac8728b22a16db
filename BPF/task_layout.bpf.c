/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Measures, instead of assuming, where a task keeps its user registers: differs by kernel version and configuration,
 * and kernels without BTF do not tell.
 */
#include "maps.h"

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, struct task_layout);
} task_layouts SEC(".maps");

enum {
    TASK_WORDS_SEARCHED = 1024,
    LARGEST_KERNEL_STACK = 65536,
};

/* Arguments: struct pt_regs *, system call number (include/trace/events/syscalls.h). */
SEC("raw_tracepoint/sys_enter")
int measure_task_layout(struct bpf_raw_tracepoint_args *context) {
    u32 zero = 0;
    struct task_layout *layout = bpf_map_lookup_elem(&task_layouts, &zero);
    if (!layout || layout->pid == 0 || layout->pid != bpf_get_current_pid_tgid() >> 32)
        return 0;
    u64 registers = context->args[0];
    u64 task = bpf_get_current_task();
    for (u32 index = 0; index < TASK_WORDS_SEARCHED; index++) {
        u64 value = 0;
        if (read_kernel(&value, sizeof value, task + index * sizeof value))
            break;
        if ((value & 4095) == 0 && value < registers && registers - value < LARGEST_KERNEL_STACK) {
            layout->task_stack_offset = index * sizeof value;
            layout->stack_registers_offset = registers - value;
            layout->pid = 0;
            break;
        }
    }
    return 0;
}

LICENSE;
