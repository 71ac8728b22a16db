import BPFObjects
import CBPFInterface

/// Tells the kernel side which executable memory a process has. Belongs to the reading thread.
struct ProcessPublisher {
    /// Which samples of a process are taken.
    struct Selection: Equatable {
        var isExcluded = false
        /// One in so many, by chance.
        var oneIn: UInt32 = 1
        /// CLOCK_MONOTONIC.
        var notBeforeNanoseconds: UInt64 = 0

        static let all = Selection()
    }

    private struct Published {
        var firstMapping: UInt32
        var mappings: [mapping]
        var flags: UInt32 = 0
        /// By bits, see `struct process`.
        var runtimes: UInt32 = 0
        var refusedRuntimes: UInt32 = 0
        var selection = Selection.all

        var record: process {
            var record = process()
            record.first_mapping = firstMapping
            record.mapping_count = UInt32(truncatingIfNeeded: mappings.count)
            record.flags = flags
            record.runtimes = runtimes
            record.refused_runtimes = refusedRuntimes
            if selection.isExcluded { record.flags |= UInt32(PROCESS_EXCLUDED.rawValue) }
            record.one_in = selection.oneIn
            record.not_before_nanoseconds = selection.notBeforeNanoseconds
            return record
        }
    }

    private let processes: BPFMap
    private let mappings: BPFMap
    private var extents: MappingExtents
    private var published: [UInt32: Published] = [:]
    /// Runs that a program on another CPU may still be reading; given back a while later.
    private var retired: [(start: UInt32, count: Int, atNanoseconds: UInt64)] = []
    /// Processes for which there was no room.
    private(set) var refused: UInt64 = 0

    /// A program runs for much less than a millisecond.
    private static let graceNanoseconds: UInt64 = 50_000_000

    init(processes: BPFMap, mappings: BPFMap, capacity: UInt32) {
        self.processes = processes
        self.mappings = mappings
        extents = MappingExtents(capacity: capacity)
    }

    var processCount: Int { published.count }
    var freeMappings: Int { extents.freeCount }

    /// The mappings that the kernel knows of a process.
    func mappings(of pid: UInt32) -> [mapping]? { published[pid]?.mappings }

    func selection(of pid: UInt32) -> Selection? { published[pid]?.selection }

    /// Replaces what is known of a process, in one step for the programs: they see the old run or the new one.
    mutating func publish(_ pid: UInt32, _ list: [mapping], _ selection: Selection, now: UInt64) throws(BPFError) {
        let most = Int(ABI_MAX_MAPPINGS_PER_PROCESS)
        let list = list.count > most ? Array(list.prefix(most)) : list
        guard let first = list.isEmpty ? 0 : extents.allocate(list.count) else {
            refused &+= 1
            return
        }
        var next = Published(firstMapping: first, mappings: list, selection: selection)
        do throws(BPFError) {
            for (index, mapping) in list.enumerated() {
                try mappings.update(first + UInt32(index), mapping)
            }
            // A process keeps its runtimes as long as it lives.
            next.runtimes = published[pid]?.runtimes ?? 0
            next.refusedRuntimes = published[pid]?.refusedRuntimes ?? 0
            try processes.update(pid, next.record)
        } catch {
            extents.release(first, count: list.count)
            throw error
        }
        retire(published.updateValue(next, forKey: pid), now)
    }

    /// From now on an address without a mapping is no news and not worth a snapshot, until the mappings change.
    mutating func confirm(_ pid: UInt32) throws(BPFError) {
        published[pid]?.flags = UInt32(PROCESS_MAPPINGS_CONFIRMED.rawValue)
        if let known = published[pid] { try processes.update(pid, known.record) }
    }

    /// Tells which runtimes' facts of a process are in their maps, and which could not be inspected.
    mutating func setRuntimes(_ pid: UInt32, attached: UInt32, refused: UInt32) throws(BPFError) {
        published[pid]?.runtimes = attached
        published[pid]?.refusedRuntimes = refused
        if let known = published[pid] { try processes.update(pid, known.record) }
    }

    mutating func retract(_ pid: UInt32, now: UInt64) throws(BPFError) {
        guard let old = published.removeValue(forKey: pid) else { return }
        try processes.remove(pid)
        retire(old, now)
    }

    /// Gives back what no program can be reading any longer.
    mutating func reclaim(now: UInt64) {
        guard let first = retired.first, first.atNanoseconds <= now else { return }
        let kept = retired.firstIndex { $0.atNanoseconds > now } ?? retired.count
        for run in retired[..<kept] { extents.release(run.start, count: run.count) }
        retired.removeFirst(kept)
    }

    private mutating func retire(_ old: Published?, _ now: UInt64) {
        guard let old, !old.mappings.isEmpty else { return }
        retired.append((old.firstMapping, old.mappings.count, now &+ ProcessPublisher.graceNanoseconds))
    }
}
