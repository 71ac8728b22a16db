#if canImport(Glibc)
    import CMalloc
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The Collector's own process, under the names that its users' dashboards query.
enum ProcessMetrics {
    /// Of the Collector, as near as it is known here; a reload is no new beginning.
    private static let start = ContinuousClock.now
    static let startTime = WallClockTime.now()

    static func register(in registry: MetricsRegistry) {
        let start = start
        _ = startTime
        registry.observe("otelcol_process_uptime", kind: .counter, help: "Uptime of the process in seconds") {
            seconds(ContinuousClock.now - start)
        }
        registry.observe(
            "otelcol_process_cpu_seconds", kind: .counter, help: "Total CPU user and system time in seconds"
        ) { cpuSeconds() }
        registry.observe(
            "otelcol_process_memory_rss", kind: .gauge, help: "Total physical memory (resident set size) in bytes"
        ) { Double(residentBytes() ?? 0) }
        #if canImport(Glibc)
            registry.observe(
                "otelcol_process_runtime_heap_alloc_bytes", kind: .gauge, help: "Bytes of allocated heap objects"
            ) {
                let heap = mallinfo2()
                return Double(heap.uordblks) + Double(heap.hblkhd)
            }
            registry.observe(
                "otelcol_process_runtime_total_sys_memory_bytes", kind: .gauge,
                help: "Total bytes of memory obtained from the OS"
            ) {
                let heap = mallinfo2()
                return Double(heap.arena) + Double(heap.hblkhd)
            }
        #endif
    }

    private static func seconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    private static func cpuSeconds() -> Double {
        var usage = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &usage) == 0 else { return 0 }
        return Double(usage.tv_sec) + Double(usage.tv_nsec) / 1e9
    }

    /// From the second field of `/proc/self/statm`, in pages.
    static func residentBytes() -> Int? {
        guard let text = try? readWholeFile("/proc/self/statm", maximumBytes: 4096) else { return nil }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
        return pages.multipliedReportingOverflow(by: sysconf(Int32(_SC_PAGESIZE))).partialValue
    }
}
