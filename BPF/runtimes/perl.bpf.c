/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * Perl 5.28 and later. What runs is a stack of contexts (PERL_CONTEXT, cop.h): subroutines, evals, loops, blocks. Each
 * has the statement (COP) at which it was entered, so that the innermost statement is PL_curcop and the others are met
 * on the way. What C code calls back gets a stack of its own: stack infos (PERL_SI) lead from the innermost to the main
 * one.
 *
 * An activation of the loop (run.c) runs the contexts up to the one that returns to no operation, or to the end of the
 * stack. It is entered by C code, with two exceptions that the contexts do not show: a stack whose C code is between
 * two calls has no activation, and an eval in a callback runs the loop once more to catch exceptions (S_docatch,
 * pp_ctl.c).
 */
#include "runtime_unwinding.h"

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1024);
    __type(key, u32);
    __type(value, struct perl_process);
} perl_processes SEC(".maps");

enum { MAX_STEPS_PER_CALL = 64 };

/* The lowest four bits of a context's type, and what the others say (cop.h). */
enum {
    CONTEXT_TYPE = 0xf,
    CONTEXT_SUB = 9,
    CONTEXT_FORMAT = 10,
    CONTEXT_EVAL = 11,
    CONTEXT_DEFER = 13,
    CONTEXT_SUB_IS_FAKE = 0x80,  /* code in a regular expression, run in the scope around it */
    CONTEXT_EVAL_IS_BLOCK = 0x40,
};
enum { STACK_MAIN = 1, STACK_SORT = 3, STACK_MULTICALL = 10 };

/* struct perl stack_info, context (with the union of its kinds at 48), cop. */
enum { STACK_CONTEXTS = 8, STACK_PREVIOUS = 16, STACK_CONTEXT = 32 };
enum { CONTEXT_OLD_COP = 16, CONTEXT_RETURN = 48 };
enum { COP_LINE = 36, COP_FILE = 48 };
/* SV heads: sv_any, reference count, sv_flags, sv_u. Bodies of GVs (namehek, stash) and CVs. */
enum { SV_ANY = 0, SV_FLAGS = 12, SV_UNION = 16, SV_BYTES = 24, SV_TYPE = 0xff, SV_GV = 9, SV_CV = 13, SV_FORMAT = 14 };
enum { GV_HAS_GP = 0x8000, GV_NAME = 32, GV_NAME_AND_STASH_BYTES = 16, GP_EGV = 56 };
enum { CV_STASH = 32, CV_NAME = 56, CV_FLAGS = 92, CV_BYTES = 96, CV_IS_NAMED = 0x8000, CV_IS_LEXICAL = 0x10000 };
enum { HEK_KEY = 8 };

static __always_inline int read_words(struct unwind_state *state, u32 size, u64 from) {
    return read_user(state->runtime_words, size, from) != 0;
}

static __always_inline u64 interpreter_word(u64 interpreter, u64 offset, int *failed) {
    u64 word = 0;
    *failed |= read_user(&word, sizeof word, interpreter + offset) != 0;
    return word;
}

/* Makes a stack the present one. */
static __always_inline int load_stack(struct unwind_state *state, u64 stack) {
    if (read_words(state, PERL_STACK_INFO_BYTES, stack))
        return 1;
    state->perl.stack_info = stack;
    state->perl.contexts = runtime_word(state, STACK_CONTEXTS);
    state->perl.previous = runtime_word(state, STACK_PREVIOUS);
    state->perl.context = (s32)runtime_half_word(state, STACK_CONTEXT);
    state->perl.has_contexts = state->perl.context >= 0;
    state->perl.is_main = state->perl.previous == 0;
    return 0;
}

/* Finds the thread's innermost stack and statement. */
static __always_inline void start_perl(struct scratch *scratch, const struct perl_process *perl) {
    struct unwind_state *state = &scratch->state;
    u64 interpreter = 0;
    int failed = 0;
    state->started_runtimes |= 1u << UNWINDER_PERL;
    state->is_in_activation = 1;
    state->perl.has_left = 0;
    state->perl.is_behind_boundary = 0;
    state->perl.environment = 0;
    if (perl->flags & PERL_HAS_INTERPRETERS) {
        if (read_thread_value(&perl->interpreter, &interpreter)) {
            abandon_runtime(scratch, UNWINDER_PERL);
            return;
        }
        if (!interpreter) {
            /* A thread that never ran Perl code. */
            leave_runtime(state, UNWINDER_PERL);
            return;
        }
    } else if (state->is_draining && scratch->header.tid != scratch->header.pid) {
        /* There is one interpreter, and nothing says that this thread runs it. */
        leave_runtime(state, UNWINDER_PERL);
        return;
    }
    u64 op = interpreter_word(interpreter, perl->op, &failed);
    u64 stack = interpreter_word(interpreter, perl->stack_info, &failed);
    state->perl.cop = interpreter_word(interpreter, perl->current_cop, &failed);
    if (perl->top_environment)
        state->perl.environment = interpreter_word(interpreter, perl->top_environment, &failed);
    if (!failed && !stack) {
        leave_runtime(state, UNWINDER_PERL);
        return;
    }
    if (failed || load_stack(state, stack)) {
        abandon_runtime(scratch, UNWINDER_PERL);
        return;
    }
    if (op)
        return;
    /* The loop leaves no operation behind: what called it is between two calls. */
    u32 type = runtime_half_word(state, perl->stack_info_type);
    if ((type == STACK_SORT || type == STACK_MULTICALL) && state->perl.has_contexts && state->perl.previous) {
        u64 outermost = state->perl.contexts;
        if (read_user(&state->perl.cop, sizeof state->perl.cop, outermost + CONTEXT_OLD_COP) ||
            load_stack(state, state->perl.previous))
            abandon_runtime(scratch, UNWINDER_PERL);
    }
}

/* Whether the activation whose native frame comes next only runs the loop again, by S_docatch: one or two native frames
 * called the activation before, and one of them has pushed an environment to jump to. */
static __always_inline int is_around_catch(struct scratch *scratch, const struct perl_process *perl) {
    struct unwind_state *state = &scratch->state;
    u64 stack_pointer = state->registers[REGISTER_SP];
    u64 below = state->perl.stack_pointer;
    int has_environment = 0;
    _Pragma("unroll") for (int step = 0; step < 4; step++) {
        u64 environment = state->perl.environment;
        if (!environment || environment >= stack_pointer)
            break;
        has_environment |= environment > below;
        state->perl.environment = 0;
        read_user(&state->perl.environment, sizeof environment, environment);
    }
    u32 frames = (u16)(scratch->header.user_frame_count - state->perl.frames);
    int has_left = state->perl.has_left;
    state->perl.stack_pointer = stack_pointer;
    /* The loop's own frame is one of them. */
    if (!has_left || frames > 3)
        return 0;
    return perl->top_environment ? has_environment : frames <= 2;
}

static __always_inline void leave_perl_activation(struct scratch *scratch) {
    scratch->state.perl.frames = scratch->header.user_frame_count;
    scratch->state.perl.has_left = 1;
    leave_activation(&scratch->state);
}

/* The program stands before an activation's native frame. */
static __always_inline void enter_perl(struct scratch *scratch, const struct perl_process *perl) {
    struct unwind_state *state = &scratch->state;
    state->is_in_activation = 1;
    state->perl.is_behind_boundary = 0;
    if (is_around_catch(scratch, perl))
        leave_perl_activation(scratch);
}

/* Checksums have PERL_CHECKSUM_BITS bits, none of which is set where nothing could be read. */
static __always_inline u64 folded(u64 sum) {
    sum ^= sum >> 40;
    sum ^= sum >> 20;
    return (sum & ((1 << PERL_CHECKSUM_BITS) - 1)) | 1;
}

/* Of a text that ends in a zero byte. What follows that byte is left out without a branch: paths through the words
 * would multiply what the verifier has to follow. */
static __always_inline u64 text_checksum(struct unwind_state *state, u64 text) {
    u32 size = 4096 - ((u32)text & 4095);
    if (size > PERL_TEXT_BYTES)
        size = PERL_TEXT_BYTES;
    __builtin_memset(state->runtime_words, 0, PERL_TEXT_BYTES);
    asm volatile("" : "+r"(size)); /* the verifier wants to see the bounds itself */
    if (size == 0 || size > PERL_TEXT_BYTES || read_user(state->runtime_words, size, text))
        return 0;
    u64 sum = 0, alive = ~0ull;
    _Pragma("nounroll") for (u32 number = 0; number < PERL_TEXT_BYTES / 8; number++) {
        u64 word = state->runtime_words[number];
        /* The highest bit of each byte that is zero; exact up to the first one. */
        u64 zeroes = (word - 0x0101010101010101ull) & ~word & 0x8080808080808080ull;
        u64 before = ((zeroes & -zeroes) >> 7) - 1;
        sum = sum * 31 + (word & before & alive);
        alive &= ((zeroes | -zeroes) >> 63) - 1;
    }
    return folded(sum);
}

/* Where the text of a file's name is that a GV stands for: its own name, behind "_<". */
static __always_inline u64 text_of_file_gv(u64 gv) {
    u64 body = 0, name = 0;
    if (!gv || read_user(&body, sizeof body, gv + SV_ANY) || read_user(&name, sizeof name, body + GV_NAME) || !name)
        return 0;
    return name + HEK_KEY + 2;
}

/* The name of a GV: where it was first made, not where it was imported to. */
static __always_inline void name_of_gv(struct unwind_state *state, u64 gv) {
    u64 egv = 0, body;
    if (!gv || read_words(state, SV_BYTES, gv))
        return;
    body = runtime_word(state, SV_ANY);
    u32 flags = runtime_half_word(state, SV_FLAGS);
    if ((flags & SV_TYPE) != SV_GV)
        return;
    if (flags & GV_HAS_GP && !read_user(&egv, sizeof egv, runtime_word(state, SV_UNION) + GP_EGV) && egv && egv != gv) {
        u64 egv_body = 0;
        if (!read_user(&egv_body, sizeof egv_body, egv + SV_ANY) && egv_body)
            body = egv_body;
    }
    u64 pair[2] = {0, 0}; /* namehek, stash */
    read_user(pair, sizeof pair, body + GV_NAME);
    state->perl.name = pair[0];
    state->perl.stash = pair[1];
}

/* The name of a CV, as caller() has it (Perl_cv_name, pad.c). */
static __always_inline void name_of_code(struct unwind_state *state, u64 code) {
    if (!code || read_words(state, SV_BYTES, code))
        return;
    u32 type = runtime_half_word(state, SV_FLAGS) & SV_TYPE;
    if (type != SV_CV && type != SV_FORMAT)
        return;
    u64 body = runtime_word(state, SV_ANY);
    if (read_words(state, CV_BYTES, body))
        return;
    u64 named = runtime_word(state, CV_NAME);
    u32 flags = runtime_half_word(state, CV_FLAGS);
    if (flags & CV_IS_NAMED) {
        state->perl.name = named;
        if (!(flags & CV_IS_LEXICAL))
            state->perl.stash = runtime_word(state, CV_STASH);
    } else {
        name_of_gv(state, named);
    }
}

/* Makes the words of the frame at the present statement; its name is there. */
static __always_inline void describe_statement(struct unwind_state *state, const struct perl_process *perl) {
    state->perl.file = 0;
    state->perl.sums = 0;
    if (state->perl.cop && !read_words(state, PERL_COP_BYTES, state->perl.cop)) {
        u64 line = runtime_half_word(state, COP_LINE);
        if (line >> 24)
            line = 0;
        state->perl.sums = line << 2 * PERL_CHECKSUM_BITS;
        state->perl.file = runtime_word(state, COP_FILE);
        if (perl->flags & PERL_FILE_IS_GV)
            state->perl.file = text_of_file_gv(state->perl.file);
    }
    if (state->perl.file)
        state->perl.sums |= text_checksum(state, state->perl.file);
    /* A HEK begins with the hash of its text, and its length. */
    u64 hash = 0;
    if (state->perl.name > PERL_FRAME_TOP_LEVEL && !read_user(&hash, sizeof hash, state->perl.name))
        state->perl.sums |= folded(hash) << PERL_CHECKSUM_BITS;
}

/* Records the frame. Returns a stop reason. */
static __always_inline int record_perl(struct scratch *scratch, u32 attachment) {
    struct unwind_state *state = &scratch->state;
    if (state->is_draining && !state->has_gap) {
        state->has_gap = 1;
        record_marker(scratch, MARKER_NATIVE_MISSING);
    }
    u32 word = scratch->header.word_count;
    if (scratch->header.user_frame_count >= ABI_MAX_USER_FRAMES || word > ABI_TRACE_WORDS - 5)
        return STOP_TRUNCATED_FRAMES;
    scratch->words[word] = (u64)FRAME_PERL << 56 | (u64)5 << 40 | attachment;
    scratch->words[word + 1] = state->perl.name;
    scratch->words[word + 2] = state->perl.stash;
    scratch->words[word + 3] = state->perl.file;
    scratch->words[word + 4] = state->perl.sums;
    scratch->header.word_count = word + 5;
    scratch->header.user_frame_count++;
    count(COUNTER_RUNTIME_FRAMES, 1);
    return STOP_NONE;
}

/* The present stack has no more contexts. Returns whether code outside of subroutines is what is left. */
static __always_inline int end_stack(struct scratch *scratch) {
    struct unwind_state *state = &scratch->state;
    int is_over = !state->is_draining && (state->perl.is_behind_boundary || state->perl.has_contexts);
    if (state->perl.is_main) {
        if (state->is_draining || !state->perl.is_behind_boundary)
            return 1;
    } else if (load_stack(state, state->perl.previous)) {
        abandon_runtime(scratch, UNWINDER_PERL);
        return 0;
    }
    if (is_over)
        leave_perl_activation(scratch);
    return 0;
}

/* Takes the next context, or the next stack. Returns whether there is a frame to record, whose name is there. */
static __always_inline int find_perl_frame(struct scratch *scratch, const struct perl_process *perl) {
    struct unwind_state *state = &scratch->state;
    state->perl.name = PERL_FRAME_TOP_LEVEL;
    state->perl.stash = 0;
    state->perl.old_cop = 0;
    state->perl.is_end = 0;
    if (state->perl.context < 0) {
        if (!end_stack(scratch))
            return 0;
        /* While the main program is compiled, no activation of the loop runs it: the root says that all is there. */
        if (state->is_draining && state->final_stop == STOP_ROOT) {
            leave_runtime(state, UNWINDER_PERL);
            return 0;
        }
        state->perl.is_end = 1;
        return 1;
    }
    u64 context = state->perl.contexts + (u64)(u32)state->perl.context * perl->context_bytes;
    if (read_words(state, PERL_CONTEXT_BYTES, context)) {
        abandon_runtime(scratch, UNWINDER_PERL);
        return 0;
    }
    u8 kind = runtime_byte(state, 0);
    u32 type = kind & CONTEXT_TYPE;
    int is_code = type == CONTEXT_SUB || type == CONTEXT_FORMAT;
    int is_eval = type == CONTEXT_EVAL && !(kind & CONTEXT_EVAL_IS_BLOCK);
    int is_frame = is_eval || (is_code && !(kind & CONTEXT_SUB_IS_FAKE));
    if (is_frame && state->perl.is_behind_boundary && !state->is_draining) {
        leave_perl_activation(scratch);
        return 0;
    }
    state->perl.context--;
    state->perl.old_cop = runtime_word(state, CONTEXT_OLD_COP);
    if (type == CONTEXT_DEFER || ((is_code || is_eval) && runtime_word(state, CONTEXT_RETURN) == 0))
        state->perl.is_behind_boundary = 1;
    if (is_code && is_frame) {
        state->perl.name = PERL_FRAME_UNNAMED;
        name_of_code(state, runtime_word(state, perl->context_code));
    }
    return is_frame;
}

/* Goes one context further, or to the next stack. Returns a stop reason. */
static __always_inline int step_perl(struct scratch *scratch, const struct perl_process *perl) {
    struct unwind_state *state = &scratch->state;
    if (!find_perl_frame(scratch, perl))
        return STOP_NONE;
    describe_statement(state, perl);
    state->perl.cop = state->perl.old_cop;
    int stop = record_perl(scratch, perl->attachment);
    if (state->perl.is_end)
        leave_runtime(state, UNWINDER_PERL);
    return stop;
}

SEC("perf_event")
int unwind_perl(struct bpf_perf_event_data *context) {
    struct scratch *scratch = scratch_record();
    if (!scratch)
        return 0;
    struct rule_cache *cache = rule_cache_of_cpu(scratch->header.cpu);
    if (!cache)
        return 0;
    struct unwind_state *state = &scratch->state;
    const struct perl_process *perl = bpf_map_lookup_elem(&perl_processes, &scratch->header.pid);
    if (!perl) {
        /* The process has just let go of it. */
        leave_runtime(state, UNWINDER_PERL);
        return go_on(context, scratch, UNWINDER_NATIVE, state->is_draining ? state->final_stop : STOP_NONE);
    }
    int stop = STOP_NONE;
    if (state->wanted_runtime == UNWINDER_PERL) {
        state->wanted_runtime = 0;
        if (!(state->started_runtimes & 1u << UNWINDER_PERL))
            start_perl(scratch, perl);
        else
            state->is_in_activation = 1;
        if (state->is_in_activation && !state->is_draining)
            enter_perl(scratch, perl);
    }
    for (u32 step = 0; step < MAX_STEPS_PER_CALL; step++) {
        if (step >= settings.frames_per_call)
            break;
        if (state->is_in_activation) {
            stop = step_perl(scratch, perl);
        } else if (state->is_draining) {
            stop = state->final_stop;
        } else {
            stop = unwind_frame(scratch, cache);
            if (stop == ENTER_RUNTIME && state->wanted_runtime == UNWINDER_PERL &&
                state->started_runtimes & 1u << UNWINDER_PERL) {
                state->wanted_runtime = 0;
                enter_perl(scratch, perl);
                stop = STOP_NONE;
            }
        }
        if (stop)
            break;
    }
    return go_on(context, scratch, UNWINDER_PERL, stop);
}

LICENSE;
