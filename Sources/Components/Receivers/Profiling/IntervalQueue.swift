import Engine
import Synchronization

/// Hands intervals from the engine's thread to the task that encodes them.
///
/// Bounded by number and by memory. When it is full, the oldest intervals are dropped: what is newest is worth most,
/// and the engine never waits. One consumer at a time.
final class IntervalQueue: Sendable {
    struct Dropped: Equatable {
        var intervals = 0
        var samples = 0
    }

    private struct State {
        var intervals: [(interval: ProfileInterval, bytes: Int)] = []
        var bytes = 0
        var isFinished = false
        var waiter: CheckedContinuation<ProfileInterval?, Never>?
    }

    private let maximumIntervals: Int
    private let maximumBytes: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximumIntervals: At least 1.
    ///   - maximumBytes: For all waiting intervals, estimated; the newest is kept even if it alone is larger.
    init(maximumIntervals: Int, maximumBytes: Int) {
        self.maximumIntervals = max(1, maximumIntervals)
        self.maximumBytes = maximumBytes
    }

    /// Never blocks for longer than other calls hold the lock.
    /// - Returns: What had to give way; also the interval itself if the queue is finished.
    func push(_ interval: ProfileInterval) -> Dropped {
        let bytes = interval.estimatedBytes
        var dropped = Dropped()
        let waiter: CheckedContinuation<ProfileInterval?, Never>? = state.withLock { state in
            if state.isFinished {
                dropped = Dropped(intervals: 1, samples: interval.samples.count)
                return nil
            }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.intervals.append((interval, bytes))
            state.bytes += bytes
            while state.intervals.count > maximumIntervals
                || (state.bytes > maximumBytes && state.intervals.count > 1)
            {
                let oldest = state.intervals.removeFirst()
                state.bytes -= oldest.bytes
                dropped.intervals += 1
                dropped.samples += oldest.interval.samples.count
            }
            return nil
        }
        waiter?.resume(returning: interval)
        return dropped
    }

    /// The oldest interval, when there is one; nil when the queue is finished and empty.
    func next() async -> ProfileInterval? {
        await withCheckedContinuation { continuation in
            let answer: ProfileInterval?? = state.withLock { state in
                if !state.intervals.isEmpty {
                    let first = state.intervals.removeFirst()
                    state.bytes -= first.bytes
                    return .some(first.interval)
                }
                if state.isFinished { return .some(nil) }
                state.waiter = continuation
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// Takes no more intervals; those that wait are still given out.
    func finish() {
        let waiter = state.withLock { state in
            state.isFinished = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }
}

extension ProfileInterval {
    /// Memory held, roughly: names are counted as if each were used once.
    var estimatedBytes: Int {
        var bytes = samples.count * MemoryLayout<ProfileSample>.stride
        for trace in traces {
            bytes += MemoryLayout<ProfileTrace>.stride + trace.frames.count * MemoryLayout<Int>.stride
        }
        for frame in frames {
            bytes += MemoryLayout<ProfileFrame>.stride
            for function in frame.functions {
                bytes += MemoryLayout<ProfileFunction>.stride + function.name.utf8.count
                bytes += function.systemName.utf8.count + function.file.utf8.count
            }
        }
        bytes += executables.count * 256
        for process in processes.values {
            bytes += 512
            for (name, value) in process.environment { bytes += name.utf8.count + value.utf8.count }
        }
        return bytes
    }
}
