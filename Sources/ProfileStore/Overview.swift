import GRDB

/// A process that has samples in a window.
public struct ProcessSummary: Sendable, Equatable {
    /// The store's id of the process; a pid may be used again by another.
    public var id: Int64
    /// -1 when the sender gave none.
    public var pid: Int64
    public var name: String
    public var executablePath: String
    public var containerID: String
    public var serviceName: String
    public var value: Int64
    public var cpuTimeNanoseconds: Int64
}

public struct ThreadSummary: Sendable, Equatable {
    public var name: String
    /// Threads of that name that have samples.
    public var count: Int
    public var value: Int64
}

public struct SampleTypeSummary: Sendable, Equatable {
    public var name: SampleTypeName
    public var value: Int64
}

/// Samples over time.
public struct Timeline: Sendable, Equatable {
    /// Start of the first interval, seconds since 1970.
    public var startSeconds: Int64
    public var stepSeconds: Int64
    /// Value per interval; for sample types with a CPU period also the CPU time.
    public var values: [Int64]
    public var cpuTimeNanoseconds: [Int64]
}

/// What there is in a window, to choose from.
public struct Overview: Sendable, Equatable {
    /// By falling value; filtered by sample type only.
    public var processes: [ProcessSummary]
    /// By falling value; filtered by sample type and process.
    public var threads: [ThreadSummary]
    /// All sample types of the window, by falling value.
    public var sampleTypes: [SampleTypeSummary]
    /// Filtered by sample type, process and thread.
    public var timeline: Timeline
}

/// The store's extent.
public struct StoreStatus: Sendable, Equatable {
    /// Starts of the oldest and newest bucket, seconds since 1970; nil while the store is empty.
    public var oldestSeconds: Int64?
    public var newestSeconds: Int64?
    public var bucketSeconds: Int64
    public var sizeBytes: Int64
    public var nowSeconds: Int64
}

extension ProfileStore {
    public func status() async throws -> StoreStatus {
        let bucketSeconds = configuration.bucketSeconds
        let now = clock()
        return try await read { database in
            let oldest = try Int64.fetchOne(database, sql: "SELECT min(id) FROM block")
            let newest = try Int64.fetchOne(database, sql: "SELECT max(id) FROM block")
            return StoreStatus(
                oldestSeconds: oldest.map { $0 >> SampleBlock.sequenceBits },
                newestSeconds: newest.map { $0 >> SampleBlock.sequenceBits }, bucketSeconds: bucketSeconds,
                sizeBytes: try Retention.usedBytes(database), nowSeconds: now)
        }
    }

    /// Processes, threads, sample types and a timeline in one pass.
    ///
    /// The text filter is not looked at: names are not read here.
    /// - Parameter timelineFromSeconds: where the timeline begins; it ends with the filter's window or later.
    public func overview(
        _ filter: SampleFilter, timelineFromSeconds: Int64? = nil, timelineToSeconds: Int64? = nil,
        maximumTimelineSteps: Int = 360
    ) async throws -> Overview {
        let bucketSeconds = configuration.bucketSeconds
        return try await read { database in
            let query = OverviewQuery(
                filter: filter, timelineFrom: timelineFromSeconds ?? filter.fromSeconds,
                timelineTo: timelineToSeconds ?? filter.toSeconds, maximumSteps: max(1, maximumTimelineSteps),
                bucketSeconds: bucketSeconds)
            return try query.run(database)
        }
    }
}

struct OverviewQuery {
    let filter: SampleFilter
    let timelineFrom: Int64
    let timelineTo: Int64
    let maximumSteps: Int
    let bucketSeconds: Int64

    private struct ThreadIdentity: Hashable {
        var process: Int64
        var tid: Int64
    }

    func run(_ database: Database) throws -> Overview {
        var directory = SeriesDirectory()
        var processes: [Int64: ProcessSummary] = [:]
        var threads: [String: (value: Int64, identities: Set<ThreadIdentity>)] = [:]
        var sampleTypes: [SampleTypeName: Int64] = [:]
        var timeline = emptyTimeline()

        let from = max(0, min(timelineFrom, filter.fromSeconds))
        let to = max(timelineTo, filter.toSeconds)
        let rows = try Row.fetchCursor(
            database, sql: "SELECT id, series, total FROM block WHERE id >= ? AND id < ?",
            arguments: [SampleBlock.firstRowID(startSeconds: from), SampleBlock.firstRowID(startSeconds: to)])
        while let row = try rows.next() {
            guard let series = try directory.information(row[1], database) else { continue }
            let start = (row[0] as Int64) >> SampleBlock.sequenceBits
            let value: Int64 = row[2]
            let cpuTime = value.multipliedSaturated(by: series.periodNanoseconds)
            if filter.matches(series), start >= timeline.startSeconds {
                let step = (start - timeline.startSeconds) / timeline.stepSeconds
                if step < Int64(timeline.values.count) {
                    timeline.values[Int(step)] = timeline.values[Int(step)].addingSaturated(value)
                    timeline.cpuTimeNanoseconds[Int(step)] = timeline.cpuTimeNanoseconds[Int(step)]
                        .addingSaturated(cpuTime)
                }
            }
            guard start >= filter.fromSeconds, start < filter.toSeconds else { continue }
            sampleTypes[series.sampleType] = (sampleTypes[series.sampleType] ?? 0).addingSaturated(value)
            guard series.sampleType == filter.sampleType else { continue }
            var process =
                processes[series.processID]
                ?? ProcessSummary(
                    id: series.processID, pid: series.pid, name: series.processName,
                    executablePath: series.executablePath, containerID: series.containerID,
                    serviceName: series.serviceName, value: 0, cpuTimeNanoseconds: 0)
            process.value = process.value.addingSaturated(value)
            process.cpuTimeNanoseconds = process.cpuTimeNanoseconds.addingSaturated(cpuTime)
            processes[series.processID] = process
            var anyThread = filter
            anyThread.threadName = nil
            guard anyThread.matches(series) else { continue }
            threads[series.threadName, default: (0, [])].value.saturatingAdd(value)
            threads[series.threadName]?.identities.insert(
                ThreadIdentity(process: series.processID, tid: series.tid))
        }
        return Overview(
            processes: processes.values.sorted { ($1.value, $0.name, $0.id) < ($0.value, $1.name, $1.id) },
            threads: threads.map { ThreadSummary(name: $0.key, count: $0.value.identities.count, value: $0.value.value) }
                .sorted { ($1.value, $0.name) < ($0.value, $1.name) },
            sampleTypes: sampleTypes.map { SampleTypeSummary(name: $0.key, value: $0.value) }
                .sorted { ($1.value, $0.name.type) < ($0.value, $1.name.type) },
            timeline: timeline)
    }

    /// Steps are whole buckets, so that none takes part of one.
    private func emptyTimeline() -> Timeline {
        let length = max(bucketSeconds, timelineTo - timelineFrom)
        let buckets = (length + bucketSeconds - 1) / bucketSeconds
        let bucketsPerStep = (buckets + Int64(maximumSteps) - 1) / Int64(maximumSteps)
        let step = max(1, bucketsPerStep) * bucketSeconds
        let start = max(0, timelineFrom) / step * step
        let count = Int(clamping: (max(timelineTo, start + 1) - start + step - 1) / step)
        return Timeline(
            startSeconds: start, stepSeconds: step,
            values: Array(repeating: 0, count: count), cpuTimeNanoseconds: Array(repeating: 0, count: count))
    }
}

extension Int64 {
    mutating func saturatingAdd(_ other: Int64) {
        self = addingSaturated(other)
    }
}
