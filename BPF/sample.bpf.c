/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Where a sample enters (a perf event's timer fired), and where its trace leaves for user space.
 */
#include "go_labels.h"
#include "pid_namespace.h"

/* Registers of user code as the kernel saves them. The macros take either the context's registers, which the verifier
 * lets be read by words at constant offsets only, or a copy of those on the kernel stack. */
#if defined(__TARGET_ARCH_x86)
typedef struct pt_regs saved_registers;
#define USER_PART(saved) (saved)
#define IS_USER_MODE(saved) (((saved)->cs & 3) == 3)
#define IS_COMPAT_TASK(saved) ((saved)->cs == 0x23) /* __USER32_CS, arch/x86/include/asm/segment.h */

#define TAKE_REGISTERS(registers, saved)                                                                               \
    do {                                                                                                               \
        u64 *to = (registers);                                                                                         \
        to[X86_RAX] = (saved)->rax;                                                                                    \
        to[X86_RDX] = (saved)->rdx;                                                                                    \
        to[X86_RCX] = (saved)->rcx;                                                                                    \
        to[X86_RBX] = (saved)->rbx;                                                                                    \
        to[X86_RSI] = (saved)->rsi;                                                                                    \
        to[X86_RDI] = (saved)->rdi;                                                                                    \
        to[X86_RBP] = (saved)->rbp;                                                                                    \
        to[X86_RSP] = (saved)->rsp;                                                                                    \
        to[X86_R8] = (saved)->r8;                                                                                      \
        to[X86_R9] = (saved)->r9;                                                                                      \
        to[X86_R10] = (saved)->r10;                                                                                    \
        to[X86_R11] = (saved)->r11;                                                                                    \
        to[X86_R12] = (saved)->r12;                                                                                    \
        to[X86_R13] = (saved)->r13;                                                                                    \
        to[X86_R14] = (saved)->r14;                                                                                    \
        to[X86_R15] = (saved)->r15;                                                                                    \
        to[X86_RIP] = (saved)->rip;                                                                                    \
    } while (0)

/* Interrupts and exceptions store -1 where a system call stores its number. */
static __always_inline int is_in_system_call(const saved_registers *saved) {
    return (s64)saved->orig_rax >= 0;
}
#else
/* struct pt_regs, arch/arm64/include/asm/ptrace.h: user_pt_regs, orig_x0, syscallno. */
typedef struct {
    struct user_pt_regs user;
    u64 original_x0;
    s32 system_call;
    u32 unused;
} saved_registers;
#define USER_PART(saved) (&(saved)->user)
#define IS_USER_MODE(saved) (((saved)->pstate & 0xf) == 0)
#define IS_COMPAT_TASK(saved) (((saved)->pstate & 0x10) != 0)

#define TAKE_REGISTERS(registers, saved)                                                                               \
    do {                                                                                                               \
        u64 *to = (registers);                                                                                         \
        _Pragma("unroll") for (int index = 0; index < 31; index++) to[index] = (saved)->regs[index];                   \
        to[ARM64_SP] = (saved)->sp;                                                                                    \
        to[ARM64_PC] = code_address((saved)->pc);                                                                      \
    } while (0)

static __always_inline int is_in_system_call(const saved_registers *saved) {
    return saved->system_call >= 0;
}
#endif

static __always_inline int context_is_user_mode(struct bpf_perf_event_data *context) {
    return IS_USER_MODE(&context->regs);
}

/* Finds the registers with which the thread left user mode, or was interrupted in it. */
static __always_inline int find_user_registers(struct bpf_perf_event_data *context, struct scratch *scratch) {
    if (context_is_user_mode(context)) {
        if (IS_COMPAT_TASK(&context->regs))
            return STOP_COMPAT_TASK;
        TAKE_REGISTERS(scratch->state.registers, &context->regs);
        return STOP_NONE;
    }
    if (settings.task_stack_offset < 0)
        return STOP_NO_USER_REGISTERS;
    saved_registers saved;
    u64 stack = 0;
    u64 task = bpf_get_current_task();
    if (read_kernel(&stack, sizeof stack, task + settings.task_stack_offset))
        return STOP_NO_USER_REGISTERS;
    if (read_kernel(&saved, sizeof saved, stack + settings.stack_registers_offset))
        return STOP_NO_USER_REGISTERS;
    if (!IS_USER_MODE(USER_PART(&saved)))
        return STOP_KERNEL_THREAD;
    if (IS_COMPAT_TASK(USER_PART(&saved)))
        return STOP_COMPAT_TASK;
    if (is_in_system_call(&saved))
        scratch->header.flags |= TRACE_IN_SYSTEM_CALL;
    TAKE_REGISTERS(scratch->state.registers, USER_PART(&saved));
    return STOP_NONE;
}

SEC("perf_event")
int sample(struct bpf_perf_event_data *context) {
    int is_idle = bpf_get_current_pid_tgid() >> 32 == 0;
    if (is_idle && !settings.include_idle) {
        count(COUNTER_IDLE_SAMPLES, 1);
        return 0;
    }
    u64 pid_tgid = is_idle ? 0 : present_pid_tgid();
    u32 pid = pid_tgid >> 32;
    u64 now = bpf_ktime_get_ns();
    u32 weight = 1;
    const struct process *process = pid ? find_process(pid) : 0;
    if (process) {
        if (process->flags & PROCESS_EXCLUDED) {
            count(COUNTER_EXCLUDED_SAMPLES, 1);
            return 0;
        }
        if (now < process->not_before_nanoseconds) {
            count(COUNTER_YOUNG_SAMPLES, 1);
            return 0;
        }
        if (process->one_in > 1) {
            weight = process->one_in;
            if (bpf_get_prandom_u32() % weight) {
                count(COUNTER_THINNED_SAMPLES, 1);
                return 0;
            }
        }
    } else if (settings.excludes_groups && pid && is_excluded_group(bpf_get_current_cgroup_id())) {
        count(COUNTER_EXCLUDED_SAMPLES, 1);
        return 0;
    }
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    count(COUNTER_SAMPLES, 1);

    struct trace_header *header = &scratch->header;
    header->kind = RECORD_TRACE;
    header->pid = pid;
    header->tid = (u32)pid_tgid;
    header->cpu = bpf_get_smp_processor_id();
    header->time_nanoseconds = now;
    header->value = 0;
    header->cgroup_id = bpf_get_current_cgroup_id();
    header->origin = ORIGIN_ON_CPU;
    header->flags = pid || is_idle ? 0 : TRACE_OUTSIDE_NAMESPACE;
    header->stop_reason = STOP_NONE;
    header->kernel_frame_count = 0;
    header->user_frame_count = 0;
    header->word_count = 0;
    header->pending_executable = 0;
    header->weight = weight;
    header->label_count = 0;
    scratch->state.go.labels = 0;
    bpf_get_current_comm(header->comm, sizeof header->comm);

    if (!context_is_user_mode(context)) {
        header->flags |= TRACE_IN_KERNEL;
        long bytes = bpf_get_stack(context, scratch->words, ABI_MAX_KERNEL_FRAMES * sizeof(u64), 0);
        if (bytes > 0) {
            u16 frames = bytes / sizeof(u64);
            header->kernel_frame_count = frames;
            header->word_count = frames;
        }
    }

    int stop = is_idle ? STOP_KERNEL_THREAD : find_user_registers(context, scratch);
    if (!stop && !pid)
        stop = STOP_OUTSIDE_NAMESPACE;
    if (!stop) {
        if (process) {
            begin_unwinding(scratch, process);
            TAIL_CALL(context, UNWINDER_NATIVE);
            stop = STOP_TAIL_CALL_FAILED;
        } else {
            stop = STOP_UNKNOWN_PROCESS;
        }
    }
    header->stop_reason = stop;
    TAIL_CALL(context, UNWINDER_FINISH);
    return 0;
}

static __always_inline void send_record(struct bpf_perf_event_data *context, struct scratch *scratch, u64 size,
                                        u64 wakeup) {
    long failed;
    /* The compiler knows the bound and would leave the check out; the verifier does not know it. */
    asm volatile("" : "+r"(size));
    if (size > sizeof *scratch)
        return;
    if (settings.use_ring_buffer)
        failed = bpf_ringbuf_output(&traces, scratch, size, wakeup);
    else
        failed = bpf_perf_event_output(context, &traces, BPF_F_CURRENT_CPU, scratch, size);
    if (failed)
        count(COUNTER_OUTPUT_FAILED, 1);
}

/* Copies registers and stack behind the kernel frames, in place of the user frames found so far. Returns the record's
 * size. */
static __always_inline u64 take_snapshot(struct scratch *scratch) {
    struct trace_header *header = &scratch->header;
    u32 word = header->kernel_frame_count;
    if (word > ABI_MAX_KERNEL_FRAMES)
        word = ABI_MAX_KERNEL_FRAMES;
    header->kind = RECORD_STACK_SNAPSHOT;
    header->word_count = word;
    header->user_frame_count = 0;
    struct stack_snapshot *snapshot = (struct stack_snapshot *)&scratch->words[word];
    for (int index = 0; index < ABI_REGISTER_COUNT; index++)
        snapshot->registers[index] = scratch->state.registers[index];

    /* Page by page: a read that leaves the mapped stack fails as a whole. */
    u64 stack = scratch->state.registers[REGISTER_SP] - ABI_RED_ZONE_BYTES;
    u64 copied = 4096 - (stack & 4095);
    if (copied > 4096)
        copied = 4096;
    if (read_user(snapshot->stack, copied, stack))
        copied = 0;
    else
        for (int page = 0; page < ABI_STACK_SNAPSHOT_BYTES / 4096 - 1; page++) {
            /* Before 5.10 the verifier forgets the bounds of a number that was kept on the stack: shown anew. */
            asm volatile("" : "+r"(copied));
            if (copied > ABI_STACK_SNAPSHOT_BYTES - 4096)
                break;
            if (read_user(snapshot->stack + copied, 4096, stack + copied))
                break;
            copied += 4096;
        }
    snapshot->stack_bytes = copied;
    count(COUNTER_SNAPSHOTS, 1);
    return sizeof *header + word * sizeof(u64) + sizeof *snapshot + copied;
}

SEC("perf_event")
int finish(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct trace_header *header = &scratch->header;
    u32 stop = header->stop_reason;
    count(COUNTER_USER_FRAMES, header->user_frame_count);
    count(COUNTER_KERNEL_FRAMES, header->kernel_frame_count);
    count(COUNTER_STOP_REASONS + (stop & 31), 1);

    int wants_snapshot = stop == STOP_UNKNOWN_PROCESS || stop == STOP_TABLE_PENDING ||
                         (stop == STOP_NO_MAPPING && !(scratch->state.process_flags & PROCESS_MAPPINGS_CONFIRMED));
    /* Unwinding has changed the registers: find them once more. */
    if (wants_snapshot && !find_user_registers(context, scratch)) {
        /* The snapshot may end before the frame that needs it. */
        if (stop == STOP_TABLE_PENDING)
            header->pending_executable = place_at(&scratch->state, scratch->state.place)->mapping.executable;
        u64 size = take_snapshot(scratch);
        /* The process may be short-lived: user space should look at it now. */
        send_record(context, scratch, size, BPF_RB_FORCE_WAKEUP);
    } else {
        if (scratch->state.go.labels)
            record_go_labels(scratch);
        u64 size = sizeof *header + (header->word_count + header->label_count * GO_LABEL_WORDS) * sizeof(u64);
        send_record(context, scratch, size, BPF_RB_NO_WAKEUP);
    }
    return 0;
}

LICENSE;
