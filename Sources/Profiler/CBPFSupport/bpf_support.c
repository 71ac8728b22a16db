#define _GNU_SOURCE
#include "bpf_support.h"
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
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

int otelcol_epoll_create(void) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : epoll;
}

int otelcol_epoll_add(int epoll, int descriptor) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) ? -errno : 0;
}

unsigned long otelcol_initial_stack_address(void) {
    return getauxval(AT_RANDOM);
}

int otelcol_thread_id(void) {
    return (int)syscall(SYS_gettid);
}

void otelcol_call_with_argument(unsigned long argument) {
    syscall(SYS_getppid, argument);
}

unsigned long otelcol_thread_pointer(void) {
    return (unsigned long)__builtin_thread_pointer();
}
