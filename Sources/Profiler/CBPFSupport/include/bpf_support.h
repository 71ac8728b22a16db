#ifndef OTELCOL_BPF_SUPPORT_H
#define OTELCOL_BPF_SUPPORT_H

/// Starts to keep what libbpf prints from this thread, instead of writing it to stderr.
void bpf_log_start(void);
/// What was kept since, at most 64 KiB of its end; valid until the next start on this thread.
const char *bpf_log_text(void);

#endif
