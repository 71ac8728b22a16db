import BinaryReading
import CPerfEvents
import Glibc

extension perf_event_attr {
    /// A software event that never counts anything: it only carries the records of executable mappings, names, forks
    /// and exits of every process on its CPU, each with pid, tid, CLOCK_MONOTONIC time and CPU.
    public static func sideBand() -> perf_event_attr {
        var attributes = perf_event_attr()
        attributes.type = UInt32(PERF_TYPE_SOFTWARE.rawValue)
        attributes.size = UInt32(MemoryLayout<perf_event_attr>.size)
        attributes.config = UInt64(PERF_COUNT_SW_DUMMY.rawValue)
        attributes.sample_type = UInt64(
            PERF_SAMPLE_TID.rawValue | PERF_SAMPLE_TIME.rawValue | PERF_SAMPLE_CPU.rawValue)
        attributes.read_format = UInt64(PERF_FORMAT_TOTAL_TIME_ENABLED.rawValue)
        attributes.disabled = 0
        attributes.mmap = 1
        attributes.mmap2 = 1
        attributes.comm = 1
        attributes.comm_exec = 1
        attributes.task = 1
        attributes.sample_id_all = 1
        attributes.use_clockid = 1
        attributes.clockid = CLOCK_MONOTONIC
        // Every record may wake the reader: it naps between two wakes, so bursts cost one wake.
        attributes.watermark = 1
        attributes.wakeup_watermark = 1
        return attributes
    }
}

/// The side-band events of all CPUs, in the order of their times. Belongs to one thread, which blocks in `wait`.
public final class SideBandEvents {
    private var rings: [PerfRing] = []
    /// The time each CPU's event had been counting at the last look.
    private var lastEnabled: [Int: UInt64] = [:]
    private let pagesPerCPU: Int
    private let napNanoseconds: UInt64
    private var lastDrainNanoseconds: UInt64 = 0
    /// Newer than the start of the drain that found them: an older one of another CPU may still come.
    private var heldBack: [SideBandRecord] = []
    /// Records that are not as the kernel's header says; 0 unless something is wrong.
    public private(set) var malformedRecords: UInt64 = 0

    /// Opens one event for each CPU.
    /// - Parameters:
    ///   - pagesPerCPU: size of each ring, a power of two. 128 KiB hold about a thousand records.
    ///   - napNanoseconds: the least time between two wakes, which bounds both wakes per second and the delay.
    public init(
        cpus: [Int], pagesPerCPU: Int = 32, napNanoseconds: UInt64 = 5_000_000
    ) throws(PerfEventError) {
        self.pagesPerCPU = pagesPerCPU
        self.napNanoseconds = napNanoseconds
        for cpu in cpus { rings.append(try open(cpu: cpu)) }
    }

    private func open(cpu: Int) throws(PerfEventError) -> PerfRing {
        var attributes = perf_event_attr.sideBand()
        let descriptor = otelcol_perf_event_open(&attributes, -1, Int32(truncatingIfNeeded: cpu), -1, 0)
        guard descriptor >= 0 else { throw PerfEventError(.open, cpu: cpu, errno: -descriptor) }
        return try PerfRing(event: OwnedFileDescriptor(owning: descriptor), cpu: cpu, pages: pagesPerCPU)
    }

    /// The CPUs whose events are open.
    public var cpus: [Int] { rings.map(\.cpu) }

    /// What `followCPUs` did.
    public struct CPUChanges: Sendable, Equatable {
        /// CPUs that are watched again: they were offline, perhaps only between two looks, as all but one are while a
        /// machine sleeps. Every other event on them has ended too.
        public var started: [Int] = []
        /// CPUs whose event could not be opened; they are tried again next time.
        public var failures: [PerfEventError] = []
    }

    /// Opens and closes events after CPUs came or went.
    public func followCPUs(online: [Int]) -> CPUChanges {
        for ring in rings {
            let enabled = ring.enabledNanoseconds()
            lastEnabled[ring.cpu] = enabled == lastEnabled[ring.cpu, default: 0] ? nil : enabled
        }
        let changes = CPUList.changes(open: cpus.filter { lastEnabled[$0] != nil }, online: online)
        let leaving = Set(cpus).subtracting(online).union(changes.toOpen)
        for cpu in leaving { lastEnabled[cpu] = nil }
        rings.removeAll { leaving.contains($0.cpu) }
        var result = CPUChanges()
        for cpu in changes.toOpen {
            do {
                rings.append(try open(cpu: cpu))
                result.started.append(cpu)
            } catch {
                result.failures.append(error)
            }
        }
        if !result.started.isEmpty {
            // What happened there before is not known.
            heldBack.append(SideBandRecord(timeNanoseconds: monotonicNanoseconds(), event: .lost(count: 1)))
        }
        return result
    }

    /// Blocks until there are events, `wake` is readable, or the time is over.
    /// - Parameter wake: a descriptor (an eventfd or a pipe) by which other threads end the wait early; -1 for none.
    public func wait(timeoutNanoseconds: UInt64, wake: Int32 = -1) {
        var timeout = heldBack.isEmpty ? timeoutNanoseconds : min(timeoutNanoseconds, napNanoseconds)
        let elapsed = monotonicNanoseconds() &- lastDrainNanoseconds
        var descriptors = [pollfd(fd: wake, events: Int16(POLLIN), revents: 0)]
        if elapsed < napNanoseconds {
            // The nap: only `wake` ends it.
            let nap = min(napNanoseconds &- elapsed, timeout)
            if Self.poll(&descriptors, nanoseconds: nap) > 0 || nap == timeout { return }
            timeout &-= nap
        }
        descriptors += rings.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        _ = Self.poll(&descriptors, nanoseconds: timeout)
    }

    private static func poll(_ descriptors: inout [pollfd], nanoseconds: UInt64) -> Int32 {
        let milliseconds = (nanoseconds &+ 999_999) / 1_000_000
        return Glibc.poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: milliseconds))
    }

    /// Takes all events that are certain to be in order; the very newest may wait for the next call.
    /// - Parameter isFinal: takes those as well.
    public func drain(isFinal: Bool = false) -> [SideBandRecord] {
        let start = monotonicNanoseconds()
        lastDrainNanoseconds = start
        var records = heldBack
        heldBack = []
        for ring in rings {
            let isSane = ring.drain { reader in
                do throws(ReadError) {
                    if let record = try SideBandRecord(reading: &reader) { records.append(record) }
                } catch {
                    malformedRecords &+= 1
                }
            }
            if !isSane {
                malformedRecords &+= 1
                records.append(SideBandRecord(timeNanoseconds: start, event: .lost(count: 1)))
            }
        }
        records.sort { $0.timeNanoseconds < $1.timeNanoseconds }
        if !isFinal, let last = records.last, last.timeNanoseconds >= start {
            let cut = records.partitioningIndex { $0.timeNanoseconds >= start }
            heldBack = Array(records[cut...])
            records.removeSubrange(cut...)
        }
        return records
    }
}

extension Array {
    /// Index of the first element for which `isAfter` holds, in an array where those come last.
    func partitioningIndex(_ isAfter: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
