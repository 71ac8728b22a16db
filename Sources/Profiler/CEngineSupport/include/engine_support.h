/* What Swift's Glibc module does not show of Linux: GNU extensions and epoll. */
#ifndef OTELCOL_ENGINE_SUPPORT_H
#define OTELCOL_ENGINE_SUPPORT_H

/* Names the calling thread for the kernel; 15 bytes are kept. */
void engine_name_thread(const char *name);
/* A new eventfd, close-on-exec, or -errno. */
int engine_eventfd(void);
/* A new epoll descriptor that is readable while any of `descriptors` is, or -errno. */
int engine_epoll(const int *descriptors, int count);
/* Gives memory that was freed back to the system: after the reading of large files, whose peaks the allocator would
 * otherwise keep. */
void engine_release_free_memory(void);

#endif
