import CBPFInterface

/// A trace that waits for its process or for an unwinding table.
struct DeferredTrace {
    var header: trace_header
    var kernelFrames: [UInt64]
    var snapshot: StackSnapshot
    /// CLOCK_MONOTONIC; then it is reported as far as it can be unwound.
    var deadlineNanoseconds: UInt64
    /// The executable whose table is missing, 0 while the process itself is not known.
    var waitsForExecutable: UInt32 = 0

    var bytes: Int { snapshot.stack.count + (snapshot.registers.count + kernelFrames.count) * 8 + 256 }
}

/// The traces that wait, bounded in memory; the oldest give way.
struct DeferredTraces {
    private(set) var traces: [DeferredTrace] = []
    private(set) var bytes = 0
    let capacityBytes: Int

    init(capacityBytes: Int) {
        self.capacityBytes = capacityBytes
    }

    /// Adds one, and returns those that had to give way for it.
    mutating func add(_ trace: DeferredTrace) -> [DeferredTrace] {
        traces.append(trace)
        bytes += trace.bytes
        var displaced: [DeferredTrace] = []
        while bytes > capacityBytes, traces.count > displaced.count + 1 {
            bytes -= traces[displaced.count].bytes
            displaced.append(traces[displaced.count])
        }
        traces.removeFirst(displaced.count)
        return displaced
    }

    /// Takes out those that `isWanted` picks, oldest first.
    mutating func take(where isWanted: (DeferredTrace) -> Bool) -> [DeferredTrace] {
        if traces.isEmpty { return [] }
        var taken: [DeferredTrace] = []
        traces.removeAll { trace in
            guard isWanted(trace) else { return false }
            taken.append(trace)
            return true
        }
        bytes = traces.reduce(0) { $0 + $1.bytes }
        return taken
    }
}
