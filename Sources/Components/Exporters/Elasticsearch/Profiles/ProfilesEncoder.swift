import HostIdentity
import OTLP

/// Turns a message of profiles into documents, resource by resource, so that full buffers can be sent in between.
struct ProfilesEncoder {
    /// Profiles that cannot be stored, by sample type and unit, with their samples' items.
    private(set) var unsupported: [String: [ItemRange]] = [:]
    /// Samples whose stack the message does not have.
    private(set) var withoutStack: [ItemRange] = []
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
    /// Of samples, over the whole message.
    private var nextItem = 0
    private var timestamp: [UInt8] = []
    private var timestamps = TimestampWriter()

    /// More events than that of one value are not written: it would be a hostile one.
    static let maximumEventsOfValue: Int64 = 100_000

    /// - Parameters:
    ///   - now: Nanoseconds since 1970.
    ///   - lottery: Draws the downsampled events.
    init(
        dictionary: OTLPProfilesDictionary, schema: ProfileSchema, settings: ProfileSettings, seen: SeenDocuments,
        host: HostIdentity?, now: UInt64, instant: ContinuousClock.Instant,
        lottery: any RandomNumberGenerator = SystemRandomNumberGenerator()
    ) {
        documents = ProfileDocuments(schema: schema, now: now)
        self.settings = settings
        self.seen = seen
        self.host = settings.fillsHost ? host : nil
        self.instant = instant
        self.lottery = lottery
        reader = ProfileDictionaryReader(dictionary)
    }

    mutating func encode(_ resource: OTLPResourceProfiles, to buffer: inout BulkBuffer) {
        for scope in resource.scopeProfiles {
            for profile in scope.profiles { encode(profile, resource, scope, to: &buffer) }
        }
    }

    private mutating func encode(
        _ profile: OTLPProfile, _ resource: OTLPResourceProfiles, _ scope: OTLPScopeProfiles,
        to buffer: inout BulkBuffer
    ) {
        let items = ItemRange(first: Int32(clamping: nextItem), count: Int32(clamping: profile.samples.count))
        defer { nextItem += profile.samples.count }
        guard let frequency = frequency(of: profile) else {
            unsupported[typeText(profile), default: []].append(items)
            return
        }
        let attributes = ProfileAttributes(
            resource: resource.resource.attributes, scope: scope.scope.attributes, profile: profile.attributeIndices,
            dictionary: reader.dictionary, host: host)
        writeHost(attributes, to: &buffer)
        let tail = documents.eventTail(attributes: attributes, frequency: frequency)
        for (index, sample) in profile.samples.enumerated() {
            let item = ItemRange.one(nextItem + index)
            guard let stack = reader.stack(sample.stackIndex) else {
                withoutStack.append(item)
                continue
            }
            writeStack(stack, time: sample.timestampsUnixNano.first, to: &buffer)
            let rest = documents.eventRest(
                stack: stack, threadName: reader.threadName(sample.attributeIndices), tail: tail)
            writeEvents(of: sample, profile, rest: rest, items: item, to: &buffer)
        }
    }

    // MARK: - Which profiles

    /// Samples a second; nil for a profile that counts something else than the CPU's time.
    private func frequency(of profile: OTLPProfile) -> Int64? {
        func isNamed(_ type: OTLPValueType, _ name: String, _ unit: String) -> Bool {
            reader.dictionary.string(at: type.typeStrindex)?.lowercased() == name
                && reader.dictionary.string(at: type.unitStrindex)?.lowercased() == unit
        }
        guard isNamed(profile.sampleType, "samples", "count"), isNamed(profile.periodType, "cpu", "nanoseconds") else {
            return nil
        }
        guard profile.period > 0 else { return 1 }
        return max(1, Int64((1e9 / Double(profile.period)).rounded()))
    }

    private func typeText(_ profile: OTLPProfile) -> String {
        func text(_ index: Int32) -> String { reader.dictionary.string(at: index) ?? "" }
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

    private mutating func writeStack(_ stack: ProfileStack, time: UInt64?, to buffer: inout BulkBuffer) {
        // Whoever has the trace need not have the frames: their documents are acknowledged apart. But what has been
        // written for this message is complete.
        guard !written.contains(stack.identity) else { return }
        var frameIDs: [UInt8] = []
        var types: [UInt8] = []
        let isNew = mustWrite(stack.identity)
        for location in stack.locations.reversed() {
            guard let frame = reader.frame(location) else { continue }
            if isNew {
                frame.id.append(to: &frameIDs)
                types.append(frame.type)
            }
            if frame.isSymbolized, mustWrite(frame.id.identity(.frame)) {
                documents.frame(frame, time: time, to: &buffer)
            }
            if frame.mapping > 0 { writeExecutable(frame, to: &buffer) }
            if settings.fillsSymbolizationQueues, documents.schema == .classic, !frame.isSymbolized, !frame.isError {
                let file = DocumentIdentity(
                    kind: .queuedExecutable, words: (frame.id.file.high, frame.id.file.low, 0))
                if mustWrite(file) { documents.queuedExecutable(frame.id.file, to: &buffer) }
                if location == stack.locations.first, mustWrite(frame.id.identity(.queuedFrame)) {
                    documents.queuedFrame(frame.id, to: &buffer)
                }
            }
        }
        if isNew {
            documents.trace(
                id: stack.id, frameIDs: frameIDs, frameTypes: FrameType.runLengths(rootFirst: types), time: time,
                identity: stack.identity, to: &buffer)
        } else {
            written.insert(stack.identity)
        }
    }

    private mutating func writeExecutable(_ frame: ProfileFrame, to buffer: inout BulkBuffer) {
        let week = documents.week
        let identity = DocumentIdentity(
            kind: .executable, words: (frame.id.file.high, frame.id.file.low, UInt64(bitPattern: week)))
        guard mustWrite(identity) else { return }
        let mapping = reader.dictionary.mapping(at: frame.mapping)
        let name = mapping.flatMap { reader.dictionary.string(at: $0.filenameStrindex) } ?? ""
        guard !name.isEmpty else { return }
        documents.executable(frame.id.file, fileName: name, identity: identity, to: &buffer)
    }

    // MARK: - Events

    /// Value j belongs to timestamp j; a missing value counts 1. Values without timestamps count at the profile's own
    /// time.
    private mutating func writeEvents(
        of sample: OTLPSample, _ profile: OTLPProfile, rest: [UInt8], items: ItemRange, to buffer: inout BulkBuffer
    ) {
        let times = sample.timestampsUnixNano
        guard !times.isEmpty else {
            writeEvents(sample.weight, time: profile.timeUnixNano, rest: rest, items: items, to: &buffer)
            return
        }
        for (index, time) in times.enumerated() {
            let count = sample.values.indices.contains(index) ? sample.values[index] : 1
            writeEvents(count, time: time, rest: rest, items: items, to: &buffer)
        }
    }

    private mutating func writeEvents(
        _ count: Int64, time: UInt64, rest: [UInt8], items: ItemRange, to buffer: inout BulkBuffer
    ) {
        guard count > 0 else { return }
        timestamp.removeAll(keepingCapacity: true)
        timestamps.append(nanoseconds: time, to: &timestamp)
        for _ in 0..<min(count, Self.maximumEventsOfValue) {
            documents.event(timestamp: timestamp, rest: rest, items: items, to: &buffer)
            guard settings.writesDownsampledEvents, documents.schema == .classic else { continue }
            for level in 1...ProfileSchema.downsampledLevels {
                // One in five survives each level.
                guard Int.random(in: 0..<5, using: &lottery) == 0 else { break }
                documents.event(timestamp: timestamp, rest: rest, items: .none, level: level, to: &buffer)
            }
        }
    }
}
