/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Every struct and constant that the kernel side (BPF/, C) and user space (Sources/Profiler, Swift) share. Swift imports
 * this header as the module CBPFInterface; nothing here is declared a second time anywhere.
 *
 * Address words: a *process address* is what the CPU uses; an *ELF address* is the address inside an executable as its
 * program headers state it. ELF address = process address - bias of the mapping.
 */
#ifndef OTELCOL_ABI_H
#define OTELCOL_ABI_H

#ifdef __bpf__
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;
#else
#include <stdint.h>
typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64; /* as in BPF, so that one printf format and one Swift type (UInt64) serve */
typedef int32_t s32;
typedef long long s64;
#endif

/* ---- Limits ------------------------------------------------------------------------------------------------------ */

enum {
    ABI_MAX_KERNEL_FRAMES = 127, /* PERF_MAX_STACK_DEPTH, include/uapi/linux/perf_event.h */
    ABI_MAX_USER_FRAMES = 1024,
    /* One native frame takes 2 words, runtime frames up to 15. */
    ABI_TRACE_WORDS = 3072,
    ABI_COMM_LENGTH = 16, /* TASK_COMM_LEN, include/linux/sched.h */
    ABI_REGISTER_COUNT = 34,
    /* Stack bytes copied at most with a trace that cannot be unwound yet: the rest of the stack pointer's page and four
     * more. */
    ABI_STACK_SNAPSHOT_BYTES = 20480,
    /* A snapshot begins this far below the stack pointer: leaf functions keep data there (System V psABI §3.2.2), and
     * after a pop the saved frame pointer still lies where the unwinding rules say. */
    ABI_RED_ZONE_BYTES = 128,
    ABI_MAX_MAPPINGS_PER_PROCESS = 4096,
    ABI_MAX_UNWIND_RULES = 16384,
    ABI_MAX_EXCLUDED_GROUPS = 1024,
    /* Rules that each CPU remembers; a power of two. 64 KiB a CPU. */
    ABI_CACHED_RULES = 2048,
};

/* ---- Registers --------------------------------------------------------------------------------------------------- */

/* A register file is u64[ABI_REGISTER_COUNT], indexed by DWARF register number.
 * x86_64 (System V psABI, figure 3.36): 0 rax 1 rdx 2 rcx 3 rbx 4 rsi 5 rdi 6 rbp 7 rsp 8..15 r8..r15 16 rip.
 * arm64 (AADWARF64): 0..30 x0..x30, 31 sp, 32 pc. */
enum {
    X86_RAX = 0, X86_RDX = 1, X86_RCX = 2, X86_RBX = 3, X86_RSI = 4, X86_RDI = 5, X86_RBP = 6, X86_RSP = 7,
    X86_R8 = 8, X86_R9 = 9, X86_R10 = 10, X86_R11 = 11, X86_R12 = 12, X86_R13 = 13, X86_R14 = 14, X86_R15 = 15,
    X86_RIP = 16,
    ARM64_FP = 29, ARM64_LR = 30, ARM64_SP = 31, ARM64_PC = 32,
};

/* ---- Unwinding tables -------------------------------------------------------------------------------------------- */

/* How to find the caller's frame at a program counter. CFA is the canonical frame address (DWARF 5 §6.4.1);
 * `*x` is the 8-byte word of process memory at x. After a step: SP = CFA unless stated. */
enum unwind_kind {
    /* No rule: unwinding fails here. */
    UNWIND_INVALID = 0,
    /* The root of the stack: nothing called this code. */
    UNWIND_END_OF_STACK = 1,
    /* CFA = cfa_register + cfa_offset, then the return address and FP by the fields below. */
    UNWIND_CFA = 2,
    /* CFA = *(cfa_register + cfa_offset) + cfa_added. */
    UNWIND_CFA_DEREFERENCED = 3,
    /* {FP, PC} = {*FP, *(FP + 8)}, CFA = FP + 16. */
    UNWIND_FRAME_POINTER = 4,
    /* Procedure linkage table of x86_64: CFA = RSP + 8 + ((RIP & 15) >= cfa_added ? 8 : 0), PC = *(CFA - 8). */
    UNWIND_PLT = 5,
    /* A signal handler's trampoline: all registers are restored from the ucontext on the stack. */
    UNWIND_SIGNAL = 6,
    /* Code of Go's that changes stacks, see BPF/go_stacks.h: SP is that of the other stack first, then as UNWIND_CFA.
     * Where it is looked up in the goroutine, `cfa_added` is the distance of the goroutine's address from the thread
     * pointer, 0: it is in a register (arm64), and stack_words[0] is the offset of `curg` in the thread's `m`. */
    UNWIND_GO_FIRST = 7,
    UNWIND_GO_SYSTEM_STACK = 7, /* from the system stack to the goroutine's, which waits */
    UNWIND_GO_MORE_STACK = 8,   /* the same; the goroutine goes on where it asked for a larger stack */
    UNWIND_GO_C_CALL = 9,       /* from C: the goroutine and the depth in its stack lie at stack_words[0] and [1] of SP */
    UNWIND_GO_CALLBACK = 10,    /* from the goroutine's stack to the system stack, which C called Go on */
    UNWIND_GO_KEPT_STACK = 11,  /* the frame pointer kept where the frame is */
    UNWIND_GO_LAST = 11,
};

enum unwind_return_address {
    UNWIND_RA_ON_STACK = 0,    /* PC = *(CFA + return_address_offset) */
    UNWIND_RA_IN_REGISTER = 1, /* PC = return_address_register */
};

enum unwind_frame_pointer {
    UNWIND_FP_UNCHANGED = 0,
    UNWIND_FP_ON_STACK = 1,  /* FP = *(CFA + frame_pointer_offset) */
    UNWIND_FP_FROM_FP = 2,   /* FP = *(FP + frame_pointer_offset) */
    UNWIND_FP_UNDEFINED = 3, /* unknown from here on */
};

/* Value of the map unwind_rules; the key is the rule number of a row. */
struct unwind_rule {
    u8 kind;                    /* enum unwind_kind */
    u8 cfa_register;            /* register number */
    u8 return_address;          /* enum unwind_return_address */
    u8 return_address_register; /* register number */
    u8 frame_pointer;           /* enum unwind_frame_pointer */
    u8 stack_words[2];          /* offsets in words of 8 bytes */
    u8 reserved;
    s32 cfa_offset;
    s32 cfa_added;
    s32 return_address_offset;
    s32 frame_pointer_offset;
};

/* Rules that have the same number everywhere. */
enum {
    UNWIND_RULE_INVALID = 0,
    UNWIND_RULE_END_OF_STACK = 1,
    UNWIND_RULE_FRAME_POINTER = 2,
    UNWIND_RULE_PLT = 3,
    UNWIND_RULE_SIGNAL = 4,
    UNWIND_RULE_FIRST_FREE = 5,
};

/* The table arena holds all unwinding tables as 4-byte words in blocks of 1024 (4 KiB), 64 blocks a chunk.
 * Map table_chunks: array of maps, each an array of blocks. Word number w lies in chunk w >> 16, block
 * (w >> 10) & 63, word w & 1023.
 *
 * A *row* is one word: low 16 bits the offset of an instruction from its page's start, high 16 bits the rule number.
 * The rule holds from that offset to the next row's. The rows of one page are sorted, lie in one block, and the first
 * has offset 0.
 *
 * A *page* covers 2^page_shift bytes of ELF addresses. Its record is two words: the arena word number of its first row,
 * and (rule << 16 | row_count); with row_count 0 the whole page follows `rule` and the first word is unused. The two
 * words of a record lie in one block. */
enum {
    TABLE_BLOCK_WORDS = 1024,
    TABLE_BLOCKS_PER_CHUNK = 64,
    TABLE_MAX_CHUNKS = 1024,
    TABLE_MAX_ROWS_PER_PAGE = 1023,
    TABLE_MIN_PAGE_SHIFT = 10,
    TABLE_MAX_PAGE_SHIFT = 16,
};

struct table_block {
    u32 words[TABLE_BLOCK_WORDS];
};

/* ELF addresses. */
struct code_range {
    u64 start;
    u64 length; /* in bytes; 0: no code */
};

/* Where a Go program keeps the labels of the goroutine that a thread runs, see BPF/go_labels.h. */
struct go_labels {
    s32 goroutine;  /* distance of the goroutine's address from the thread pointer; 0: in a register (arm64) */
    u16 current;    /* offset of m.curg */
    u16 labels;     /* offset of g.labels, a multiple of 8, and enum go_label_form; 0: not known */
};

enum go_label_form {
    GO_LABELS_IN_MAP = 0,   /* a map of Go's as it was until 1.23 */
    GO_LABELS_IN_SLICE = 1, /* pairs of strings */
};

/* Of a goroutine's labels so many are reported, cut at so many bytes. */
enum {
    GO_LABELS_AT_MOST = 10,
    GO_LABEL_KEY_BYTES = 32,
    GO_LABEL_VALUE_BYTES = 64,
    GO_LABEL_WORDS = 1 + (GO_LABEL_KEY_BYTES + GO_LABEL_VALUE_BYTES) / 8,
};

enum executable_state {
    EXECUTABLE_UNKNOWN = 0,     /* no such executable: an empty slot */
    EXECUTABLE_TABLE_PENDING = 1, /* being read: take a stack snapshot */
    EXECUTABLE_HAS_TABLE = 2,
    EXECUTABLE_WITHOUT_TABLE = 3, /* nothing to unwind by but frame pointers */
};

/* Value of the array map executables; the index is the executable's number, 0 is never used. Programs read `state`
 * first: a record with a table is written twice, the first time as pending. */
struct executable {
    u8 state;                 /* enum executable_state */
    u8 page_shift;
    u8 unwinder;              /* enum unwinder of the runtime that this executable holds; 0: none */
    u8 reserved;
    u32 table;                /* names the table, and no other one before or after it; 0: none */
    u64 first_page_address;   /* ELF address where page 0 starts */
    u32 page_records_word;    /* arena word number of page 0's record; records of one executable are contiguous */
    u32 page_count;
    /* The code of the runtime's interpreter loop, which compilers may split in a hot and a cold part. */
    struct code_range loop[2];
    struct go_labels go;
};

/* A rule that was looked up. What `table` names never changes, so that an entry holds for ever. */
struct cached_rule {
    u32 table;    /* 0: an empty entry */
    u32 distance; /* ELF address - first_page_address */
    struct unwind_rule rule;
};

/* Element of the array map mappings. The mappings of one process are contiguous and sorted by start. */
enum mapping_kind {
    MAPPING_FILE = 0,
    MAPPING_VDSO = 1,
    MAPPING_ANONYMOUS = 2, /* executable memory without a file: code made at run time */
};

struct mapping {
    u64 start;      /* process address */
    u64 end;        /* process address, exclusive */
    u64 bias;       /* ELF address = process address - bias */
    u32 executable; /* 0 for MAPPING_ANONYMOUS */
    u8 kind;        /* enum mapping_kind */
    u8 unwinder;    /* enum unwinder that starts at an address in this mapping: a runtime's, which made the code */
    u8 reserved[2];
};

/* Value of the hash map processes, key u32 pid (thread group id in the initial pid namespace). */
struct process {
    u32 first_mapping; /* index into the map mappings */
    u32 mapping_count;
    u32 flags;         /* enum process_flag */
    /* Bit n stands for enum unwinder n: runtimes whose facts of this process are in their map, and those that could not
     * be inspected. */
    u32 runtimes;
    u32 refused_runtimes;
    /* One sample in so many is taken, by chance, and weighs as many; 0 and 1: all are. */
    u32 one_in;
    u64 not_before_nanoseconds; /* CLOCK_MONOTONIC: samples before that are not taken */
};

enum process_flag {
    /* Addresses without a mapping were met again and again: another one is not worth a snapshot. */
    PROCESS_MAPPINGS_CONFIRMED = 1,
    /* The configuration leaves it out: no samples are taken of it. */
    PROCESS_EXCLUDED = 2,
};

/* ---- Unwinders: slots of the program array `unwinders` ------------------------------------------------------------ */

enum unwinder {
    UNWINDER_FINISH = 0, /* sends the trace */
    UNWINDER_NATIVE = 1,
    /* Those of runtimes, each in its own object, which is loaded when the first process needs it. */
    UNWINDER_FIRST_RUNTIME = 2,
    UNWINDER_PYTHON = 2,
    UNWINDER_RUBY = 3,
    UNWINDER_PHP = 4,
    UNWINDER_PERL = 5,
    UNWINDER_JVM = 6,
    UNWINDER_V8 = 7,
    UNWINDER_DOTNET = 8,
    UNWINDER_BEAM = 9,
    UNWINDER_COUNT = 16,
};

/* ---- Stop reasons ------------------------------------------------------------------------------------------------ */

/* Why the unwinding of a trace ended. Numbers are stable: users see them. X(number, NAME, "metric name", "sentence") */
#define STOP_REASONS(X)                                                                                                \
    X(0, NONE, "none", "not ended")                                                                                    \
    X(1, ROOT, "root", "the thread's root was reached")                                                                \
    X(2, KERNEL_THREAD, "kernel_thread", "a kernel thread has no user stack")                                          \
    X(3, TRUNCATED_FRAMES, "truncated_frames", "the stack has more frames than a trace holds")                         \
    X(4, TRUNCATED_SNAPSHOT, "truncated_snapshot", "the stack is longer than the snapshot taken of it")                \
    X(5, UNKNOWN_PROCESS, "unknown_process", "the process was not yet known")                                          \
    X(6, NO_MAPPING, "no_mapping", "no executable mapping at this address")                                            \
    X(7, TABLE_PENDING, "table_pending", "the executable's unwinding table was still being read")                      \
    X(8, NO_RULE, "no_rule", "the unwinding table has no rule for this address")                                       \
    X(9, STACK_UNREADABLE, "stack_unreadable", "the stack could not be read")                                          \
    X(10, NO_PROGRESS, "no_progress", "the caller's frame is not above its callee's")                                  \
    X(11, SCRATCH_REGISTER, "scratch_register", "the rule needs a register whose value is lost")                       \
    X(12, ZERO_PC, "zero_pc", "the return address is zero")                                                            \
    X(13, KERNEL_PC, "kernel_pc", "the return address lies in the kernel's half")                                      \
    X(14, NO_USER_REGISTERS, "no_user_registers", "the user registers could not be found")                             \
    X(15, COMPAT_TASK, "compat_task", "32-bit processes are not unwound")                                              \
    X(16, FRAME_POINTER_CHAIN_END, "frame_pointer_chain_end", "code without a table, and its frame pointers end here") \
    X(17, TAIL_CALL_FAILED, "tail_call_failed", "an unwinding program could not be called")                            \
    X(18, TABLE_CORRUPT, "table_corrupt", "the unwinding table's words are out of range")                              \
    X(19, PROCESS_GONE, "process_gone", "the process ended before it could be inspected")                              \
    X(20, OUTSIDE_NAMESPACE, "outside_namespace", "the process is not in the profiler's pid namespace")                \
    /* Found out in user space, by the kernel's functions above: */                                                    \
    X(21, EXECUTING, "executing", "a program was being started: it has no stack yet")                                  \
    X(22, ENDING, "ending", "the process was ending: its stack is gone")

enum stop_reason {
#define X(number, name, metric, sentence) STOP_##name = number,
    STOP_REASONS(X)
#undef X
    STOP_REASON_COUNT
};

/* ---- Records to user space ---------------------------------------------------------------------------------------- */

enum record_kind {
    RECORD_TRACE = 1,
    /* The stack could not be unwound yet: registers and a copy of the stack follow, see struct stack_snapshot. */
    RECORD_STACK_SNAPSHOT = 2,
};

enum trace_origin {
    ORIGIN_ON_CPU = 0,
    ORIGIN_OFF_CPU = 1,
    ORIGIN_PROBE = 2,
};

enum trace_flag {
    /* The sample interrupted kernel code. */
    TRACE_IN_KERNEL = 1,
    /* The thread was in a system call, so the first user address is a return address. */
    TRACE_IN_SYSTEM_CALL = 2,
    /* The task has no number in the profiler's pid namespace: pid and tid are 0. */
    TRACE_OUTSIDE_NAMESPACE = 4,
};

/* Start of every record. For RECORD_TRACE follow word_count words: kernel_frame_count raw kernel addresses, leaf first,
 * then the user frames, leaf first. For RECORD_STACK_SNAPSHOT follow kernel_frame_count raw kernel addresses, then
 * struct stack_snapshot. */
struct trace_header {
    u32 kind; /* enum record_kind */
    u32 pid;
    u32 tid;
    u32 cpu;
    u64 time_nanoseconds; /* CLOCK_MONOTONIC */
    u64 value;            /* nanoseconds for ORIGIN_OFF_CPU, else 0 */
    u64 cgroup_id;        /* cgroup v2, 0 when unknown */
    char comm[ABI_COMM_LENGTH];
    u16 origin;      /* enum trace_origin */
    u16 flags;       /* enum trace_flag */
    u16 stop_reason; /* enum stop_reason */
    u16 kernel_frame_count;
    u16 user_frame_count;
    u16 word_count;
    u32 pending_executable; /* with STOP_TABLE_PENDING: the number of the one whose table is needed */
    u32 weight;             /* how many samples it stands for; at least 1 */
    /* Behind the frames' words of a RECORD_TRACE follow so many labels of the goroutine, GO_LABEL_WORDS words each: lengths
     * in bytes of key | value << 32, then the key's bytes and the value's, cut where they are longer. */
    u32 label_count;
};

/* A user frame: header word, then payload words.
 * header = kind << 56 | flags << 48 | words_including_header << 40 | data (40 bits) */
enum frame_kind {
    /* data = executable number, 0 for memory without a file. Word 1: ELF address, or process address where data is 0. */
    FRAME_NATIVE = 1,
    /* No frame, but a place where some are missing: data = enum frame_marker. */
    FRAME_MARKER = 2,
    /* Frames of runtimes: data = the number of the attachment, which stands for one runtime in one life of a process. */
    /* Word 1: code object. Word 2: instruction << 32 | checksum of the code object, see runtimes/python.bpf.c. */
    FRAME_PYTHON = 3,
    /* Word 1: what it is, by its lowest two bits (enum ruby_frame), above them an address that is a multiple of 8.
     * Word 2: a number of 32 bits << 32 | checksum. Word 3, where known: the method entry. See runtimes/ruby.bpf.c. */
    FRAME_RUBY = 4,
    /* Word 1: name (HEK) of the subroutine, or enum perl_frame. Word 2: its package's stash; 0: the name stands alone.
     * Word 3: text of the file's name. Word 4: line << 40 | checksum of the name << 20 | checksum of the file's name, see
     * runtimes/perl.bpf.c. */
    FRAME_PERL = 6,
    /* Word 1: zend_function. Word 2: line << 32 | checksum of the function, see runtimes/php.bpf.c. */
    FRAME_PHP = 5,
    /* Word 1: what it is, by its lowest three bits (enum jvm_frame), above them an address that is a multiple of 8.
     * Word 2: a place of 32 bits << 32 | what tells it from others that lie at that address. Word 3: see enum jvm_frame. */
    FRAME_JVM = 7,
    /* Word 1: kind (enum v8_frame) << 60 | a number of 56 bits. What follows depends on the kind, see runtimes/v8.bpf.c. */
    FRAME_V8 = 8,
    /* Word 1: what it is, by its lowest two bits (enum dotnet_frame), above them an address that is a multiple of 4.
     * Word 2: offset of the instruction or return address << 32 | checksum. See runtimes/dotnet.bpf.c. */
    FRAME_DOTNET = 9,
    /* Word 1: address in compiled code. Word 2: checksum of the module << 32 | enum beam_frame. */
    FRAME_BEAM = 10,
};

/* X(number, NAME, "short name", "sentence") */
#define FRAME_MARKERS(X)                                                                                               \
    X(1, RUNTIME_PENDING, "runtime_pending", "frames of the runtime are missing: it was not yet known")                \
    X(2, RUNTIME_REFUSED, "runtime_refused", "frames of the runtime are missing: its version or state is not known")   \
    X(3, RUNTIME_UNREADABLE, "runtime_unreadable", "frames of the runtime are missing: its memory could not be read")  \
    X(4, NATIVE_MISSING, "native_missing", "native frames are missing here")

enum frame_marker {
#define X(number, name, short_name, sentence) MARKER_##name = number,
    FRAME_MARKERS(X)
#undef X
};

enum frame_flag {
    /* The address is a return address: the call lies before it. */
    FRAME_RETURN_ADDRESS = 1,
};

struct stack_snapshot {
    u64 registers[ABI_REGISTER_COUNT];
    u64 stack_bytes; /* how many bytes of the stack follow, from the stack pointer - ABI_RED_ZONE_BYTES upwards */
    u8 stack[];
};

/* ---- Settings made before load: read-only constants of the programs ------------------------------------------------ */

struct kernel_settings {
    u32 use_ring_buffer;         /* else a perf event array */
    u32 has_probe_read_user;     /* bpf_probe_read_user and _kernel, Linux 5.5 */
    u32 frames_per_call;         /* native frames unwound per program, as many as the verifier takes */
    u32 include_idle;
    s32 task_stack_offset;       /* task_struct.stack; -1: user registers of kernel-mode samples unavailable */
    s32 stack_registers_offset;  /* from the task's stack to its struct pt_regs */
    s32 thread_pointer_offset;   /* task_struct's copy of the thread pointer; -1: unknown */
    u32 pid_translation;         /* enum pid_translation */
    u64 pointer_mask;            /* arm64: which bits of a code pointer are address, not authentication code */
    /* With pid_translation, see BPF/pid_namespace.h: where the kernel keeps the numbers of a task, and which namespace's
     * are wanted. */
    s32 thread_pid_offset;       /* task_struct.thread_pid */
    s32 group_leader_offset;     /* task_struct.group_leader */
    u32 pid_level_offset;        /* struct pid.level */
    u32 pid_numbers_offset;      /* struct pid.numbers */
    u32 pid_level;               /* of the namespace, below the initial one */
    u32 excludes_groups;         /* whether control groups can be left out as a whole */
    u64 pid_namespace;           /* its address */
};

enum pid_translation {
    PID_TRANSLATION_NONE = 0,
    PID_TRANSLATION_EXACT = 1,     /* of tasks in the profiler's own pid namespace */
    PID_TRANSLATION_RECURSIVE = 2, /* of those in namespaces below it too */
};

/* Result of the program that measures the offsets above. */
struct task_layout {
    u32 is_wanted; /* in: 1; out: 0 when done */
    s32 task_stack_offset;
    s32 stack_registers_offset;
    s32 thread_pointer_offset;
    u64 thread_pointer; /* in: that thread's */
    u64 cookie;         /* in: the first argument of the system calls to look at: it tells ours from others', in any
                         * pid namespace */
    u32 next_word;      /* of the task, where the next system call's search begins */
    u32 reserved;
};
/* Words of the task that are searched in one system call, and in all. */
enum { TASK_WORDS_AT_ONCE = 256, TASK_WORDS = 2048 };

/* A look at kernel memory, done at a system call of ours. */
enum { KERNEL_PEEK_BYTES = 512 };

struct kernel_peek {
    u64 cookie;    /* in: as in struct task_layout; out: 0 when done */
    u64 address;   /* in */
    u64 task;      /* out: the calling thread's struct task_struct */
    u64 pid_tgid;  /* out: its numbers in the initial pid namespace */
    u32 has_failed; /* out: not all of it is readable */
    u32 reserved;
    u8 bytes[KERNEL_PEEK_BYTES];
};

/* ---- Runtimes ----------------------------------------------------------------------------------------------------- */

#include "runtimes_abi.h"

/* ---- Counters: per-CPU array `counters` ---------------------------------------------------------------------------- */

/* X(number, NAME, "metric name", "sentence") */
#define COUNTERS(X)                                                                                                    \
    X(0, SAMPLES, "samples", "samples taken")                                                                          \
    X(1, IDLE_SAMPLES, "samples.idle", "samples of the idle task, not reported")                                       \
    X(2, OUTPUT_FAILED, "output.failed", "records that found no room in the buffer to user space")                     \
    X(3, SNAPSHOTS, "snapshots", "stacks copied because they could not be unwound yet")                                \
    X(4, USER_FRAMES, "frames.user", "user frames unwound")                                                            \
    X(5, KERNEL_FRAMES, "frames.kernel", "kernel frames")                                                              \
    X(6, PROCESSES_REPLACED, "processes.replaced", "known processes that executed a new program")                      \
    X(7, RUNTIME_FRAMES, "frames.runtime", "frames of managed runtimes")                                               \
    X(8, RUNTIME_UNREADABLE, "runtime.unreadable", "chains of runtime frames that could not be read to their end")     \
    X(9, EXCLUDED_SAMPLES, "samples.excluded", "samples not taken of processes that the configuration leaves out")     \
    X(10, THINNED_SAMPLES, "samples.thinned", "samples not taken, for which others weigh more")                        \
    X(11, YOUNG_SAMPLES, "samples.young", "samples not taken of processes that had just been started")

enum counter {
#define X(number, name, metric, sentence) COUNTER_##name = number,
    COUNTERS(X)
#undef X
    COUNTER_COUNT = 16,
    /* Stop reasons are counted behind the counters proper. */
    COUNTER_STOP_REASONS = 16,
    COUNTER_TOTAL = COUNTER_STOP_REASONS + STOP_REASON_COUNT
};

#ifndef __bpf__
static inline const char *stop_reason_name(u32 reason) {
    switch (reason) {
#define X(number, name, metric, sentence) case number: return metric;
        STOP_REASONS(X)
#undef X
    default: return "unknown";
    }
}
static inline const char *stop_reason_sentence(u32 reason) {
    switch (reason) {
#define X(number, name, metric, sentence) case number: return sentence;
        STOP_REASONS(X)
#undef X
    default: return "unknown";
    }
}
static inline const char *frame_marker_name(u32 marker) {
    switch (marker) {
#define X(number, name, short_name, sentence) case number: return short_name;
        FRAME_MARKERS(X)
#undef X
    default: return "unknown";
    }
}
static inline const char *frame_marker_sentence(u32 marker) {
    switch (marker) {
#define X(number, name, short_name, sentence) case number: return sentence;
        FRAME_MARKERS(X)
#undef X
    default: return "frames are missing here";
    }
}
static inline const char *counter_name(u32 counter) {
    switch (counter) {
#define X(number, name, metric, sentence) case number: return metric;
        COUNTERS(X)
#undef X
    default: return 0;
    }
}
#endif

#endif
