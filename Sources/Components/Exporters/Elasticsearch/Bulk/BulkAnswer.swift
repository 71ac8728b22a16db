/// The answer to a bulk request: one result for each document, in the request's order.
struct BulkAnswer: Sendable {
    enum FailureStore: String, Sendable {
        case used
        case failed
        case notEnabled = "not_enabled"
        case notApplicable = "not_applicable_or_unknown"
    }

    struct Item: Sendable {
        var status = 0
        /// Empty: none.
        var errorType = ""
        var errorReason = ""
        var failureStore: FailureStore?

        var isFailure: Bool { status > 201 || status < 200 || !errorType.isEmpty }
        var isConflict: Bool { status == 409 }
    }

    var items: [Item] = []

    /// - Throws: `JSONReader.Failure`.
    init(parsing body: [UInt8]) throws {
        var reader = JSONReader(body)
        var items: [Item] = []
        try reader.object { reader, key in
            guard key == "items" else { return try reader.skip() }
            try reader.array { reader in
                var item = Item()
                // One member: the action.
                try reader.objectOrSkip { reader, _ in
                    try reader.objectOrSkip { reader, key in try item.read(key, &reader) }
                }
                items.append(item)
            }
        }
        self.items = items
    }
}

extension BulkAnswer.Item {
    fileprivate mutating func read(_ key: String, _ reader: inout JSONReader) throws {
        switch key {
        case "status": status = try reader.optionalInteger() ?? 0
        case "failure_store": failureStore = try reader.optionalString().flatMap(BulkAnswer.FailureStore.init)
        case "error": (errorType, errorReason) = try ServerError.read(&reader)
        default: try reader.skip()
        }
    }
}

/// The error object that Elasticsearch puts into answers.
enum ServerError {
    /// Type and reason; a plain string is the reason.
    static func read(_ reader: inout JSONReader) throws -> (type: String, reason: String) {
        var (type, reason) = ("", "")
        var mayBeText = true
        try reader.objectOrSkip { reader, key in
            mayBeText = false
            switch key {
            case "type": type = try reader.optionalString() ?? ""
            case "reason": reason = try reader.optionalString() ?? ""
            default: try reader.skip()
            }
        }
        return (mayBeText && type.isEmpty ? "error" : type, reason)
    }

    /// The error of a whole answer, for a message; empty if the body holds none.
    static func text(ofAnswer body: [UInt8]) -> String {
        var reader = JSONReader(body)
        var found = (type: "", reason: "")
        try? reader.object { reader, key in
            if key == "error" { found = try read(&reader) } else { try reader.skip() }
        }
        guard !found.type.isEmpty else { return "" }
        return found.reason.isEmpty ? found.type : "\(found.type): \(found.reason)"
    }
}
