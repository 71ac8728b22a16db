/// One time series of one resource: a metric and its attributes, as numbers of a `NameTable`.
struct StreamKey: Hashable, Sendable {
    var metric: MetricName
    /// `samples.kernel.count` and `samples.off_cpu.time` only.
    var kernelClass: KernelClass = .none
    /// What each stands for is in `PointAttributes`.
    var names = SIMD4<NameTable.Number>()

    /// In three words: the default would take each number of its own.
    func hash(into hasher: inout Hasher) {
        hasher.combine(UInt64(names[0]) << 32 | UInt64(names[1]))
        hasher.combine(UInt64(names[2]) << 32 | UInt64(names[3]))
        hasher.combine(UInt64(metric.rawValue) << 8 | UInt64(kernelClass.number))
    }
}
