/* What Swift's Glibc module does not show of Linux: GNU extensions and epoll. */
#ifndef OTELCOL_ENGINE_SUPPORT_H
#define OTELCOL_ENGINE_SUPPORT_H

/* Names the calling thread for the kernel; 15 bytes are kept. */
void engine_name_thread(const char *name);
/* A new eventfd, close-on-exec, or -errno. */
int engine_eventfd(void);
/* A new epoll descriptor that is readable while any of `descriptors` is, or -errno. */
int engine_epoll(const int *descriptors, int count);
/* Has all threads allocate from one heap, to be called before there are any. By default each gets one, and what it
 * freed is kept for it alone: docs/overhead.md has what that takes. */
void engine_use_one_heap(void);
/* Waits so long for a thread to end, or else leaves it to itself. In both cases the thread must not be joined again. */
void engine_join_within(unsigned long thread, unsigned milliseconds);
/* Gives memory that was freed back to the system: after the reading of large files, whose peaks the allocator would
 * otherwise keep. */
void engine_release_free_memory(void);

#endif
