#define _GNU_SOURCE
#include "bpf_support.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LOG_CAPACITY = 64 << 10 };
static __thread char log_text[LOG_CAPACITY];
static __thread size_t log_length;

/* Formatted here, not in Swift: va_list in a Swift closure crashes the compiler for arm64. */
static int keep_log(enum libbpf_print_level level, const char *format, va_list arguments) {
    if (level > LIBBPF_WARN)
        return 0;
    char *line = NULL;
    int printed = vasprintf(&line, format, arguments);
    if (printed <= 0)
        return 0;
    size_t length = printed;
    const char *start = line;
    /* Of a verifier's log the end says why. */
    const size_t longest = LOG_CAPACITY / 2;
    if (length > longest) {
        start += length - longest;
        length = longest;
    }
    if (log_length + length >= LOG_CAPACITY) {
        size_t keep = LOG_CAPACITY - 1 - length;
        if (keep > log_length)
            keep = log_length;
        memmove(log_text, log_text + log_length - keep, keep);
        log_length = keep;
    }
    memcpy(log_text + log_length, start, length);
    log_length += length;
    log_text[log_length] = 0;
    free(line);
    return 0;
}

void bpf_log_start(void) {
    log_length = 0;
    log_text[0] = 0;
    libbpf_set_print(keep_log);
}

const char *bpf_log_text(void) {
    return log_text;
}

int perf_event_open_clock(int cpu, uint64_t samples_per_second, int exclude_idle) {
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_CPU_CLOCK;
    attributes.sample_freq = samples_per_second;
    attributes.freq = 1;
    attributes.disabled = 1;
    attributes.exclude_idle = exclude_idle != 0;
    int event = syscall(SYS_perf_event_open, &attributes, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    return event < 0 ? -errno : event;
}

int perf_event_run_program(int event, int program) {
    if (ioctl(event, PERF_EVENT_IOC_SET_BPF, program))
        return -errno;
    return perf_event_set_enabled(event, 1);
}

int perf_event_set_enabled(int event, int enabled) {
    return ioctl(event, enabled ? PERF_EVENT_IOC_ENABLE : PERF_EVENT_IOC_DISABLE, 0) ? -errno : 0;
}
