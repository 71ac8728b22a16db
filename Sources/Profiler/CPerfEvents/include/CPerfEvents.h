/* What Swift cannot say by itself about perf_event_open(2): the system call, the ioctls (their numbers are
 * function-like macros) and the two ordered accesses to a ring's head and tail. */
#ifndef OTELCOL_PERF_EVENTS_H
#define OTELCOL_PERF_EVENTS_H

#include <linux/perf_event.h>
#include <stdint.h>
#include <sys/types.h>

/* perf_event_open(2), always with PERF_FLAG_FD_CLOEXEC. Returns the descriptor, or -errno. */
int otelcol_perf_event_open(struct perf_event_attr *attributes, pid_t pid, int cpu, int group, unsigned long flags);

/* PERF_EVENT_IOC_ENABLE, _DISABLE and _SET_BPF. Return 0, or -errno. */
int otelcol_perf_event_enable(int event);
int otelcol_perf_event_disable(int event);
int otelcol_perf_event_set_bpf(int event, int program);

/* Where the kernel will write next; what lies before it may be read after this call (acquire). */
uint64_t otelcol_perf_ring_head(const void *first_page);
/* Where the reader stands, as last told to the kernel. */
uint64_t otelcol_perf_ring_tail(const void *first_page);
/* Gives the bytes before `tail` back to the kernel; reads made before this call are complete (release). */
void otelcol_perf_ring_set_tail(void *first_page, uint64_t tail);

/* process_vm_readv(2) of one range, which hides behind _GNU_SOURCE. Returns the bytes read, or -errno. */
ssize_t otelcol_read_process_memory(pid_t pid, uint64_t address, void *destination, size_t length);

/* O_PATH, include/uapi/asm-generic/fcntl.h; hides behind _GNU_SOURCE too. Same value on x86_64 and arm64. */
enum { OTELCOL_O_PATH = 010000000 };

/* openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: symbolic links in `path` cannot lead out of `directory`.
 * Returns the descriptor, or -errno (-ENOSYS before Linux 5.6). */
int otelcol_open_in_root(int directory, const char *path, uint64_t flags);

#endif
