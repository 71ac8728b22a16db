/// Writes the documents of both schemas; knows their fields and nothing else.
struct ProfileDocuments {
    let schema: ProfileSchema
    /// Nanoseconds since 1970.
    let now: UInt64
    /// The seconds at which this week began.
    let week: Int64
    private let events: String
    /// Of an event's document, up to its timestamp.
    private let eventHead: [UInt8]
    private let (traces, frames): (String, String)

    init(schema: ProfileSchema, now: UInt64) {
        self.schema = schema
        self.now = now
        week = Timestamps.weekStart(Int64(now / 1_000_000_000))
        events = schema.events
        eventHead = Self.eventHead(schema.events)
        (traces, frames) = (schema.traces, schema.frames)
    }

    private static func eventHead(_ target: String) -> [UInt8] {
        BulkAction(index: target, requiresDataStream: true).line + Array("\n{\"@timestamp\":\"".utf8)
    }

    private func action(_ index: String, id: String) -> [UInt8] {
        BulkAction(index: index, id: id, requiresDataStream: schema == .otel).line
    }

    private func document(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        body(&json)
        json.endObject()
        return json.bytes
    }

    // MARK: - Traces and frames

    /// - Parameter time: Of the sample, nanoseconds since 1970; nil: unknown.
    func trace(
        _ stack: ProfileStack, frameIDs: [UInt8], frameTypes: String, time: UInt64?, to buffer: inout BulkBuffer
    ) {
        let source = document { json in
            switch schema {
            case .classic: json.member("ecs.version", ProfileSchema.ecsVersion)
            case .otel: json.member("@timestamp", Timestamps.text(nanoseconds: time ?? now))
            }
            let prefix = schema == .classic ? "Stacktrace." : ""
            // Digits of base64 need no escaping.
            json.key("\(prefix)frame.ids")
            json.raw([UInt8(ascii: "\"")] + frameIDs + [UInt8(ascii: "\"")])
            json.member("\(prefix)frame.types", frameTypes)
        }
        buffer.add(
            action: action(traces, id: stack.id.text), target: traces, items: .none, identity: stack.identity
        ) { $0 += source }
    }

    /// Functions that are inlined follow the function that they are inlined in: readers go through the arrays from the
    /// first entry on and take every later one for inlined.
    /// - Parameter functions: The innermost first.
    func frame(_ id: FrameID, functions: [FrameFunction], time: UInt64?, to buffer: inout BulkBuffer) {
        let functions = functions.reversed()
        let lines = functions.map { Int32(clamping: $0.line) }
        let source = document { json in
            switch schema {
            case .classic:
                json.member("ecs.version", ProfileSchema.ecsVersion)
                json.member("Stackframe.file.name", functions.map(\.fileName))
                json.member("Stackframe.function.name", functions.map(\.name))
                json.member("Stackframe.line.number", lines)
            case .otel:
                json.member("@timestamp", Timestamps.text(nanoseconds: time ?? now))
                json.member("function.filename", functions.map(\.fileName))
                json.member("function.name", functions.map(\.name))
                json.member("line.number", lines)
            }
        }
        buffer.add(
            action: action(frames, id: id.text), target: frames, items: .none, identity: id.identity(.frame)
        ) { $0 += source }
    }

    // MARK: - Executables and hosts

    func executable(_ file: FileID, fileName: String, identity: DocumentIdentity, to buffer: inout BulkBuffer) {
        let id = file.text
        switch schema {
        case .classic:
            let source = document { json in
                json.member("scripted_upsert", true)
                json.key("script")
                json.beginObject()
                json.member("source", ProfileSchema.executableScript)
                json.key("params")
                json.beginObject()
                json.member("timestamp", week)
                json.member("buildid", id)
                json.member("filename", fileName)
                json.member("ecsversion", ProfileSchema.ecsVersion)
                json.endObject()
                json.endObject()
                json.key("upsert")
                json.beginObject()
                json.endObject()
            }
            let action = BulkAction(operation: .update, index: schema.executables, id: id).line
            buffer.add(action: action, target: schema.executables, items: .none, identity: identity) { $0 += source }
        case .otel:
            var hash: [UInt8] = []
            hash.append(bigEndian: file.high)
            hash.append(bigEndian: file.low)
            let source = document { json in
                json.member("@timestamp", week)
                Self.resourceAttributes(
                    [
                        ("process.executable.build_id.htlhash", Hexadecimal.text(hash)),
                        ("process.executable.name", fileName),
                    ], to: &json)
            }
            buffer.add(
                action: action(schema.executables, id: id), target: schema.executables, items: .none, identity: identity
            ) { $0 += source }
        }
    }

    func host(
        id: String, attributes: [(key: String, value: String)], identity: DocumentIdentity, to buffer: inout BulkBuffer
    ) {
        let seconds = now / 1_000_000_000
        let source = document { json in
            switch schema {
            case .classic:
                json.member("ecs.version", ProfileSchema.ecsVersion)
                json.member("@timestamp", seconds)
                json.member("host.id", id)
                for (key, value) in attributes where key != "ecs.version" { json.member(key, value) }
            case .otel:
                json.member("@timestamp", seconds)
                Self.resourceAttributes([("host.id", id)] + attributes, to: &json)
            }
        }
        let action = BulkAction(index: schema.hosts, requiresDataStream: schema == .otel).line
        buffer.add(action: action, target: schema.hosts, items: .none, identity: identity) { $0 += source }
    }

    // MARK: - Events

    /// What all events of a profile have in common, with the braces that end the document.
    func eventTail(attributes: ProfileAttributes, frequency: Int64) -> [UInt8] {
        var json = JSONWriter()
        switch schema {
        case .classic:
            json.member("ecs.version", ProfileSchema.ecsVersion)
            json.member("host.id", attributes["host.id"])
            for (key, value) in Self.optionalNames(attributes) {
                json.member(key == "k8s.pod.name" ? "orchestrator.resource.name" : key, value)
            }
            json.member("process.executable.name", attributes["process.executable.name"])
            json.member("Stacktrace.sampling_frequency", frequency)
            json.member("Stacktrace.count", 1)
            // Elastic's own services use 1.
            json.member("profiling.project.id", 2)
            return json.bytes + Array("}".utf8)
        case .otel:
            json.member("host.id", attributes["host.id"])
            json.member("process.executable.name", attributes["process.executable.name"])
            for (key, value) in Self.optionalNames(attributes) { json.member(key, value) }
            return json.bytes + Array("}},\"sampling_frequency\":\(frequency),\"count\":1}".utf8)
        }
    }

    /// What all events of one stack in one thread have in common: everything behind the timestamp.
    /// - Parameter rest: What it held is replaced.
    func eventRest(stack: ProfileStack, threadName: String, tail: [UInt8], to rest: inout [UInt8]) {
        rest.removeAll(keepingCapacity: true)
        switch schema {
        case .classic:
            rest.append(contentsOf: "\",\"Stacktrace.id\":\"".utf8)
            stack.id.append(to: &rest)
            rest.append(contentsOf: "\",\"process.thread.name\":".utf8)
        case .otel:
            rest.append(contentsOf: "\",\"stacktrace.id\":\"".utf8)
            stack.id.append(to: &rest)
            rest.append(contentsOf: "\",\"resource\":{\"attributes\":{\"thread.name\":".utf8)
        }
        JSONWriter.append(quoted: threadName, to: &rest)
        rest.append(UInt8(ascii: ","))
        rest.append(contentsOf: tail)
    }

    private static func optionalNames(_ attributes: ProfileAttributes) -> [(key: String, value: String)] {
        ["k8s.pod.name", "k8s.namespace.name", "container.id", "container.name", "service.name", "host.name"]
            .map { ($0, attributes[$0]) }.filter { !$0.1.isEmpty }
    }

    /// - Parameters:
    ///   - timestamp: As `Timestamps` writes it.
    ///   - level: 0: all events; 1 and more: the downsampled ones.
    func event(
        timestamp: [UInt8], rest: [UInt8], items: ItemRange, level: Int = 0, to buffer: inout BulkBuffer
    ) {
        if level == 0 {
            buffer.add(eventHead, timestamp, rest, target: events, items: items)
        } else {
            let target = ProfileSchema.downsampledEvents(level: level)
            buffer.add(Self.eventHead(target), timestamp, rest, target: target, items: items)
        }
    }

    // MARK: - Work for a symbolization service

    func queuedFrame(_ frame: FrameID, to buffer: inout BulkBuffer) {
        queued(
            id: frame.text, key: "Stacktrace.frame.id", index: ProfileSchema.frameQueue,
            identity: frame.identity(.queuedFrame), to: &buffer)
    }

    func queuedExecutable(_ file: FileID, to buffer: inout BulkBuffer) {
        queued(
            id: file.text, key: "Executable.file.id", index: ProfileSchema.executableQueue,
            identity: DocumentIdentity(kind: .queuedExecutable, words: (file.high, file.low, 0)), to: &buffer)
    }

    private func queued(
        id: String, key: String, index: String, identity: DocumentIdentity, to buffer: inout BulkBuffer
    ) {
        let time = Timestamps.text(nanoseconds: now)
        let source = document { json in
            json.member("ecs.version", ProfileSchema.ecsVersion)
            json.member(key, [id])
            json.member("Time.created", time)
            json.member("Symbolization.time.next", time)
            json.member("Symbolization.retries", 0)
        }
        buffer.add(
            action: BulkAction(index: index, id: id).line, target: index, items: .none, identity: identity
        ) { $0 += source }
    }

    private static func resourceAttributes(_ attributes: [(key: String, value: String)], to json: inout JSONWriter) {
        json.key("resource")
        json.beginObject()
        json.key("attributes")
        json.beginObject()
        for (key, value) in attributes { json.member(key, value) }
        json.endObject()
        json.endObject()
    }
}
