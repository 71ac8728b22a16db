#ifndef OTELCOL_BPF_SUPPORT_H
#define OTELCOL_BPF_SUPPORT_H

/// Starts to keep what libbpf prints from this thread, instead of writing it to stderr.
void bpf_log_start(void);
/// What was kept since, at most 64 KiB of its end; valid until the next start on this thread.
const char *bpf_log_text(void);

/// An epoll descriptor: readable when one of those added is. Negative errno when it fails.
int otelcol_epoll_create(void);
/// Adds a descriptor; by being closed it leaves. 0 or negative errno.
int otelcol_epoll_add(int epoll, int descriptor);

/// An address in the process's first stack: where the kernel put the random bytes, see getauxval(3); 0 when unknown.
unsigned long otelcol_initial_stack_address(void);

/// The kernel's id of this thread.
int otelcol_thread_id(void);
/// A system call (getppid(2)) that does nothing with its argument, so that programs in the kernel can know it.
void otelcol_call_with_argument(unsigned long argument);
/// This thread's pointer to its own memory: the base of fs (x86_64), tpidr_el0 (arm64).
unsigned long otelcol_thread_pointer(void);

#endif
