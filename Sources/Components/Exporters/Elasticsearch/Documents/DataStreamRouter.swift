import Collector
import OTLP

/// Where a document goes.
struct DocumentTarget: Hashable, Sendable {
    var index: String
    /// Nil for an ordinary index.
    var dataStream: DataStreamName?
}

struct DataStreamName: Hashable, Sendable {
    var type: String
    var dataset: String
    var namespace: String

    var name: String { "\(type)-\(dataset)-\(namespace)" }
}

/// Chooses indices: a configured one, one that an attribute names, or the data stream of the signal.
struct DataStreamRouter: Sendable {
    private let indices: [Signal: String]
    private let logstash: LogstashFormat

    init(_ configuration: ElasticsearchConfiguration) {
        indices = configuration.indices
        logstash = configuration.logstash
    }

    /// - Parameters:
    ///   - attributes: From the most particular on: of the record, of its scope, of its resource.
    ///   - mode: Whose data streams they are.
    ///   - time: For indices with a date; seconds since 1970.
    func target(
        _ signal: Signal, attributes: [[OTLPKeyValue]], scope: OTLPScope, mode: MappingMode, time: Int64
    ) -> DocumentTarget {
        if let index = indices[signal] {
            return DocumentTarget(index: dated(index, time), dataStream: nil)
        }
        func attribute(_ key: String) -> String? {
            for list in attributes {
                if let found = list.first(where: { $0.key == key }) {
                    if case .stringValue(let text) = found.value.value, !text.isEmpty { return text }
                }
            }
            return nil
        }
        if let index = attribute("elasticsearch.index") {
            return DocumentTarget(index: dated(index, time), dataStream: nil)
        }
        var dataset = attribute("data_stream.dataset") ?? Self.encodingFormat(scope) ?? Self.component(scope.name)
        let suffix = mode == .otel ? ".otel" : ""
        dataset = Self.sanitized(dataset, also: "-", maximumBytes: 100 - suffix.utf8.count) + suffix
        let namespace = Self.sanitized(attribute("data_stream.namespace") ?? "default", also: "", maximumBytes: 100)
        let stream = DataStreamName(type: signal.rawValue, dataset: dataset, namespace: namespace)
        if logstash.isEnabled { return DocumentTarget(index: dated(stream.name, time), dataStream: nil) }
        return DocumentTarget(index: stream.name, dataStream: stream)
    }

    private func dated(_ index: String, _ time: Int64) -> String {
        logstash.isEnabled ? index + logstash.separator + DateFormat.text(logstash.dateFormat, time) : index
    }

    private static func encodingFormat(_ scope: OTLPScope) -> String? {
        guard let found = scope.attributes.first(where: { $0.key == "encoding.format" }),
            case .stringValue(let text) = found.value.value, !text.isEmpty
        else { return nil }
        return text
    }

    /// The receiver or connector that a scope's name tells of: `…/receiver/hostmetricsreceiver/internal/…` is of
    /// `hostmetricsreceiver`.
    static func component(_ scopeName: String) -> String {
        let parts = scopeName.split(separator: "/", omittingEmptySubsequences: false)
        for (folder, name) in zip(parts, parts.dropFirst()) {
            for kind in ["receiver", "connector"]
            where folder == kind && name.hasSuffix(kind) && name.count > kind.count
                && name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) {
                return String(name)
            }
        }
        return "generic"
    }

    /// Without what the names of indices must not have; cut at a character's end.
    static func sanitized(_ text: String, also extra: String, maximumBytes: Int) -> String {
        let forbidden = Set("\\/*?\"<>| ,#:" + extra)
        var result = ""
        var bytes = 0
        for character in text {
            let safe = forbidden.contains(character) ? "_" : character.lowercased()
            bytes += safe.utf8.count
            if bytes > maximumBytes { break }
            result += safe
        }
        return result
    }
}

/// Dates in the words of strftime(3), as far as names of indices use them: `%Y %y %m %d %H %M %S`.
enum DateFormat {
    static func text(_ format: String, _ seconds: Int64) -> String {
        let time = CivilTime(secondsSince1970: seconds)
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        var result = ""
        var rest = format[...]
        while let character = rest.popFirst() {
            guard character == "%", let field = rest.popFirst() else {
                result.append(character)
                continue
            }
            switch field {
            case "Y": result += padded(time.year, 4)
            case "y": result += padded(time.year % 100, 2)
            case "m": result += padded(time.month, 2)
            case "d": result += padded(time.day, 2)
            case "H": result += padded(time.hour, 2)
            case "M": result += padded(time.minute, 2)
            case "S": result += padded(time.second, 2)
            case "%": result += "%"
            default: result += "%\(field)"
            }
        }
        return result
    }
}
