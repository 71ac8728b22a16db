/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
 *
 * What HotSpot's compiled code has on the stack where it was interrupted, told from the instructions around that place.
 * Prologues and epilogues are those of MachPrologNode, MachEpilogNode and C1's build_frame and remove_frame.
 */
#ifndef OTELCOL_JVM_CODE_H
#define OTELCOL_JVM_CODE_H

/* Bytes of code before and from the interrupted instruction on. */
enum { JVM_CODE_BEFORE = 32, JVM_CODE_AFTER = 16 };

struct jvm_code {
    u8 bytes[JVM_CODE_BEFORE + JVM_CODE_AFTER];
};

#if defined(__TARGET_ARCH_x86)

/* Byte `offset` from the interrupted instruction. */
#define CODE(offset) (code->bytes[JVM_CODE_BEFORE + (offset)])

static __always_inline int is_sub_sp(const struct jvm_code *code, int offset) {
    /* sub $imm8, %rsp; sub $imm32, %rsp */
    return CODE(offset) == 0x48 && (CODE(offset + 1) | 2) == 0x83 && CODE(offset + 2) == 0xec;
}

/* In an epilogue, behind `add $size, %rsp`; JVM_WHOLE_FRAME elsewhere. */
static __always_inline u8 epilogue_shape(const struct jvm_code *code) {
    u8 first = CODE(0), second = CODE(1), third = CODE(2);
    if (first == 0x5d) /* pop %rbp: nothing else in compiled code pops */
        return JVM_PAIR;
    if (first == 0xc3) /* ret */
        return JVM_RETURN_ADDRESS;
    /* The poll behind it. JDK 17 and later: cmp disp(%r15), %rsp; ja; ret. */
    if (first == 0x49 && second == 0x3b && (third == 0x67 || third == 0xa7))
        return JVM_RETURN_ADDRESS;
    if (first == 0x0f && second == 0x87 && CODE(6) == 0xc3)
        return JVM_RETURN_ADDRESS;
    /* JDK 10 to 16: mov disp(%r15), %r10; test %eax, (%r10); ret. */
    if (first == 0x4d && second == 0x8b && (third == 0x57 || third == 0x97) &&
        (CODE(-1) == 0x5d || (CODE(4) == 0x41 && CODE(5) == 0x85 && CODE(6) == 0x02 && CODE(7) == 0xc3) ||
         (CODE(7) == 0x41 && CODE(8) == 0x85 && CODE(9) == 0x02 && CODE(10) == 0xc3)))
        return JVM_RETURN_ADDRESS;
    if (first == 0x41 && second == 0x85 && third == 0x02 && CODE(3) == 0xc3)
        return JVM_RETURN_ADDRESS;
    /* Until JDK 9, and later where polls are global: test %eax, disp(%rip); ret. */
    if (first == 0x85 && second == 0x05 && CODE(6) == 0xc3)
        return JVM_RETURN_ADDRESS;
    return JVM_WHOLE_FRAME;
}

/* If the instruction is one of a prologue. */
static __always_inline u8 prologue_shape(const struct jvm_code *code) {
    if (CODE(-1) == 0x55) /* push %rbp */
        return JVM_PAIR;
    if (CODE(-4) == 0x55 && CODE(-3) == 0x48 && CODE(-2) == 0x8b && CODE(-1) == 0xec) /* push %rbp; mov %rsp, %rbp */
        return JVM_PAIR;
    volatile u8 has_frame = 0; /* in memory, as the bounds of a bisection are */
    _Pragma("clang loop unroll(disable)") for (int offset = 4; offset <= JVM_CODE_BEFORE; offset++) {
        if (is_sub_sp(code, -offset))
            has_frame = 1;
    }
    if (!has_frame)
        return JVM_RETURN_ADDRESS;
    /* mov %rbp, disp(%rsp) */
    if (CODE(0) == 0x48 && CODE(1) == 0x89 && (CODE(2) == 0x6c || CODE(2) == 0xac) && CODE(3) == 0x24)
        return JVM_FRAME_WITHOUT_FP;
    return JVM_WHOLE_FRAME;
}

#undef CODE

#else

/* Instruction `offset` from the interrupted one. */
static __always_inline u32 code_word(const struct jvm_code *code, int offset) {
    return *(const u32 *)&code->bytes[JVM_CODE_BEFORE + offset * 4];
}

/* ldp x29, x30, [sp, #n]; ldp x29, x30, [sp], #16; add sp, sp, #n */
static __always_inline int is_load_pair(u32 word) { return (word & 0xffc07fff) == 0xa9407bfd; }
static __always_inline int is_pop_pair(u32 word) { return word == 0xa8c17bfd; }
static __always_inline int is_add_sp(u32 word) { return (word & 0xff8003ff) == 0x910003ff; }
enum { ARM64_RET = 0xd65f03c0 };

static __always_inline u8 epilogue_shape(const struct jvm_code *code) {
    u32 word = code_word(code, 0);
    if (word == ARM64_RET)
        return JVM_RETURN_ADDRESS;
    if (is_pop_pair(word))
        return JVM_PAIR;
    /* The pair has been loaded, its room has not been given back. */
    if (is_add_sp(word) && is_load_pair(code_word(code, -1)))
        return JVM_FRAME_WITHOUT_FP;
    /* ldr x8, [x28, #n]; cmp sp, x8; b.hi; ret: the poll behind it. */
    if (code_word(code, 1) == ARM64_RET || code_word(code, 2) == ARM64_RET || code_word(code, 3) == ARM64_RET) {
        _Pragma("unroll") for (int offset = 1; offset <= 3; offset++) {
            if (is_pop_pair(code_word(code, -offset)) ||
                (is_add_sp(code_word(code, -offset)) && is_load_pair(code_word(code, -offset - 1))))
                return JVM_RETURN_ADDRESS;
        }
    }
    return JVM_WHOLE_FRAME;
}

static __always_inline u8 prologue_shape(const struct jvm_code *code) {
    int has_frame = 0;
    /* stp x29, x30, [sp, #-16]! */
    if (code_word(code, -1) == 0xa9bf7bfd)
        return JVM_PAIR;
    /* stp x29, x30, [sp, #n] behind sub sp, sp, #size */
    if ((code_word(code, 0) & 0xffc07fff) == 0xa9007bfd)
        return JVM_FRAME_WITHOUT_FP;
    _Pragma("unroll") for (int offset = 1; offset <= 7; offset++)
        has_frame |= (code_word(code, -offset) & 0xffc07fff) == 0xa9007bfd || code_word(code, -offset) == 0xa9bf7bfd;
    return has_frame ? JVM_WHOLE_FRAME : JVM_RETURN_ADDRESS;
}

#endif

#endif
