#define _GNU_SOURCE
#include "engine_support.h"
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

void engine_name_thread(const char *name) {
    char kept[16] = {0};
    strncpy(kept, name, sizeof kept - 1);
    pthread_setname_np(pthread_self(), kept);
}

int engine_eventfd(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int engine_epoll(const int *descriptors, int count) {
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0)
        return -errno;
    for (int index = 0; index < count; index++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptors[index]};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, descriptors[index], &event)) {
            int error = errno;
            close(epoll);
            return -error;
        }
    }
    return epoll;
}

void engine_use_one_heap(void) {
    mallopt(M_ARENA_MAX, 1);
}

void engine_join_within(unsigned long thread, unsigned milliseconds) {
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += milliseconds / 1000;
    deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    if (pthread_timedjoin_np(thread, NULL, &deadline))
        pthread_detach(thread);
}

void engine_release_free_memory(void) {
    malloc_trim(0);
}
