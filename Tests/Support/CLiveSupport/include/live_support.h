#ifndef LIVE_SUPPORT_H
#define LIVE_SUPPORT_H

/* The first two ask the kernel by doing the thing once: 0 when it works, otherwise the errno that the kernel gave. */

/* bpf(BPF_MAP_CREATE) of a one-element array. */
int live_bpf_error(void);

/* perf_event_open of the software CPU clock, for every process on CPU 0. */
int live_perf_event_error(void);

/* Starts a program with standard input from /dev/null and standard output (also standard error, when asked) into a pipe.
 * folder may be NULL. Returns 0 and the process id and the pipe's reading end, or an errno. */
int live_spawn(const char *program, char *const arguments[], char *const environment[], const char *folder,
               int with_standard_error, int *pid, int *output);

/* Removes a folder and everything in it; symbolic links are removed, not followed. 0 or the errno. */
int live_remove_tree(const char *path);

#endif
