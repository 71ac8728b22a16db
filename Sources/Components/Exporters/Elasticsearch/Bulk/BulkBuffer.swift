/// What is done with a document; the words of the bulk API.
enum BulkOperation: String, Sendable {
    case create
    case index
    case update
}

/// Names a document for the caches that keep it from being sent twice.
struct DocumentIdentity: Hashable, Sendable {
    enum Kind: UInt8, Sendable {
        case trace
        case frame
        case executable
        case host
        case queuedFrame
        case queuedExecutable
    }

    var kind: Kind
    /// An id of up to 24 bytes, or a hash.
    var words: (UInt64, UInt64, UInt64)

    static func == (left: DocumentIdentity, right: DocumentIdentity) -> Bool {
        left.kind == right.kind && left.words == right.words
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
    }
}

/// Which of a batch's items a document carries: if it is lost, so are they.
struct ItemRange: Hashable, Sendable {
    var first: Int32
    var count: Int32

    /// A document that stands for none, for example the name of a frame.
    static let none = ItemRange(first: 0, count: 0)

    static func one(_ index: Int) -> ItemRange { ItemRange(first: Int32(clamping: index), count: 1) }
}

/// Documents in the form of a bulk request's body: an action line and a source line each.
struct BulkBuffer: Sendable {
    struct Document: Sendable {
        /// Of both lines with their ends, in the buffer's bytes.
        var bytes: Range<Int>
        /// Index in `targets`.
        var target: Int
        var items: ItemRange
        /// Set where an existing document is as good as a new one.
        var identity: DocumentIdentity?
    }

    private(set) var bytes: [UInt8] = []
    private(set) var documents: [Document] = []
    /// The indices and data streams that documents go to.
    private(set) var targets: [String] = []
    private var targetNumbers: [String: Int] = [:]

    var isEmpty: Bool { documents.isEmpty }

    /// Storage is kept for what comes next.
    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        documents.removeAll(keepingCapacity: true)
        targets.removeAll()
        targetNumbers.removeAll()
    }

    mutating func target(_ name: String) -> Int {
        // Neighbours mostly go to the same place.
        if let last = documents.last, targets[last.target] == name { return last.target }
        if let number = targetNumbers[name] { return number }
        targets.append(name)
        targetNumbers[name] = targets.count - 1
        return targets.count - 1
    }

    /// - Parameters:
    ///   - action: The action line without its end.
    ///   - source: Appends the source line without its end.
    mutating func add(
        action: [UInt8], target: String, items: ItemRange, identity: DocumentIdentity? = nil,
        source: (inout [UInt8]) -> Void
    ) {
        let start = bytes.count
        bytes.append(contentsOf: action)
        bytes.append(UInt8(ascii: "\n"))
        source(&bytes)
        bytes.append(UInt8(ascii: "\n"))
        documents.append(
            Document(bytes: start..<bytes.count, target: self.target(target), items: items, identity: identity))
    }

    /// Where the documents of a request are in `bytes`: those that follow each other together.
    /// - Parameter maximumBytes: Of one piece, but for a single document.
    func pieces(of request: [Int], maximumBytes: Int) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        for document in request {
            let range = documents[document].bytes
            if let last = pieces.last, last.upperBound == range.lowerBound,
                range.upperBound - last.lowerBound <= maximumBytes
            {
                pieces[pieces.count - 1] = last.lowerBound..<range.upperBound
            } else {
                pieces.append(range)
            }
        }
        return pieces
    }

    /// A document that is there in three pieces, both lines together and without the last end.
    mutating func add(_ head: [UInt8], _ middle: [UInt8], _ tail: [UInt8], target: String, items: ItemRange) {
        let start = bytes.count
        bytes.append(contentsOf: head)
        bytes.append(contentsOf: middle)
        bytes.append(contentsOf: tail)
        bytes.append(UInt8(ascii: "\n"))
        documents.append(Document(bytes: start..<bytes.count, target: self.target(target), items: items))
    }
}

/// The first line of a document in a bulk request.
struct BulkAction: Sendable {
    var operation = BulkOperation.create
    var index: String
    var id: String?
    var pipeline: String?
    /// Full path of a field to the name of its template.
    var dynamicTemplates: [(field: String, template: String)] = []
    /// Refuse the document rather than make an ordinary index of that name.
    var requiresDataStream = false

    var line: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key(operation.rawValue)
        json.beginObject()
        if let id, !id.isEmpty { json.member("_id", id) }
        if !index.isEmpty { json.member("_index", index) }
        if let pipeline, !pipeline.isEmpty { json.member("pipeline", pipeline) }
        if !dynamicTemplates.isEmpty {
            json.key("dynamic_templates")
            json.beginObject()
            for (field, template) in dynamicTemplates { json.member(field, template) }
            json.endObject()
        }
        if requiresDataStream { json.member("require_data_stream", true) }
        json.endObject()
        json.endObject()
        return json.bytes
    }
}
