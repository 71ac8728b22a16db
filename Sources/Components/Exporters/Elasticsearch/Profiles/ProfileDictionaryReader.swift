import OTLP

/// A frame, as documents need it.
struct ProfileFrame: Sendable {
    var id: FrameID
    var type: UInt8
    /// Index in the mapping table of a file that identifies itself; 0: none.
    var mapping: Int32
    /// Innermost first, as OTLP has them; empty: not symbolized.
    var functions: [FrameFunction]

    var isSymbolized: Bool { !functions.isEmpty }
    var isError: Bool { type & FrameType.errorBit != 0 }
}

/// A stack, as documents need it.
struct ProfileStack: Sendable {
    /// Leaf first: indices of locations.
    var locations: [Int32]
    var hash: (high: UInt64, low: UInt64)
    /// 22 characters.
    var id: String

    var identity: DocumentIdentity { DocumentIdentity(kind: .trace, words: (hash.high, hash.low, 0)) }
}

/// Reads the dictionary of one message: each entry once, when it is first asked for. Indices are checked; what points
/// nowhere is left out.
struct ProfileDictionaryReader {
    let dictionary: OTLPProfilesDictionary
    /// Native and kernel addresses that readers of documents could not hold, and that were cut to 31 bits.
    private(set) var cutAddresses = 0

    /// By index of the attribute table; nil where the attribute is another one.
    private var frameTypes: [UInt8?]
    private var threadNames: [String?]
    private var fileIDs: [FileID?]

    private enum Lazy<Value> {
        case unread
        case read(Value?)
    }

    private var mappings: [Lazy<FileID>]
    private var frames: [Lazy<ProfileFrame>]
    private var stacks: [Lazy<ProfileStack>]

    init(_ dictionary: OTLPProfilesDictionary) {
        self.dictionary = dictionary
        frameTypes = []
        threadNames = []
        fileIDs = []
        for attribute in dictionary.attributeTable {
            let key = dictionary.string(at: attribute.keyStrindex) ?? ""
            let value = attribute.value.stringValue
            frameTypes.append(key == "profile.frame.type" ? FrameType.byte(value) : nil)
            threadNames.append(key == "thread.name" ? value : nil)
            fileIDs.append(key == "process.executable.build_id.htlhash" ? FileID(hexadecimal: value) : nil)
        }
        mappings = Array(repeating: .unread, count: dictionary.mappingTable.count)
        frames = Array(repeating: .unread, count: dictionary.locationTable.count)
        stacks = Array(repeating: .unread, count: dictionary.stackTable.count)
    }

    func threadName(_ attributes: [Int32]) -> String {
        first(attributes, in: threadNames) ?? ""
    }

    private func first<Value>(_ attributes: [Int32], in table: [Value?]) -> Value? {
        for index in attributes {
            if table.indices.contains(Int(index)), let value = table[Int(index)] { return value }
        }
        return nil
    }

    /// The id of a mapping's file; nil if it names none.
    mutating func fileID(ofMapping index: Int32) -> FileID? {
        guard index > 0, mappings.indices.contains(Int(index)) else { return nil }
        if case .read(let known) = mappings[Int(index)] { return known }
        let id = first(dictionary.mappingTable[Int(index)].attributeIndices, in: fileIDs)
        mappings[Int(index)] = .read(id)
        return id
    }

    /// Nil for a location that does not exist, or whose mapping does not.
    mutating func frame(_ index: Int32) -> ProfileFrame? {
        guard frames.indices.contains(Int(index)) else { return nil }
        if case .read(let known) = frames[Int(index)] { return known }
        let frame = makeFrame(dictionary.locationTable[Int(index)])
        frames[Int(index)] = .read(frame)
        return frame
    }

    private mutating func makeFrame(_ location: OTLPLocation) -> ProfileFrame? {
        guard mappings.indices.contains(Int(location.mappingIndex)) else { return nil }
        let functions = location.lines.compactMap { line -> FrameFunction? in
            guard let function = dictionary.function(at: line.functionIndex) else { return nil }
            return FrameFunction(
                name: dictionary.string(at: function.nameStrindex) ?? "",
                fileName: dictionary.string(at: function.filenameStrindex) ?? "", line: line.line, column: line.column)
        }
        let type = first(location.attributeIndices, in: frameTypes) ?? FrameType.unknown
        let file = fileID(ofMapping: location.mappingIndex)
        var address = location.address
        if address == 0, let line = location.lines.last?.line, line > 0 { address = UInt64(line) }
        // Those who read documents take an address for 31 bits, and if it has more, find a wrong file too.
        if type == FrameType.native || type == FrameType.kernel, address > Int32.max {
            address &= UInt64(Int32.max)
            cutAddresses += 1
        }
        return ProfileFrame(
            id: FrameID(file: file ?? FileID(functions: functions), address: address), type: type,
            mapping: file == nil ? 0 : location.mappingIndex, functions: functions)
    }

    /// Nil for a stack that does not exist, or has no frames.
    mutating func stack(_ index: Int32) -> ProfileStack? {
        guard stacks.indices.contains(Int(index)) else { return nil }
        if case .read(let known) = stacks[Int(index)] { return known }
        let stack = makeStack(dictionary.stackTable[Int(index)])
        stacks[Int(index)] = .read(stack)
        return stack
    }

    private mutating func makeStack(_ stack: OTLPStack) -> ProfileStack? {
        var hasher = TraceHasher()
        var locations: [Int32] = []
        locations.reserveCapacity(stack.locationIndices.count)
        for index in stack.locationIndices {
            guard let frame = frame(index) else { continue }
            locations.append(index)
            hasher.add(frame.id)
        }
        guard !locations.isEmpty else { return nil }
        let hash = hasher.value
        return ProfileStack(locations: locations, hash: hash, id: FileID(high: hash.high, low: hash.low).text)
    }
}
