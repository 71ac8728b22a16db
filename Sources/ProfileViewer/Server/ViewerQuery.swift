import HummingbirdCore
import ProfileStore

/// A request's parameters cannot be used; the description says which and why.
struct QueryError: Error, CustomStringConvertible {
    var description: String
}

/// The parameters that API requests have in common.
struct ViewerQuery {
    private let parameters: [String: String]

    /// Longest text of a filter, in bytes.
    private static let maximumTextBytes = 4096
    /// Seconds since 1970 up to here are times.
    private static let times: ClosedRange<Int64> = 0...(1 << 38)

    init(_ uri: URI) throws(QueryError) {
        var parameters: [String: String] = [:]
        for (name, value) in uri.queryParameters {
            guard value.utf8.count <= Self.maximumTextBytes else {
                throw QueryError(description: "parameter `\(name.prefix(40))` is longer than 4096 bytes")
            }
            parameters[String(name)] = String(value)
        }
        self.parameters = parameters
    }

    func integer(_ name: String, in range: ClosedRange<Int64>) throws(QueryError) -> Int64? {
        guard let text = parameters[name], !text.isEmpty else { return nil }
        guard let value = Int64(text), range.contains(value) else {
            throw QueryError(
                description: "parameter `\(name)` must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func time(_ name: String) throws(QueryError) -> Int64? {
        try integer(name, in: Self.times)
    }

    private func text(_ name: String) -> String? {
        guard let text = parameters[name], !text.isEmpty else { return nil }
        return text
    }

    func filter() throws(QueryError) -> SampleFilter {
        guard let from = try time("from"), let to = try time("to") else {
            throw QueryError(description: "parameters `from` and `to` are needed, in seconds since 1970")
        }
        guard from < to else { throw QueryError(description: "`from` must lie before `to`") }
        return SampleFilter(
            fromSeconds: from, toSeconds: to,
            sampleType: SampleTypeName(
                type: text("type") ?? SampleTypeName.onCPU.type, unit: text("unit") ?? SampleTypeName.onCPU.unit),
            processName: text("process"), processID: try integer("processID", in: 0...Int64.max),
            threadName: text("thread"), text: text("text"))
    }

    func grouping() throws(QueryError) -> FlameGraphGrouping {
        guard let text = text("group") else { return .none }
        guard let grouping = FlameGraphGrouping(rawValue: text) else {
            let all = FlameGraphGrouping.allCases.map(\.rawValue).joined(separator: ", ")
            throw QueryError(description: "`group` must be one of \(all)")
        }
        return grouping
    }
}
