import HostIdentity
import OTLP

/// Turns a message of profiles into documents. A buffer that is full is sent before the next sample: a few bytes of a
/// message can ask for gigabytes of documents.
struct ProfilesEncoder {
    /// Profiles that cannot be stored, by sample type and unit, with their samples' items.
    private(set) var unsupported: [String: [ItemRange]] = [:]
    /// Samples whose stack the message does not have.
    private(set) var withoutStack: [ItemRange] = []
    /// Samples that stand for more events than one sample, or one message, can have written: not all of theirs were.
    private(set) var cutSamples: [ItemRange] = []
    var cutAddresses: Int { reader.cutAddresses }

    private let documents: ProfileDocuments
    private let settings: ProfileSettings
    private let seen: SeenDocuments
    private let host: HostIdentity?
    private let instant: ContinuousClock.Instant
    private var reader: ProfileDictionaryReader
    private var lottery: any RandomNumberGenerator
    /// Documents that this message has already.
    private var written: Set<DocumentIdentity> = []
    /// By index of the message's tables: whether everything has been written that comes with the entry. Samples come
    /// back to the same stacks, and stacks to the same frames, many times.
    private var (doneStacks, doneLocations, doneMappings): ([Bool], [Bool], [Bool])
    /// Of samples, over the whole message.
    private var nextItem = 0
    private var timestamp: [UInt8] = []
    private var timestamps = TimestampWriter()

    /// More events than that of one value, or of one message, are not written: it would be a hostile one. Sixty-four
    /// CPUs at twenty samples a second have as many in two hours.
    static let maximumEventsOfValue: Int64 = 100_000
    static let maximumEventsOfMessage: Int64 = 10_000_000
    /// How many events are written at most before it is seen whether the buffer is full.
    private static let eventsAtOnce: Int64 = 1000
    private var eventsLeft: Int64

    /// - Parameters:
    ///   - now: Nanoseconds since 1970.
    ///   - lottery: Draws the downsampled events.
    init(
        dictionary: OTLPProfilesDictionary, schema: ProfileSchema, settings: ProfileSettings, seen: SeenDocuments,
        host: HostIdentity?, now: UInt64, instant: ContinuousClock.Instant,
        maximumEvents: Int64 = maximumEventsOfMessage,
        lottery: any RandomNumberGenerator = SystemRandomNumberGenerator()
    ) {
        documents = ProfileDocuments(schema: schema, now: now)
        self.settings = settings
        self.seen = seen
        self.host = settings.fillsHost ? host : nil
        self.instant = instant
        self.lottery = lottery
        eventsLeft = maximumEvents
        reader = ProfileDictionaryReader(dictionary)
        doneStacks = Array(repeating: false, count: reader.stackCount)
        doneLocations = Array(repeating: false, count: reader.locationCount)
        doneMappings = Array(repeating: false, count: reader.mappingCount)
    }

    /// - Parameters:
    ///   - maximumBytes: From this size on a buffer is full.
    ///   - whenFull: Sends what is in the buffer and empties it. Not called for what is left at the end.
    mutating func encode(
        _ resource: OTLPResourceProfiles, to buffer: inout BulkBuffer, maximumBytes: Int = .max,
        whenFull: (inout BulkBuffer) async -> Void = { _ in }
    ) async {
        let ofResource = ProfileAttributes(resource.resource.attributes)
        for scope in resource.scopeProfiles {
            let ofScope = ofResource.adding(scope.scope.attributes)
            for profile in scope.profiles where !profile.samples.isEmpty {
                await encode(profile, ofScope, to: &buffer, maximumBytes, whenFull)
            }
        }
    }

    private mutating func encode(
        _ profile: OTLPProfile, _ attributes: ProfileAttributes, to buffer: inout BulkBuffer, _ maximumBytes: Int,
        _ whenFull: (inout BulkBuffer) async -> Void
    ) async {
        let items = ItemRange(first: Int32(clamping: nextItem), count: Int32(clamping: profile.samples.count))
        defer { nextItem += profile.samples.count }
        guard let frequency = frequency(of: profile) else {
            unsupported[typeText(profile), default: []].append(items)
            return
        }
        var attributes = attributes.adding(profile.attributeIndices, of: reader.dictionary)
        attributes.fill(host)
        writeHost(attributes, to: &buffer)
        let tail = documents.eventTail(attributes: attributes, frequency: frequency)
        var rest: [UInt8] = []
        for (index, sample) in profile.samples.enumerated() {
            if buffer.bytes.count >= maximumBytes { await whenFull(&buffer) }
            let item = ItemRange.one(nextItem + index)
            guard let stack = reader.stack(sample.stackIndex) else {
                withoutStack.append(item)
                continue
            }
            if !doneStacks[Int(sample.stackIndex)] {
                doneStacks[Int(sample.stackIndex)] = true
                await writeStack(
                    stack, reader.locations(ofStack: sample.stackIndex), time: sample.timestampsUnixNano.first,
                    to: &buffer, maximumBytes, whenFull)
            }
            documents.eventRest(
                stack: stack, threadName: reader.threadName(sample.attributeIndices), tail: tail, to: &rest)
            var events = SampleEvents(sample, profile)
            while writeEvents(&events, rest: rest, items: item, to: &buffer) {
                if buffer.bytes.count >= maximumBytes { await whenFull(&buffer) }
            }
            if events.isCut { cutSamples.append(item) }
        }
    }

    // MARK: - Which profiles

    /// Samples a second; nil for a profile that counts something else than the CPU's time.
    private func frequency(of profile: OTLPProfile) -> Int64? {
        func isNamed(_ type: OTLPValueType, _ name: String, _ unit: String) -> Bool {
            func matches(_ index: Int32, _ name: String) -> Bool {
                guard let text = reader.dictionary.string(at: index), text.utf8.count == name.utf8.count else {
                    return false
                }
                return text.lowercased() == name
            }
            return matches(type.typeStrindex, name) && matches(type.unitStrindex, unit)
        }
        guard isNamed(profile.sampleType, "samples", "count"), isNamed(profile.periodType, "cpu", "nanoseconds") else {
            return nil
        }
        guard profile.period > 0 else { return 1 }
        return max(1, Int64((1e9 / Double(profile.period)).rounded()))
    }

    private func typeText(_ profile: OTLPProfile) -> String {
        func text(_ index: Int32) -> String { (reader.dictionary.string(at: index) ?? "").cut(toBytes: 100) }
        return "\(text(profile.sampleType.typeStrindex))/\(text(profile.sampleType.unitStrindex))"
    }

    // MARK: - Documents that are written once

    /// True for a document that neither the server nor this message has; it is to be written now.
    private mutating func mustWrite(_ identity: DocumentIdentity) -> Bool {
        !seen.contains(identity, now: instant) && written.insert(identity).inserted
    }

    private mutating func writeHost(_ attributes: ProfileAttributes, to buffer: inout BulkBuffer) {
        let id = attributes["host.id"]
        guard !id.isEmpty else { return }
        let bytes = Array(id.utf8)
        let identity = DocumentIdentity(
            kind: .host, words: (XXHash64.hash(bytes), XXHash64.hash(bytes + [0]), UInt64(bytes.count)))
        guard mustWrite(identity) else { return }
        documents.host(id: id, attributes: attributes.ofHost, identity: identity, to: &buffer)
    }

    /// - Parameter locations: Of the stack, leaf first.
    private mutating func writeStack(
        _ stack: ProfileStack, _ locations: [Int32], time: UInt64?, to buffer: inout BulkBuffer, _ maximumBytes: Int,
        _ whenFull: (inout BulkBuffer) async -> Void
    ) async {
        // Whoever has the trace need not have the frames: their documents are acknowledged apart. But what has been
        // written for this message is complete.
        guard !written.contains(stack.identity) else { return }
        var frameIDs: [UInt8] = []
        var types: [UInt8] = []
        let isNew = mustWrite(stack.identity)
        let queues = settings.fillsSymbolizationQueues && documents.schema == .classic
        let leaf = queues ? locations.first { reader.frame($0) != nil } : nil
        for location in locations.reversed() {
            let isDone = doneLocations.isSet(location)
            guard isNew || queues || !isDone, let frame = reader.frame(location) else { continue }
            if isNew {
                frame.id.append(to: &frameIDs)
                types.append(frame.type)
            }
            if !isDone {
                doneLocations[Int(location)] = true
                writeFrame(frame, of: location, time: time, to: &buffer)
                if buffer.bytes.count >= maximumBytes { await whenFull(&buffer) }
            }
            if queues { queueUnnamed(frame, isLeaf: location == leaf, to: &buffer) }
        }
        if isNew {
            documents.trace(
                stack, frameIDs: frameIDs, frameTypes: FrameType.runLengths(rootFirst: types), time: time, to: &buffer)
        } else {
            written.insert(stack.identity)
        }
    }

    private mutating func writeFrame(
        _ frame: ProfileFrame, of location: Int32, time: UInt64?, to buffer: inout BulkBuffer
    ) {
        if frame.isSymbolized, mustWrite(frame.id.identity(.frame)) {
            documents.frame(frame.id, functions: reader.functions(ofLocation: location), time: time, to: &buffer)
        }
        if frame.mapping > 0 { writeExecutable(frame, to: &buffer) }
    }

    /// Work for a symbolization service: files with frames without names, and such frames where they are leaves.
    private mutating func queueUnnamed(_ frame: ProfileFrame, isLeaf: Bool, to buffer: inout BulkBuffer) {
        guard !frame.isSymbolized, !frame.isError else { return }
        let file = DocumentIdentity(kind: .queuedExecutable, words: (frame.id.file.high, frame.id.file.low, 0))
        if mustWrite(file) { documents.queuedExecutable(frame.id.file, to: &buffer) }
        if isLeaf, mustWrite(frame.id.identity(.queuedFrame)) { documents.queuedFrame(frame.id, to: &buffer) }
    }

    private mutating func writeExecutable(_ frame: ProfileFrame, to buffer: inout BulkBuffer) {
        guard !doneMappings.isSet(frame.mapping) else { return }
        doneMappings[Int(frame.mapping)] = true
        let identity = DocumentIdentity(
            kind: .executable, words: (frame.id.file.high, frame.id.file.low, UInt64(bitPattern: documents.week)))
        guard mustWrite(identity) else { return }
        let mapping = reader.dictionary.mapping(at: frame.mapping)
        let name = mapping.flatMap { reader.dictionary.string(at: $0.filenameStrindex) } ?? ""
        guard !name.isEmpty else { return }
        let cut = name.cut(toBytes: ProfileAttributes.maximumTextBytes)
        documents.executable(frame.id.file, fileName: cut, identity: identity, to: &buffer)
    }

    // MARK: - Events

    /// Writes the next of a sample's events.
    /// - Returns: False when there are none left.
    private mutating func writeEvents(
        _ events: inout SampleEvents, rest: [UInt8], items: ItemRange, to buffer: inout BulkBuffer
    ) -> Bool {
        var room = Self.eventsAtOnce
        while room > 0 {
            guard let (time, count) = events.next(atMost: min(room, eventsLeft)) else { return false }
            room -= count
            eventsLeft -= count
            timestamp.removeAll(keepingCapacity: true)
            timestamps.append(nanoseconds: time, to: &timestamp)
            for _ in 0..<count { writeEvent(rest: rest, items: items, to: &buffer) }
        }
        return true
    }

    private mutating func writeEvent(rest: [UInt8], items: ItemRange, to buffer: inout BulkBuffer) {
        documents.event(timestamp: timestamp, rest: rest, items: items, to: &buffer)
        guard settings.writesDownsampledEvents, documents.schema == .classic else { return }
        for level in 1...ProfileSchema.downsampledLevels {
            // One in five survives each level.
            guard Int.random(in: 0..<5, using: &lottery) == 0 else { break }
            documents.event(timestamp: timestamp, rest: rest, items: .none, level: level, to: &buffer)
        }
    }
}

extension [Bool] {
    /// False for an index that is not there.
    fileprivate func isSet(_ index: Int32) -> Bool {
        indices.contains(Int(index)) && self[Int(index)]
    }
}
