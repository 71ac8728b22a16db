import CLibBPF
import Glibc

/// What the running kernel offers, found by asking it, not by its version.
public struct KernelFeatures: Equatable, Sendable {
    /// BPF ring buffer, Linux 5.8; else a perf event array carries the traces.
    public var hasRingBuffer: Bool
    /// bpf_probe_read_user and _kernel, Linux 5.5; else bpf_probe_read.
    public var hasProbeReadUser: Bool

    public init(hasRingBuffer: Bool, hasProbeReadUser: Bool) {
        self.hasRingBuffer = hasRingBuffer
        self.hasProbeReadUser = hasProbeReadUser
    }

    /// Asks the kernel. With `OTELCOL_BPF_LEGACY=1` in the environment every newer feature counts as missing, so that
    /// the fallbacks of old kernels can be exercised on any. (`bpf_probe_read` for user memory is left out of that on
    /// arm64, where it never worked.)
    public static func probe() -> KernelFeatures {
        var features = KernelFeatures(
            hasRingBuffer: libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, nil) == 1,
            hasProbeReadUser: libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_probe_read_user, nil) == 1)
        if let legacy = getenv("OTELCOL_BPF_LEGACY"), legacy[0] == UInt8(ascii: "1") {
            features.hasRingBuffer = false
            #if arch(x86_64)
            features.hasProbeReadUser = false
            #endif
        }
        return features
    }
}
