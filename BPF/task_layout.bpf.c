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

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, u32);
    __type(value, struct kernel_peek);
} kernel_peeks SEC(".maps");

enum { LARGEST_KERNEL_STACK = 65536 };

/* From struct pt_regs to the first argument of a system call: rdi, x0. */
#if defined(__TARGET_ARCH_x86)
enum { FIRST_ARGUMENT = 112 };
#else
enum { FIRST_ARGUMENT = 0 };
#endif

static __always_inline int has_argument(u64 registers, u64 cookie) {
    u64 argument = 0;
    return !read_kernel(&argument, sizeof argument, registers + FIRST_ARGUMENT) && argument == cookie;
}

/* Searches a piece of the task; all at once is too much for a verifier, which follows every path through the loop.
 * Arguments: struct pt_regs *, system call number (include/trace/events/syscalls.h). */
SEC("raw_tracepoint/sys_enter")
int measure_task_layout(struct bpf_raw_tracepoint_args *context) {
    u32 zero = 0;
    struct task_layout *layout = bpf_map_lookup_elem(&task_layouts, &zero);
    u64 registers = context->args[0];
    if (!layout || !layout->is_wanted || !has_argument(registers, layout->cookie))
        return 0;
    u64 task = bpf_get_current_task();
    u32 first = layout->next_word;
    for (u32 index = 0; index < TASK_WORDS_AT_ONCE; index++) {
        u64 value = 0;
        u64 offset = (u64)(first + index) * sizeof value;
        if (read_kernel(&value, sizeof value, task + offset)) {
            layout->is_wanted = 0;
            return 0;
        }
        if (layout->task_stack_offset < 0 && (value & 4095) == 0 && value < registers &&
            registers - value < LARGEST_KERNEL_STACK) {
            layout->task_stack_offset = offset;
            layout->stack_registers_offset = registers - value;
        }
        /* thread.fsbase (arch/x86/include/asm/processor.h), thread.uw.tp_value (arch/arm64/include/asm/processor.h). */
        if (layout->thread_pointer_offset < 0 && value == layout->thread_pointer)
            layout->thread_pointer_offset = offset;
    }
    layout->next_word = first + TASK_WORDS_AT_ONCE;
    if (layout->next_word >= TASK_WORDS)
        layout->is_wanted = 0;
    return 0;
}

/* Copies a piece of kernel memory for user space to search. */
SEC("raw_tracepoint/sys_enter")
int peek_kernel(struct bpf_raw_tracepoint_args *context) {
    u32 zero = 0;
    struct kernel_peek *peek = bpf_map_lookup_elem(&kernel_peeks, &zero);
    if (!peek || !peek->cookie || !has_argument(context->args[0], peek->cookie))
        return 0;
    peek->task = bpf_get_current_task();
    peek->pid_tgid = bpf_get_current_pid_tgid();
    peek->has_failed = read_kernel(peek->bytes, sizeof peek->bytes, peek->address) != 0;
    peek->cookie = 0;
    return 0;
}

LICENSE;
