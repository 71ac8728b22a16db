/// Allocates contiguous runs of elements in the kernel's array `mappings`: first fit over a sorted list of free runs.
struct MappingExtents {
    private var free: [Range<UInt32>]

    init(capacity: UInt32) {
        free = capacity > 0 ? [0..<capacity] : []
    }

    /// Elements that are free.
    var freeCount: Int { free.reduce(0) { $0 + $1.count } }

    /// The first element of a run of `count`, or nil when no gap is large enough.
    mutating func allocate(_ count: Int) -> UInt32? {
        guard count > 0, let wanted = UInt32(exactly: count) else { return nil }
        guard let index = free.firstIndex(where: { $0.count >= count }) else { return nil }
        let start = free[index].lowerBound
        free[index] = (start + wanted)..<free[index].upperBound
        if free[index].isEmpty { free.remove(at: index) }
        return start
    }

    /// Gives a run back. It must have been allocated.
    mutating func release(_ start: UInt32, count: Int) {
        guard count > 0, let length = UInt32(exactly: count) else { return }
        var run = start..<(start + length)
        let index = free.firstIndex { $0.lowerBound >= run.upperBound } ?? free.count
        if index < free.count, free[index].lowerBound == run.upperBound {
            run = run.lowerBound..<free[index].upperBound
            free.remove(at: index)
        }
        if index > 0, free[index - 1].upperBound == run.lowerBound {
            free[index - 1] = free[index - 1].lowerBound..<run.upperBound
        } else {
            free.insert(run, at: index)
        }
    }
}
