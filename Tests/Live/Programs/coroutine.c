/* coroutine_main > coroutine_outer > coroutine_middle > coroutine_inner on the stack of a coroutine: made by makecontext
 * or, with LIKE_BOOST, by assembly that begins and ends a context as Boost's does. */
#include "proof.h"

#include <string.h>
#include <ucontext.h>

CHAIN void coroutine_inner(void) {
    while (proof_running())
        proof_burn();
}

CHAIN void coroutine_middle(void) { coroutine_inner(); }

CHAIN void coroutine_outer(void) { coroutine_middle(); }

CHAIN void coroutine_main(void) { coroutine_outer(); }

#ifdef LIKE_BOOST
/* Without call frame information, as there: a trampoline pushes the return address, where the program ends. */
void context_begin(void *stack_top, void (*function)(void));
__asm__(".text\n"
        ".p2align 4\n"
        ".type context_begin,@function\n"
        "context_begin:\n"
        "    movq %rdi, %rsp\n"
        "    movq %rsi, %rbx\n"
        "    leaq context_end(%rip), %rbp\n"
        "    leaq context_function(%rip), %rax\n"
        "    jmp *%rax\n"
        "context_function:\n"
        "    pushq %rbp\n"
        "    jmp *%rbx\n"
        "context_end:\n"
        "    xorq %rdi, %rdi\n"
        "    call _exit@PLT\n"
        "    hlt\n"
        ".size context_begin, .-context_begin\n"
        ".p2align 4\n"
        "    ret\n");
#endif

int main(int argument_count, char **arguments) {
    proof_begin(argument_count, arguments);
    proof_ready();
    size_t size = 256 << 10;
    char *stack = malloc(size);
    memset(stack, 0, size);
#ifdef LIKE_BOOST
    context_begin(stack + size - 64, coroutine_main);
#else
    static ucontext_t main_context, coroutine_context;
    getcontext(&coroutine_context);
    coroutine_context.uc_stack.ss_sp = stack;
    coroutine_context.uc_stack.ss_size = size;
    coroutine_context.uc_link = &main_context;
    makecontext(&coroutine_context, coroutine_main, 0);
    swapcontext(&main_context, &coroutine_context);
#endif
    return 0;
}
