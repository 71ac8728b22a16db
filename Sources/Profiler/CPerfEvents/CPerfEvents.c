#define _GNU_SOURCE
#include "CPerfEvents.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(OTELCOL_O_PATH == O_PATH, "O_PATH differs on this architecture");

static int result_or_errno(long result) {
    return result < 0 ? -errno : (int)result;
}

int otelcol_perf_event_open(struct perf_event_attr *attributes, pid_t pid, int cpu, int group, unsigned long flags) {
    return result_or_errno(
        syscall(SYS_perf_event_open, attributes, pid, cpu, group, flags | PERF_FLAG_FD_CLOEXEC));
}

int otelcol_perf_event_enable(int event) {
    return result_or_errno(ioctl(event, PERF_EVENT_IOC_ENABLE, 0));
}

int otelcol_perf_event_disable(int event) {
    return result_or_errno(ioctl(event, PERF_EVENT_IOC_DISABLE, 0));
}

int otelcol_perf_event_set_bpf(int event, int program) {
    return result_or_errno(ioctl(event, PERF_EVENT_IOC_SET_BPF, program));
}

uint64_t otelcol_perf_ring_head(const void *first_page) {
    const struct perf_event_mmap_page *page = first_page;
    return __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
}

uint64_t otelcol_perf_ring_tail(const void *first_page) {
    const struct perf_event_mmap_page *page = first_page;
    return __atomic_load_n(&page->data_tail, __ATOMIC_RELAXED);
}

void otelcol_perf_ring_set_tail(void *first_page, uint64_t tail) {
    struct perf_event_mmap_page *page = first_page;
    __atomic_store_n(&page->data_tail, tail, __ATOMIC_RELEASE);
}

ssize_t otelcol_read_process_memory(pid_t pid, uint64_t address, void *destination, size_t length) {
    struct iovec local = {.iov_base = destination, .iov_len = length};
    struct iovec remote = {.iov_base = (void *)(uintptr_t)address, .iov_len = length};
    ssize_t count = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    return count < 0 ? -errno : count;
}

/* struct open_how and its flags, include/uapi/linux/openat2.h; declared here because distributions with older kernel
 * headers lack that file. */
struct open_in_root_how {
    uint64_t flags, mode, resolve;
};
enum { IN_ROOT_NO_MAGIC_LINKS = 0x02, IN_ROOT = 0x10, OPENAT2_NUMBER = 437 };

int otelcol_open_in_root(int directory, const char *path, uint64_t flags) {
    struct open_in_root_how how;
    memset(&how, 0, sizeof how);
    how.flags = flags;
    how.resolve = IN_ROOT | IN_ROOT_NO_MAGIC_LINKS;
    return result_or_errno(syscall(OPENAT2_NUMBER, directory, path, &how, sizeof how));
}
