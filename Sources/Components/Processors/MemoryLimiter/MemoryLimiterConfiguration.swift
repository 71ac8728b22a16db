import Collector

/// What `processors::memory_limiter` says.
public struct MemoryLimiterConfiguration: Sendable, Equatable {
    public var checkInterval = Duration.zero
    /// Mebibytes; they win over percentages.
    public var limitMiB = 0
    public var spikeLimitMiB = 0
    /// Of the memory that this process may use.
    public var limitPercentage = 0
    public var spikeLimitPercentage = 0
    /// How often memory is given back at most, above the soft and above the hard limit.
    public var minimumReliefIntervalWhenSoft = Duration.seconds(10)
    public var minimumReliefIntervalWhenHard = Duration.zero

    public init() {}

    public init(_ section: ConfigurationSection) {
        let positive = Duration.zero ... .longest
        checkInterval = section.duration("check_interval", default: .zero, in: positive)
        if checkInterval <= .zero { section.error("check_interval", "'check_interval' must be greater than zero") }
        // Of 1 TiB, so that bytes fit into 64 bits.
        let mebibytes = 0...(1 << 20)
        limitMiB = section.integer("limit_mib", default: 0, in: mebibytes)
        spikeLimitMiB = section.integer("spike_limit_mib", default: 0, in: mebibytes)
        limitPercentage = section.integer("limit_percentage", default: 0, in: 0...100)
        spikeLimitPercentage = section.integer("spike_limit_percentage", default: 0, in: 0...100)
        minimumReliefIntervalWhenSoft = section.duration(
            "min_gc_interval_when_soft_limited", default: minimumReliefIntervalWhenSoft, in: positive)
        minimumReliefIntervalWhenHard = section.duration(
            "min_gc_interval_when_hard_limited", default: minimumReliefIntervalWhenHard, in: positive)
        // Memory is given back at every check that the minimum allows: no longest interval is needed.
        for key in ["max_gc_interval_when_soft_limited", "max_gc_interval_when_hard_limited"] {
            _ = section.optionalDuration(key, in: positive)
        }
        if minimumReliefIntervalWhenSoft < minimumReliefIntervalWhenHard {
            section.error(
                "min_gc_interval_when_soft_limited",
                "'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'")
        }
        if limitMiB == 0, limitPercentage == 0 {
            section.error(nil, "'limit_mib' or 'limit_percentage' must be greater than zero")
        }
        if limitMiB > 0, spikeLimitMiB >= limitMiB {
            section.error("spike_limit_mib", "'spike_limit_mib' must be smaller than 'limit_mib'")
        }
        if limitMiB == 0, limitPercentage > 0, spikeLimitPercentage >= limitPercentage {
            section.error("spike_limit_percentage", "'spike_limit_percentage' must be smaller than 'limit_percentage'")
        }
    }

    /// - Parameter totalBytes: What this process may use.
    func limits(ofTotal totalBytes: UInt64) -> MemoryLimits {
        let (hard, spike): (UInt64, UInt64)
        if limitMiB > 0 {
            hard = UInt64(limitMiB) << 20
            spike = UInt64(spikeLimitMiB) << 20
        } else {
            hard = totalBytes / 100 * UInt64(limitPercentage)
            spike = totalBytes / 100 * UInt64(spikeLimitPercentage)
        }
        return MemoryLimits(hardBytes: hard, softBytes: hard - min(hard, spike > 0 ? spike : hard / 5))
    }
}

/// At the soft limit data is refused; above the hard limit memory is given back as often as it may be.
struct MemoryLimits: Sendable, Equatable {
    var hardBytes: UInt64
    var softBytes: UInt64
}
