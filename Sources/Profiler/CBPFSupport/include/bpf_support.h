#ifndef OTELCOL_BPF_SUPPORT_H
#define OTELCOL_BPF_SUPPORT_H

#include <stddef.h>
#include <stdint.h>

/// Starts to keep what libbpf prints from this thread, instead of writing it to stderr.
void bpf_log_start(void);
/// What was kept since, at most 64 KiB of its end; valid until the next start on this thread.
const char *bpf_log_text(void);

/// perf_event_open(2) for a software clock on one CPU, all processes; disabled until perf_event_run_program.
/// Returns a descriptor or -errno.
int perf_event_open_clock(int cpu, uint64_t samples_per_second, int exclude_idle);
/// Attaches a loaded program and enables the event. Returns 0 or -errno.
int perf_event_run_program(int event, int program);
/// Returns 0 or -errno.
int perf_event_set_enabled(int event, int enabled);

#endif
