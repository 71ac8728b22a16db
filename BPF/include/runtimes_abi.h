/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * The part of abi.h, which includes it, that is about managed runtimes: what the kernel side must know of each process.
 */
#ifndef OTELCOL_RUNTIMES_ABI_H
#define OTELCOL_RUNTIMES_ABI_H

/* Where a thread keeps a word of its own: from the thread pointer on, each offset but the last leads to the address that
 * the next one is added to; the word lies at the last. */
enum { THREAD_VALUE_STEPS = 4 };

struct thread_value {
    s64 offsets[THREAD_VALUE_STEPS];
    u32 count; /* of offsets, at least 1 */
    u32 reserved;
};

enum python_flag {
    /* The thread state leads to the frame by way of a _PyCFrame. */
    PYTHON_HAS_C_FRAME = 1,
    /* Each activation of the loop runs one frame. */
    PYTHON_ONE_FRAME = 2,
    /* An activation's first frame says so. */
    PYTHON_HAS_ENTRY_FLAG = 4,
    /* Frames have an owner, and those from `first_shim_owner` on run no code. */
    PYTHON_HAS_OWNER = 8,
    /* The place in the code is a pointer, not a number. */
    PYTHON_HAS_INSTRUCTION_POINTER = 16,
    /* References carry tags in their lowest two bits. */
    PYTHON_TAGGED = 32,
};

/* Value of the hash map python_processes, key u32 pid. Offsets are in bytes, within the structs named. */
struct python_process {
    struct thread_value thread_state; /* PyThreadState * */
    /* Process address of the PyThreadState * that has the lock, which may be another one of the same thread: that of an
     * interpreter within the interpreter. 0 where `thread_state` follows that. */
    u64 current_thread_state;
    u32 attachment;
    u16 flags; /* enum python_flag */
    u8 first_shim_owner;
    u8 reserved;
    u16 thread_state_frame; /* PyThreadState: frame, cframe or current_frame */
    u16 c_frame_frame;      /* _PyCFrame: current_frame */
    /* Of the frame, below PYTHON_FRAME_BYTES; multiples of 8 but for the bytes `owner` and `is_entry`. */
    u16 frame_code;
    u16 frame_previous;
    u16 frame_instruction;
    u16 frame_owner;
    u16 frame_is_entry;
    /* Of PyCodeObject, below PYTHON_CODE_BYTES; multiples of 8 but for first_line, one of 4. */
    u16 code_file_name;
    u16 code_name;
    u16 code_line_table;
    u16 code_first_line;
    u16 string_hash; /* PyASCIIObject: hash */
    u16 thread_state_thread; /* PyThreadState: thread_id; with current_thread_state */
    /* asyncio's tasks, since 3.14. _PyThreadStateImpl: asyncio_running_task; 0: not known, or no module has tasks. */
    u16 thread_state_task;
    /* FutureObj and TaskObj, below PYTHON_TASK_BYTES; the words multiples of 8. */
    u16 task_coroutine;
    u16 task_awaited_by;
    u16 task_is_task;       /* a byte: a task, not a future */
    u16 task_awaited_by_set; /* a byte: awaited_by is a set of several */
    u16 set_used;           /* PySetObject, below PYTHON_SET_BYTES; multiples of 8 */
    u16 set_mask;
    u16 set_table;
    u16 object_type;        /* PyObject: ob_type; a multiple of 8 */
    /* PyGenObject, below PYTHON_GENERATOR_BYTES. */
    u16 generator_state;    /* a byte: gi_frame_state */
    u16 generator_frame;    /* gi_iframe; a multiple of 8 */
    u16 frame_stack;        /* _PyInterpreterFrame: stackpointer; a multiple of 8 */
    u16 awaited_below;      /* from there down to what a coroutine waits for, in bytes */
    u8 awaiting_state;      /* FRAME_SUSPENDED_YIELD_FROM */
    u8 cleared_state;       /* FRAME_CLEARED */
    u64 coroutine_type;     /* process address of PyCoro_Type */
};
enum {
    PYTHON_OLD_FRAME_BYTES = 128, /* PyFrameObject, until 3.10 */
    PYTHON_FRAME_BYTES = 80,      /* _PyInterpreterFrame lies in a chunk that may end behind it */
    PYTHON_CODE_BYTES = 160,
    PYTHON_TASK_BYTES = 160,
    PYTHON_SET_BYTES = 64,
    PYTHON_GENERATOR_BYTES = 160,
    /* Entries of the smallest set, {key, hash} (PySet_MINSIZE, Include/cpython/setobject.h). */
    PYTHON_SET_ENTRIES = 8,
    PYTHON_MAX_AWAITERS = 16,     /* tasks and futures that wait for one another */
    PYTHON_MAX_COROUTINES = 32,   /* of one task, awaiting one another; a power of two */
};

/* In place of a code object's address: what stands between the frames of a task and those of one that waits for it. */
enum python_frame {
    PYTHON_AWAITED_BY = 1,
    PYTHON_AWAITED_BY_SEVERAL = 2, /* no frames follow: there is no one chain of callers */
};

enum perl_frame {
    PERL_FRAME_UNNAMED = 0,   /* a subroutine whose name could not be found */
    PERL_FRAME_TOP_LEVEL = 1, /* code of a file, or of a string, outside of subroutines */
};

enum perl_flag {
    /* Built for threads: interpreters are structs, and each thread has its own. */
    PERL_HAS_INTERPRETERS = 1,
    /* Names of files are found by way of a GV, not kept as text. */
    PERL_FILE_IS_GV = 2,
};

/* Value of the hash map perl_processes, key u32 pid. Offsets are in bytes, within the structs named. */
struct perl_process {
    struct thread_value interpreter; /* with PERL_HAS_INTERPRETERS: PerlInterpreter * */
    /* Offsets within the interpreter; without PERL_HAS_INTERPRETERS, process addresses. */
    u64 op;              /* PL_op */
    u64 current_cop;     /* PL_curcop */
    u64 stack_info;      /* PL_curstackinfo */
    u64 top_environment; /* PL_top_env; 0: not known */
    u32 attachment;
    u16 flags;           /* enum perl_flag */
    u16 stack_info_type; /* PERL_SI: si_type; a multiple of 4 below PERL_STACK_INFO_BYTES */
    u16 context_bytes;   /* size of PERL_CONTEXT */
    u16 context_code;    /* PERL_CONTEXT: cv of a subroutine or format; a multiple of 8 below PERL_CONTEXT_BYTES */
    u32 reserved;
};
enum {
    PERL_STACK_INFO_BYTES = 48,
    PERL_CONTEXT_BYTES = 80,
    PERL_COP_BYTES = 56,
    PERL_TEXT_BYTES = 128, /* of a file's name that its checksum covers, and no more than up to the page's end */
    PERL_CHECKSUM_BITS = 20,
};

enum ruby_frame {
    /* Word 1: body of the instruction sequence. Number: place of the next instruction among its words, or
     * RUBY_PLACE_UNKNOWN. Checksum: of the body. */
    RUBY_FRAME_CODE = 0,
    /* Word 1: definition of a method that is written in C. Number: the identifier of its original name. */
    RUBY_FRAME_C_FUNCTION = 1,
    /* The thread collects garbage. Number: what it is about, the collector's mode. */
    RUBY_FRAME_COLLECTOR = 2,
};
enum { RUBY_PLACE_UNKNOWN = 0xffffffff };

enum ruby_flag {
    /* Classes have names that can be read, so frames come with their method entry. */
    RUBY_HAS_CLASS_NAMES = 1,
};

/* Functions that call code which was compiled at run time: rb_vm_exec, perhaps in two parts, and vm_exec_core. */
enum { RUBY_CALLERS = 4 };

/* Value of the hash map ruby_processes, key u32 pid. Offsets are in bytes, within the structs named. */
struct ruby_process {
    struct thread_value execution_context; /* rb_execution_context_t * */
    u64 collector_flags; /* process address of the collector's word of flags; 0: not known */
    struct code_range callers[RUBY_CALLERS]; /* process addresses */
    u32 attachment;
    u16 flags;           /* enum ruby_flag */
    u16 frame_bytes;     /* size of rb_control_frame_t */
    u16 context_thread;  /* rb_execution_context_t: thread_ptr */
    u16 thread_blocking; /* rb_thread_t: blocking_region_buffer, null while the thread has the interpreter's lock */
    u32 reserved;
};
enum {
    RUBY_BODY_BYTES = 96, /* of rb_iseq_constant_body: what precedes, and the place in the source */
    RUBY_TEXT_BYTES = 24, /* of RString: what follows its header */
};

enum php_flag {
    /* Built for threads (ZTS): each has its executor_globals in a block of its own. */
    PHP_HAS_THREADS = 1,
    /* Machine code that PHP makes runs in the frame of the loop's activation, which jumped there (hybrid VM). */
    PHP_CODE_SHARES_FRAME = 2,
    /* The loop keeps a frame pointer: {caller's FP, return address} lie at it. */
    PHP_LOOP_HAS_FRAME_POINTER = 4,
};

/* Value of the hash map php_processes, key u32 pid. Offsets are in bytes, within the structs named. */
struct php_process {
    struct thread_value thread_block; /* with PHP_HAS_THREADS: where the thread's globals are */
    u64 current_frame;                /* of executor_globals.current_execute_data; an offset with PHP_HAS_THREADS */
    /* Process addresses of the loop's code, and of code that may call the loop. */
    struct code_range loop;
    struct code_range callers;
    /* ELF addresses of the functions that prepare a call from C: a frame is current there, and the loop is not yet. */
    struct code_range calls[2];
    u64 loop_dispatch;     /* process address behind a jump of the loop, where machine code counts as being; 0: unknown */
    u32 attachment;
    u16 flags;             /* enum php_flag */
    u16 loop_frame_bytes;  /* from SP in the midst of the loop up to its CFA; arm64: up to FP */
    /* Of zend_op_array, below PHP_FUNCTION_BYTES; multiples of 8, or of 4 for op_count and first_line. */
    u16 function_ops;
    u16 function_op_count;
    u16 function_file_name;
    u16 function_first_line;
    u16 generator_frame;   /* zend_generator: execute_data */
    u16 generator_parent;  /* zend_generator: node.parent */
    u32 reserved;
};
enum {
    PHP_FRAME_BYTES = 56,         /* zend_execute_data, up to prev_execute_data */
    PHP_FUNCTION_HEAD_BYTES = 24, /* what internal functions have as well: up to scope */
    PHP_FUNCTION_BYTES = 184,     /* zend_op_array, up to line_end */
    PHP_OP_BYTES = 32,            /* zend_op */
    PHP_MAX_DELEGATIONS = 16,     /* generators that wait for one another by `yield from` */
};

/* What a frame of V8's is. Each has four words: the kind and a number, then what it says. Functions are known by the
 * address of their SharedFunctionInfo, and by what tells them from another one that is there later: number of the script
 * << 32 | number of the function in it. */
enum v8_frame {
    /* A builtin, or code that works for another one. Number: ELF address of the builtin. Word 2: the frame's type, as
     * V8 numbers it; 0: it has made no frame. */
    V8_FRAME_BUILTIN = 1,
    /* As V8_FRAME_BUILTIN, in code made at run time. Number: process address. Word 3: with a function of WebAssembly, the
     * instance of its module. */
    V8_FRAME_STUB = 2,
    /* A function that the interpreter runs. Number: offset of the instruction, from the tagged address of the bytecode.
     * Words 2 and 3: function; word 4: its bytecode. */
    V8_FRAME_INTERPRETED = 3,
    /* Compiled code. Number: process address. Words 2 and 3: function of the frame, or 0; word 4: its bytecode, or 0. */
    V8_FRAME_COMPILED = 4,
    /* A function that is a builtin. Number: its ELF address. Words 2 and 3: function. */
    V8_FRAME_BUILTIN_FUNCTION = 5,
};
enum {
    V8_FRAME_KIND_SHIFT = 60,
    /* With V8_FRAME_STUB and V8_FRAME_COMPILED: the address is a return address. */
    V8_FRAME_RETURN_ADDRESS_SHIFT = 59,
};

/* Value of the hash map v8_processes, key u32 pid. Offsets are in bytes, within the objects named. */
struct v8_process {
    u32 attachment;
    u16 bytecode_array_type;  /* instance type */
    u16 frame_bytecode_array; /* bytes below the frame pointer, a multiple of 8 up to 40; its offset lies 8 further below */
    u16 function_shared;      /* JSFunction: shared */
    /* Of SharedFunctionInfo, below V8_SHARED_BYTES: script, a multiple of 8; number in its script, one of 4. */
    u16 shared_script;
    u16 shared_number;
    u16 script_number;        /* Script: id */
    /* Where the interpreter keeps the tagged address of the bytecode and the offset from there; below 32. */
    u8 register_bytecode;
    u8 register_offset;
    u8 webassembly_frame;     /* the type of frames of WebAssembly's functions; 0: not known */
    u8 reserved[3];
};
enum {
    V8_FRAME_BYTES_BELOW = 48,       /* what is read of a frame, below its pointer; and two words from there on */
    V8_SHARED_BYTES = 72,            /* of SharedFunctionInfo */
    V8_MAP_INSTANCE_TYPE = 12,       /* Map: instance_type */
    V8_NO_FUNCTION_NUMBER = 0xffffffff, /* of builtins */
    V8_ARRAY_LENGTH = 8,             /* of all kinds of array, a small integer */
    V8_BYTECODE_HEADER_BYTES = 128, /* at least */
};

enum beam_frame {
    /* The address is a return address: the call lies before it. */
    BEAM_FRAME_IS_CALL = 1,
};

/* Compiled code that belongs to no module: fragments that modules share, and where processes begin and end. */
enum { BEAM_SHARED_CODE = 2 };

/* Value of the hash map beam_processes, key u32 pid. Addresses are process addresses; offsets are in bytes, within the
 * structs named. */
struct beam_process {
    struct thread_value current_process; /* Process * that a scheduler's thread runs; 0: none */
    u64 ranges;                          /* struct ranges[3] */
    u64 code_index;                      /* u32: which of them is in use */
    u64 normal_exit;                     /* where the first function of a process returns to */
    struct code_range shared[BEAM_SHARED_CODE];
    struct code_range scheduler; /* the code that takes up one process after the other, process_main */
    struct code_range text;      /* the emulator's native code */
    u32 attachment;
    u32 scheduler_frame_bytes;   /* of process_main, without what aligns it */
    u16 process_stop;            /* Process: stop, the top of its stack; htop lies before it */
    u16 module_digest;           /* BeamCodeHeader: md5_ptr */
    u16 registers;               /* from the start of ErtsSchedulerRegisters to where the register for them points */
    u16 reserved;
};
enum { BEAM_DIGEST_BYTES = 16 };

enum dotnet_frame {
    /* Word 1: RealCodeHeader of a method that was compiled at run time. Offset: from the method's start. Checksum: of the
     * header. */
    DOTNET_FRAME_METHOD = 0,
    /* Word 1: where the image of an assembly with precompiled code begins. Offset: from there. Checksum: 0. */
    DOTNET_FRAME_IMAGE = 1,
    /* A stub. Word 1: its address. Offset: number of its kind (StubCodeBlockKind), 0 where it is not known. */
    DOTNET_FRAME_STUB = 2,
};
/* Whether word 2's address is a return address. */
enum { DOTNET_RETURN_ADDRESS = 1u << 31 };

enum dotnet_flag {
    /* Ranges of code are in a list, not in a tree: .NET 6 and 7. */
    DOTNET_HAS_SECTION_LIST = 1,
    /* Words of nibble maps may be pointers: .NET 10. */
    DOTNET_MAP_HAS_POINTERS = 2,
};

/* Value of the hash map dotnet_processes, key u32 pid. Offsets are in bytes, within the structs named. */
struct dotnet_process {
    u64 sections;            /* process address of the tree's root, or of the pointer to the list's first element */
    u32 attachment;
    u32 code_heap_flag;      /* of RangeSection.flags: the code was compiled at run time */
    u32 stubs_flag;          /* of RangeSection.flags: stubs; 0: sections do not tell */
    u16 flags;               /* enum dotnet_flag */
    /* RangeSection, below DOTNET_SECTION_BYTES; multiples of 8 but for section_flags, one of 4. */
    u16 section_begin;
    u16 section_end;
    u16 section_next;        /* with DOTNET_HAS_SECTION_LIST */
    u16 section_flags;
    u16 section_heap;
    /* HeapList, below DOTNET_HEAP_BYTES; multiples of 8. */
    u16 heap_base;
    u16 heap_map;
    /* RealCodeHeader, below DOTNET_HEADER_BYTES; multiples of 8, or of 4 for header_function_count. */
    u16 header_debug_info;
    u16 header_method;
    u16 header_function_count;
    u16 header_functions;    /* a multiple of 4; what follows lies there and not behind a pointer */
};
enum {
    DOTNET_SECTION_BYTES = 64,
    DOTNET_HEAP_BYTES = 96,
    DOTNET_HEADER_BYTES = 48, /* with one function: what follows may not be mapped */
};

enum jvm_frame {
    /* Word 1: nmethod. Place: offset from its code's start. Tells apart: its compilation's number. Word 3: Method. */
    JVM_FRAME_COMPILED = 0,
    /* Word 1: Method. Place: of the bytecode, or JVM_PLACE_UNKNOWN. Tells apart: checksum. Word 3: ConstMethod. */
    JVM_FRAME_INTERPRETED = 1,
    /* Word 1: any other CodeBlob. Place: offset from its code's start. Tells apart: first bytes of the name. Word 3: where
     * the name lies, which outlives the blob. */
    JVM_FRAME_STUB = 2,
};
enum { JVM_PLACE_UNKNOWN = 0xffff };

enum jvm_flag {
    /* A blob says where its code lies by offsets, not by pointers. */
    JVM_HAS_CODE_OFFSETS = 1,
};

/* Reserved at the start, and never moved: what is in use of it grows and shrinks. */
struct jvm_code_heap {
    struct code_range code; /* process addresses */
    u64 segments;           /* process address of its map of segments: how far back a segment's block begins */
};
enum { JVM_CODE_HEAPS = 4 };

/* Value of the hash map jvm_processes, key u32 pid. Offsets are in bytes; those named block_ count from the start of a
 * block of a code heap, whose header a CodeBlob follows, and lie below JVM_BLOCK_BYTES. */
struct jvm_process {
    struct jvm_code_heap heaps[JVM_CODE_HEAPS];
    struct code_range interpreter; /* process addresses of its code */
    u32 attachment;
    u16 flags;                    /* enum jvm_flag */
    u8 segment_shift;             /* of a segment's size */
    u8 block_header_bytes;
    u16 block_used;               /* HeapBlock::Header: _used */
    u16 block_name;               /* CodeBlob: _name */
    u16 block_frame_complete;     /* CodeBlob: _frame_complete_offset */
    u16 block_frame_size;         /* CodeBlob: _frame_size, in words */
    u16 block_code_begin;         /* CodeBlob */
    u16 block_code_end;           /* CodeBlob */
    u16 block_method;             /* nmethod: _method */
    u16 block_deoptimize;         /* nmethod: the handler that returns lead to once it was deoptimized; 0: not known */
    u16 block_deoptimize_handle;  /* nmethod: the same for calls of method handles; 0: there is none */
    u16 compilation;              /* nmethod: _compile_id, from the CodeBlob on */
    u16 original_pc;              /* nmethod: _orig_pc_offset, from the CodeBlob on */
    u16 method_const_method;      /* Method: _constMethod */
    u16 const_method_bytes;       /* size of ConstMethod, behind which its bytecodes lie */
    u16 bytecode_slot;            /* words from the frame pointer down to where an interpreted frame keeps its place */
    u32 reserved;
};
enum {
    JVM_BLOCK_BYTES = 256,
    JVM_SEGMENT_HOPS = 48, /* at most as many back to a block's first segment */
};

#endif
