/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The memory that a chain of programs works in: one record per CPU, too large for the 512 bytes of BPF stack.
 */
#ifndef OTELCOL_SCRATCH_H
#define OTELCOL_SCRATCH_H

#include "helpers.h"

/* A mapping and what is known of its executable. */
struct place {
    struct mapping mapping;
    struct executable executable;
};

/* Frames of a program and of the few libraries that call each other find their mappings among so many latest ones. A
 * power of two. */
enum { RECENT_PLACES = 4 };

/* Words of the stack that are read at once: most frames are small, and calling a helper costs more than copying. */
enum { STACK_WINDOW_WORDS = 32 };

enum python_walk {
    PYTHON_FRAMES = 0,
    /* Of tasks that wait for the running one: */
    PYTHON_FINDS_AWAITER = 1,    /* what waits for `task` is looked for */
    PYTHON_ENTERS_AWAITER = 2,   /* it was found, and is `task` now */
    PYTHON_GOES_INWARDS = 3,     /* its coroutines are gathered, the outermost first */
    PYTHON_RECORDS_AWAITER = 4,  /* they are recorded, the innermost first */
};

struct python_state {
    u64 frame; /* the next one */
    u64 outer; /* the youngest one of the interpreter that runs this one in the same thread */
    u64 task;       /* the running one, then one that waits for it; 0: none */
    u64 task_frame; /* the running task's outermost frame */
    u64 coroutine;  /* of an awaiter, the next one inwards; 0: there is none */
    u64 frames[PYTHON_MAX_COROUTINES]; /* of an awaiter's coroutines */
    u32 frame_count;
    u8 walk; /* enum python_walk */
    u8 awaiters_left;
    u8 unused[2];
};

struct perl_state {
    u64 stack_info;    /* the present one */
    u64 previous;      /* the one that it was pushed onto */
    u64 contexts;      /* of the present one, an array */
    u64 cop;           /* the statement that the next frame is at */
    u64 environment;   /* the innermost JMPENV that lies above the latest activation */
    u64 stack_pointer; /* of the latest activation */
    /* The frame that is being made; kept here for the reason that the bounds of a bisection are. */
    u64 name;
    u64 stash;
    u64 file;
    u64 sums;
    u64 old_cop;
    s32 context;       /* the next one's index */
    u16 frames;        /* of the trace, when the latest activation was left */
    u8 is_main;            /* the present stack is the interpreter's first */
    u8 has_contexts;       /* the present stack was not empty */
    u8 is_behind_boundary; /* the activation's outermost frame has been recorded */
    u8 has_left;           /* there was an activation before */
    u8 is_end;             /* the frame is the last one of the runtime */
    u8 unused[5];
};

struct ruby_state {
    u64 frame;       /* the next one */
    u64 end;         /* behind the oldest one */
    u64 environment; /* in which the present frame's method is looked for; 0: the next frame is to be read */
    u64 words[2];    /* what is to be recorded of the present frame */
    u32 hops;        /* environments that were looked into */
    u8 is_c_function;
    u8 is_last;      /* the present frame is the last one of its activation */
    u8 is_innermost; /* no frame has been read yet */
    u8 unused;
};

enum php_walk { PHP_FRAMES = 0, PHP_COUNTS_GENERATORS = 1, PHP_SEEKS_GENERATOR = 2 };

struct php_state {
    u64 frame;       /* the next one */
    u64 instruction; /* of the youngest one, as the interrupted loop has it in a register; 0: known from the frame only */
    /* Generators that wait for the present one: what they were found by, and how far that was followed. */
    u64 outermost_generator;
    u64 generator;
    u8 walk; /* enum php_walk */
    u8 generators_left;
    u8 parents_left;
    u8 is_not_entered; /* the youngest function was about to be called: no activation of the loop runs it */
    u8 unused[4];
};

/* Volatile for the reason that the bounds of a bisection are. */
struct v8_state {
    /* The frame that is being made: the words behind its header. */
    volatile u64 kind_and_number;
    volatile u64 function; /* SharedFunctionInfo, tagged; 0: none. Of builtins the frame's type */
    volatile u64 identity; /* number of the script << 32 | number of the function */
    volatile u64 bytecode; /* BytecodeArray, tagged; 0: none */
    /* From the latter's tagged address to the instruction. */
    volatile u64 offset;
    volatile u64 caller; /* return address of a function without a frame */
    /* What was in the interpreter's registers when code of V8's own was interrupted, for the first function below. */
    u64 interrupted_bytecode;
    u64 interrupted_offset;
    volatile u32 place;
    volatile u8 is_made;   /* the code was made at run time */
    volatile u8 is_pushed; /* the caller's frame pointer is on top of the stack */
    volatile u8 is_frameless;
    u8 unused;
};

struct beam_state {
    u64 stack;   /* the process's: where its next return address is looked for */
    u64 modules; /* array of what the modules in use take up; 0: not read yet */
    u64 low;     /* of all compiled code */
    u64 high;
    u64 start;   /* of the module found last */
    u64 end;
    u64 record;  /* arm64: of compiled code that called C, its frame record on the thread's own stack; 0: none */
    u32 module_count;
    u32 checksum; /* of the module found last */
    u32 words;    /* looked at since the latest return address */
    u32 unused;
};

/* Code of one kind that frames of the trace were found in. */
struct dotnet_code {
    u64 start, end;     /* process addresses */
    u64 base;           /* what the addresses in the tables are relative to */
    u64 map;            /* nibble map that tells where methods start; 0: an image */
    u64 functions;      /* of an image: its table of functions; 0: it has none */
    u64 function_count;
};

struct dotnet_state {
    struct dotnet_code heap;
    struct dotnet_code image;
    u64 method;         /* the present one's header */
    u64 method_start;
    u64 functions;      /* the table that the present frame's function is in */
    u64 function_count;
    /* The present function, relative to the base: begin, end, unwinding information. */
    u32 function[4];
    u32 unwind[16];     /* that information: a header of 4 bytes, then codes of 2 bytes each */
    u64 stack;          /* while codes are followed */
    u64 frame_pointer;
    /* A search's present place. Kept here for the reason that the bounds of a bisection are. */
    volatile u64 place;
    volatile u64 rest;
    volatile u32 skipped;
    u32 sought_kind;
    u64 sought;         /* the address that was sought last: what kind of code lies there */
    u8 is_in_epilogue;  /* of the interrupted function: `stack` and `frame_pointer` are known */
    u8 unused[7];
};

/* What is on the stack where a frame was interrupted. */
enum jvm_shape {
    JVM_WHOLE_FRAME = 0,
    JVM_RETURN_ADDRESS = 1, /* nothing else: the frame was not yet made, or is gone */
    JVM_PAIR = 2,           /* the caller's FP and the return address */
    JVM_FRAME_WITHOUT_FP = 3, /* room for all of the frame, but the caller's FP is not yet in it */
};

struct jvm_state {
    /* A block that is being looked for. */
    u64 heap;
    u64 segments;
    u64 segment;
    u64 block; /* found */
    u32 hops;
    u8 is_searching;
    u8 is_in_code;       /* the present frame's address lies in a code heap */
    u8 shape;            /* enum jvm_shape of the interrupted frame, told from its code alone */
    u8 prologue;         /* the same if it was interrupted in its prologue */
    /* The caller's registers, and answers to small questions: volatile for the reason that the bounds of a bisection are. */
    volatile u64 pc;
    volatile u64 sp;
    volatile u64 fp;
    volatile u64 place;
    volatile u32 name;   /* first characters of the blob's */
    volatile u8 way;     /* how to leave the frame: see runtimes/jvm.bpf.c */
    volatile u8 is_code; /* latest answer of check_code */
    volatile u8 is_entry;
    volatile u8 unused;
};

/* Where unwinding stands. */
struct unwind_state {
    u64 registers[ABI_REGISTER_COUNT];
    struct place places[RECENT_PLACES];
    u32 place;      /* of the latest frame: neighbouring frames mostly share it */
    u32 next_place; /* the one that gives way */
    /* A copy of the stack from window_start on; there is none where that is 0. */
    u64 window[STACK_WINDOW_WORDS];
    u64 window_start;
    struct go_labels go;   /* of the Go program that a frame was found in */
    u64 go_callback_stack; /* SP on the system stack of the latest activation of cgocallback; 0: there was none */
    u32 first_mapping;
    u32 mapping_count;
    u32 process_flags;
    u32 calls; /* unwinding programs called so far */
    /* The PC was pushed by a call: what is executing lies before it. */
    u8 pc_is_return_address;
    /* All registers hold the frame's values: true for the interrupted frame only, and behind a signal frame. */
    u8 all_registers_valid;
    /* Runtimes, see runtime_unwinding.h. */
    u8 wanted_runtime;      /* enum unwinder whose loop the present frame runs */
    u8 activation_is_done;  /* its frames of the present activation have been recorded */
    u8 is_in_activation;    /* a runtime's program stands in an activation, before its native frame */
    u8 is_draining;         /* native unwinding is over: what is left of the runtimes is recorded */
    u8 has_marker;          /* that a runtime's frames are missing has been recorded */
    u8 has_gap;             /* that native frames are missing has been recorded */
    u8 unused[6];
    u16 final_stop;         /* enum stop_reason of native unwinding, while draining */
    u32 runtimes;           /* by bits, as in struct process */
    u32 refused_runtimes;
    u32 left_runtimes;      /* those of `runtimes` that may have frames left */
    u32 started_runtimes;   /* those whose first frame has been found */
    u64 runtime_words[32];  /* what is read from a runtime's memory */
    struct python_state python;
    struct perl_state perl;
    struct ruby_state ruby;
    struct php_state php;
    struct v8_state v8;
    struct beam_state beam;
    struct dotnet_state dotnet;
    struct jvm_state jvm;
    /* Bounds of a bisection. Kept in memory, read and written as volatile: to the verifier a value loaded from a map is
     * any value, so that the paths through a loop stay one state; in registers they double with every step. */
    volatile u32 search_low;
    volatile u32 search_high;
};

struct scratch {
    struct trace_header header;
    u64 words[ABI_TRACE_WORDS];
    struct unwind_state state;
};

/* The kernel limits tail calls to 33 a chain (32 on some); the last ones are kept for finishing. */
enum { MAX_UNWINDER_CALLS = 31 };

#endif
