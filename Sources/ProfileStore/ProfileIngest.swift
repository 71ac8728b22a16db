import GRDB
import OTLP

/// What became of one OTLP message.
public struct IngestResult: Sendable, Equatable {
    /// Samples stored, as OTLP counts them (one per stack and attribute set).
    public var samples = 0
    /// Samples refused: an index points outside the dictionary, or a value is negative.
    public var rejectedSamples = 0
    /// Events stored with the time of arrival because their own lies in the future.
    public var clockAdjusted = 0

    public init() {}
}

/// Writes one OTLP message into the database, inside one transaction.
struct ProfileIngest {
    private let dictionary: Opentelemetry_Proto_Profiles_V1development_ProfilesDictionary
    private let bucketSeconds: Int64
    /// Wall clock, seconds since 1970.
    private let now: Int64
    /// Newest bucket start that this message can write; the time of all rows it refers to.
    private let newestStart: Int64

    private var result = IngestResult()
    /// Per entry of the dictionary's tables: what it was resolved to.
    private var strings: [Int64]
    private var locations: [LocationFrames?]
    private var stacks: [Int64]
    private var blocks: [BlockKey: [(stack: Int64, value: Int64)]] = [:]

    private struct LocationFrames {
        var frames: [Int64]
        var isError: Bool
    }

    private struct BlockKey: Hashable {
        var start: Int64
        var series: Int64
    }

    /// Clocks of sender and receiver may differ by this much.
    private static let clockToleranceSeconds: Int64 = 60
    /// Inlined functions at one location.
    private static let maximumLines = 256
    /// Frames of one stack; the profiler itself stops at 1,024.
    private static let maximumFrames = 4096

    init(
        _ dictionary: Opentelemetry_Proto_Profiles_V1development_ProfilesDictionary, bucketSeconds: Int64, now: Int64
    ) {
        self.dictionary = dictionary
        self.bucketSeconds = bucketSeconds
        self.now = now
        newestStart = now + Self.clockToleranceSeconds
        strings = Array(repeating: 0, count: dictionary.stringTable.count)
        locations = Array(repeating: nil, count: dictionary.locationTable.count)
        stacks = Array(repeating: 0, count: dictionary.stackTable.count)
    }

    mutating func write(
        _ profiles: Opentelemetry_Proto_Profiles_V1development_ProfilesData, _ interner: inout Interner,
        _ database: Database
    ) throws -> IngestResult {
        for resource in profiles.resourceProfiles {
            let attributes = ResourceAttributes(resource.resource, strings: dictionary.stringTable)
            for scope in resource.scopeProfiles {
                for profile in scope.profiles {
                    try add(profile, attributes, &interner, database)
                }
            }
        }
        try writeBlocks(database)
        return result
    }

    // MARK: - Samples

    private mutating func add(
        _ profile: Opentelemetry_Proto_Profiles_V1development_Profile, _ resource: ResourceAttributes,
        _ interner: inout Interner, _ database: Database
    ) throws {
        let sampleType = try interner.sampleType(
            SampleTypeKey(
                type: try string(profile.sampleType.typeStrindex, &interner, database),
                unit: try string(profile.sampleType.unitStrindex, &interner, database),
                periodType: try string(profile.periodType.typeStrindex, &interner, database),
                periodUnit: try string(profile.periodType.unitStrindex, &interner, database),
                period: profile.period),
            at: newestStart, database)
        let fallbackName = resource.name ?? threadName(profile, of: resource.pid)
        let process = try interner.process(
            ProcessKey(
                pid: resource.pid ?? -1,
                name: try interner.string(fallbackName ?? "unknown", at: newestStart, database),
                executable: try interner.string(resource.executablePath, at: newestStart, database),
                container: try interner.string(resource.containerID, at: newestStart, database),
                service: try interner.string(resource.serviceName, at: newestStart, database)),
            at: newestStart, database)

        for sample in profile.samples {
            guard hasValidShape(sample), let stack = try stack(sample.stackIndex, &interner, database) else {
                result.rejectedSamples += 1
                continue
            }
            let thread = threadAttributes(sample)
            let series = try interner.series(
                SeriesKey(
                    process: process, threadName: try interner.string(thread.name, at: newestStart, database),
                    tid: thread.tid, sampleType: sampleType),
                at: newestStart, database)
            result.samples += 1
            if sample.timestampsUnixNano.isEmpty {
                add(sample.values[0], profile.timeUnixNano, stack, series)
            } else {
                for index in sample.timestampsUnixNano.indices {
                    let value = sample.values.isEmpty ? 1 : sample.values[index]
                    add(value, sample.timestampsUnixNano[index], stack, series)
                }
            }
        }
    }

    /// The three shapes that OTLP allows: timestamps, one value, or as many of both.
    private func hasValidShape(_ sample: Opentelemetry_Proto_Profiles_V1development_Sample) -> Bool {
        let values = sample.values.count
        let timestamps = sample.timestampsUnixNano.count
        guard (timestamps > 0 && (values == 0 || values == timestamps)) || (timestamps == 0 && values == 1) else {
            return false
        }
        return sample.values.allSatisfy { $0 >= 0 }
    }

    private mutating func add(_ value: Int64, _ timeUnixNano: UInt64, _ stack: Int64, _ series: Int64) {
        var seconds = Int64(timeUnixNano / 1_000_000_000)
        if seconds == 0 { seconds = now }
        if seconds > newestStart {
            seconds = now
            result.clockAdjusted += 1
        }
        let start = seconds / bucketSeconds * bucketSeconds
        blocks[BlockKey(start: start, series: series), default: []].append((stack, value))
    }

    private func writeBlocks(_ database: Database) throws {
        var nextRowIDs: [Int64: Int64] = [:]
        for key in blocks.keys.sorted(by: { ($0.start, $0.series) < ($1.start, $1.series) }) {
            guard var samples = blocks[key] else { continue }
            let rowID = try nextRowIDs[key.start] ?? BlockWriter.nextRowID(startSeconds: key.start, database)
            let (blob, total) = SampleBlock.encode(&samples)
            try BlockWriter.insert(rowID: rowID, series: key.series, total: total, blob, database)
            nextRowIDs[key.start] = rowID + 1
        }
    }

    // MARK: - Dictionary

    private mutating func string(_ index: Int32, _ interner: inout Interner, _ database: Database) throws -> Int64 {
        guard strings.indices.contains(Int(index)) else { return try interner.string("", at: newestStart, database) }
        if strings[Int(index)] == 0 {
            strings[Int(index)] = try interner.string(
                dictionary.stringTable[Int(index)], at: newestStart, database)
        }
        return strings[Int(index)]
    }

    /// - Returns: the stack's id, or nil when an index points outside the dictionary.
    private mutating func stack(_ index: Int32, _ interner: inout Interner, _ database: Database) throws -> Int64? {
        guard stacks.indices.contains(Int(index)) else { return nil }
        if stacks[Int(index)] != 0 { return stacks[Int(index)] }
        var frames: [Int64] = []
        var isComplete = true
        // OTLP is leaf first, and so are the lines of a location; the store is root first.
        for location in dictionary.stackTable[Int(index)].locationIndices.suffix(Self.maximumFrames).reversed() {
            guard let resolved = try resolve(location, &interner, database) else { return nil }
            frames.append(contentsOf: resolved.frames)
            if resolved.isError { isComplete = false }
        }
        let id = try interner.stack(frames, isComplete: isComplete, at: newestStart, database)
        stacks[Int(index)] = id
        return id
    }

    private mutating func resolve(_ index: Int32, _ interner: inout Interner, _ database: Database) throws
        -> LocationFrames?
    {
        guard locations.indices.contains(Int(index)) else { return nil }
        if let known = locations[Int(index)] { return known }
        let location = dictionary.locationTable[Int(index)]
        let type = FrameType(location, dictionary)
        let kind = try interner.string(type.name, at: newestStart, database)
        var moduleName = ""
        if location.mappingIndex != 0 {
            guard dictionary.mappingTable.indices.contains(Int(location.mappingIndex)) else { return nil }
            moduleName = text(dictionary.mappingTable[Int(location.mappingIndex)].filenameStrindex)
        }
        let module = try interner.string(moduleName, at: newestStart, database)
        let emptyText = try interner.string("", at: newestStart, database)

        var frames: [Int64] = []
        for line in location.lines.suffix(Self.maximumLines).reversed() {
            guard dictionary.functionTable.indices.contains(Int(line.functionIndex)) else { return nil }
            let function = dictionary.functionTable[Int(line.functionIndex)]
            let named = function.nameStrindex != 0 ? function.nameStrindex : function.systemNameStrindex
            guard named != 0 else { continue }
            let functionID = try interner.function(
                FunctionKey(
                    name: try string(named, &interner, database),
                    file: try string(function.filenameStrindex, &interner, database), module: module, kind: kind),
                at: newestStart, database)
            frames.append(
                try interner.frame(
                    FrameKey(function: functionID, line: max(line.line, 0)), at: newestStart, database))
        }
        if frames.isEmpty {
            let name = type.nameWithoutFunction(module: moduleName, address: location.address)
            let functionID = try interner.function(
                FunctionKey(
                    name: try interner.string(name, at: newestStart, database), file: emptyText, module: module,
                    kind: kind),
                at: newestStart, database)
            frames = [try interner.frame(FrameKey(function: functionID, line: 0), at: newestStart, database)]
        }
        let resolved = LocationFrames(frames: frames, isError: type.isError)
        locations[Int(index)] = resolved
        return resolved
    }

    private func text(_ index: Int32) -> String {
        dictionary.stringTable.indices.contains(Int(index)) ? dictionary.stringTable[Int(index)] : ""
    }

    // MARK: - Threads

    private func threadAttributes(_ sample: Opentelemetry_Proto_Profiles_V1development_Sample)
        -> (name: String, tid: Int64)
    {
        var name = ""
        var tid: Int64 = -1
        for index in sample.attributeIndices where dictionary.attributeTable.indices.contains(Int(index)) {
            let attribute = dictionary.attributeTable[Int(index)]
            switch text(attribute.keyStrindex) {
            case "thread.name": name = attribute.value.text(strings: dictionary.stringTable) ?? ""
            case "thread.id": tid = attribute.value.integer ?? -1
            default: break
            }
        }
        return (name, tid)
    }

    /// A process without a known executable (a kernel thread, or gone before it could be looked at) is called as its
    /// main thread, or else as its first one.
    private func threadName(_ profile: Opentelemetry_Proto_Profiles_V1development_Profile, of pid: Int64?) -> String? {
        var first: String?
        for sample in profile.samples {
            let thread = threadAttributes(sample)
            guard !thread.name.isEmpty else { continue }
            if thread.tid == pid { return thread.name }
            first = first ?? thread.name
        }
        return first
    }
}

/// Adds blocks to the database.
enum BlockWriter {
    static func nextRowID(startSeconds: Int64, _ database: Database) throws -> Int64 {
        let first = SampleBlock.firstRowID(startSeconds: startSeconds)
        let last = try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT max(id) FROM block WHERE id >= ? AND id < ?"),
            arguments: [first, SampleBlock.firstRowID(startSeconds: startSeconds + 1)])
        return (last ?? first - 1) + 1
    }

    static func insert(rowID: Int64, series: Int64, total: Int64, _ blob: [UInt8], _ database: Database) throws {
        try database.cachedStatement(sql: "INSERT INTO block (id, series, total, entries) VALUES (?, ?, ?, ?)")
            .execute(arguments: [rowID, series, total, Interner.databaseValue(blob)])
    }
}
