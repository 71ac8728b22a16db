import OTLP

/// A frame, as documents need it.
struct ProfileFrame: Sendable {
    var id: FrameID
    /// Index in the mapping table of a file that identifies itself; 0: none.
    var mapping: Int32
    var type: UInt8
    /// It has functions, see `ProfileDictionaryReader.functions`.
    var isSymbolized: Bool

    var isError: Bool { type & FrameType.errorBit != 0 }
}

/// A stack, as documents need it.
struct ProfileStack: Sendable {
    var hash: (high: UInt64, low: UInt64)

    /// 22 characters as text.
    var id: FileID { FileID(high: hash.high, low: hash.low) }
    var identity: DocumentIdentity { DocumentIdentity(kind: .trace, words: (hash.high, hash.low, 0)) }
}

/// Reads the dictionary of one message: each entry once, when it is first asked for. Indices are checked; what points
/// nowhere is left out.
///
/// What is kept of frames and stacks are plain numbers: there are tens of thousands of them in a message, and they are
/// asked for again with every sample. Names are read where a document has them.
///
/// Entries refer to each other, so a small message can stand for a large one: what a single document can grow to is
/// bounded, far beyond what programs have.
struct ProfileDictionaryReader {
    let dictionary: OTLPProfilesDictionary
    /// Native and kernel addresses that readers of documents could not hold, and that were cut to 31 bits.
    private(set) var cutAddresses = 0

    /// By index of the attribute table; nil where the attribute is another one.
    private var frameTypes: [UInt8?]
    private var threadNames: [String?]
    private var fileIDs: [FileID?]

    /// A deeper stack is none.
    static let maximumDepth = 32_768
    /// Functions inlined at one place, and bytes of their names; what exceeds them is left out.
    static let (maximumFunctions, maximumNameBytes, maximumNamesBytes) = (1024, 32_768, 1 << 20)

    private enum Lazy<Value> {
        case unread
        case read(Value?)
    }

    private var mappings: [Lazy<FileID>]
    private var frames: [Lazy<ProfileFrame>]
    private var stacks: [Lazy<ProfileStack>]

    private let locationTable: [OTLPLocation]
    private let stackTable: [OTLPStack]
    private let functionCount: Int

    init(_ dictionary: OTLPProfilesDictionary) {
        self.dictionary = dictionary
        frameTypes = []
        threadNames = []
        fileIDs = []
        for attribute in dictionary.attributeTable {
            let key = dictionary.string(at: attribute.keyStrindex) ?? ""
            let value = attribute.value.stringValue
            frameTypes.append(key == "profile.frame.type" ? FrameType.byte(value) : nil)
            threadNames.append(key == "thread.name" ? value.cut(toBytes: ProfileAttributes.maximumTextBytes) : nil)
            fileIDs.append(key == "process.executable.build_id.htlhash" ? FileID(hexadecimal: value) : nil)
        }
        locationTable = dictionary.locationTable
        stackTable = dictionary.stackTable
        functionCount = dictionary.functionTable.count
        mappings = Array(repeating: .unread, count: dictionary.mappingTable.count)
        frames = Array(repeating: .unread, count: locationTable.count)
        stacks = Array(repeating: .unread, count: stackTable.count)
    }

    /// How many entries the tables have.
    var mappingCount: Int { mappings.count }
    var locationCount: Int { frames.count }
    var stackCount: Int { stacks.count }

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

    // MARK: - Frames

    /// Nil for a location that does not exist, or whose mapping does not.
    mutating func frame(_ index: Int32) -> ProfileFrame? {
        guard frames.indices.contains(Int(index)) else { return nil }
        if case .read(let known) = frames[Int(index)] { return known }
        let frame = makeFrame(locationTable[Int(index)])
        frames[Int(index)] = .read(frame)
        return frame
    }

    private mutating func makeFrame(_ location: OTLPLocation) -> ProfileFrame? {
        guard mappings.indices.contains(Int(location.mappingIndex)) else { return nil }
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
            id: FrameID(file: file ?? FileID(functions: functions(of: location)), address: address),
            mapping: file == nil ? 0 : location.mappingIndex, type: type,
            isSymbolized: location.lines.contains { $0.functionIndex >= 0 && Int($0.functionIndex) < functionCount })
    }

    /// Innermost first, as OTLP has them; empty: not symbolized.
    /// - Parameter index: Of a location that has a frame.
    func functions(ofLocation index: Int32) -> [FrameFunction] {
        locationTable.indices.contains(Int(index)) ? functions(of: locationTable[Int(index)]) : []
    }

    private func functions(of location: OTLPLocation) -> [FrameFunction] {
        func name(_ index: Int32) -> String {
            (dictionary.string(at: index) ?? "").cut(toBytes: Self.maximumNameBytes)
        }
        var functions: [FrameFunction] = []
        var bytes = 0
        for line in location.lines where functions.count < Self.maximumFunctions && bytes < Self.maximumNamesBytes {
            guard let function = dictionary.function(at: line.functionIndex) else { continue }
            functions.append(
                FrameFunction(
                    name: name(function.nameStrindex), fileName: name(function.filenameStrindex), line: line.line,
                    column: line.column))
            bytes += (functions.last?.name.utf8.count ?? 0) + (functions.last?.fileName.utf8.count ?? 0)
        }
        return functions
    }

    // MARK: - Stacks

    /// Nil for a stack that does not exist, has no frames, or too many.
    mutating func stack(_ index: Int32) -> ProfileStack? {
        guard stacks.indices.contains(Int(index)) else { return nil }
        if case .read(let known) = stacks[Int(index)] { return known }
        let stack = makeStack(stackTable[Int(index)].locationIndices)
        stacks[Int(index)] = .read(stack)
        return stack
    }

    private mutating func makeStack(_ locations: [Int32]) -> ProfileStack? {
        guard locations.count <= Self.maximumDepth else { return nil }
        var hasher = TraceHasher()
        var isEmpty = true
        for index in locations {
            guard let frame = frame(index) else { continue }
            isEmpty = false
            hasher.add(frame.id)
        }
        return isEmpty ? nil : ProfileStack(hash: hasher.value)
    }

    /// Indices of locations, leaf first; those without a frame are no part of the stack.
    func locations(ofStack index: Int32) -> [Int32] {
        stackTable.indices.contains(Int(index)) ? stackTable[Int(index)].locationIndices : []
    }
}
