import Collector
import OTLP

extension Telemetry {
    /// Changes the resource of every part of the batch.
    ///
    /// The parts are taken out of the batch while they are changed, so that nothing is copied that nobody else holds.
    public mutating func updateResources(_ body: (inout OTLPResource) -> Void) {
        switch self {
        case .traces(var data):
            self = .traces(.init())
            for index in data.resourceSpans.indices { body(&data.resourceSpans[index].resource) }
            self = .traces(data)
        case .metrics(var data):
            self = .metrics(.init())
            for index in data.resourceMetrics.indices { body(&data.resourceMetrics[index].resource) }
            self = .metrics(data)
        case .logs(var data):
            self = .logs(.init())
            for index in data.resourceLogs.indices { body(&data.resourceLogs[index].resource) }
            self = .logs(data)
        case .profiles(var data):
            self = .profiles(.init())
            for index in data.resourceProfiles.indices { body(&data.resourceProfiles[index].resource) }
            self = .profiles(data)
        }
    }
}

/// Attributes by their keys. A list is searched: it is short, and senders decide about its order.
extension [OTLPKeyValue] {
    /// The value of the first attribute of that key. Setting nil removes all of that key.
    public subscript(key: String) -> OTLPAnyValue? {
        get { first { $0.key == key }?.value }
        set {
            guard let newValue else {
                removeAll { $0.key == key }
                return
            }
            if let index = firstIndex(where: { $0.key == key }) {
                self[index].value = newValue
            } else {
                append(OTLPKeyValue(key, newValue))
            }
        }
    }
}

extension OTLPAnyValue {
    /// The value as text, as others show it: numbers in decimal, lists and maps as JSON, bytes in base64.
    public var text: String {
        switch value {
        case nil: ""
        case .stringValue(let text): text
        case .boolValue(let value): value ? "true" : "false"
        case .intValue(let value): "\(value)"
        case .doubleValue(let value): Self.decimal(value)
        case .bytesValue(let bytes): bytes.base64EncodedString()
        case .stringValueStrindex: ""
        case .arrayValue, .kvlistValue: json
        }
    }

    private static func decimal(_ value: Double) -> String {
        if let whole = Int64(exactly: value), abs(value) < 1e15 { return "\(whole)" }
        return "\(value)"
    }

    private var json: String {
        switch value {
        case nil, .stringValueStrindex: "null"
        case .stringValue(let text): text.quotedJSON
        case .boolValue, .intValue, .doubleValue: text
        case .bytesValue(let bytes): bytes.base64EncodedString().quotedJSON
        case .arrayValue(let array): "[" + array.values.map(\.json).joined(separator: ",") + "]"
        case .kvlistValue(let list):
            "{" + list.values.map { "\($0.key.quotedJSON):\($0.value.json)" }.joined(separator: ",") + "}"
        }
    }

    /// A value as a configuration writes it.
    public init(_ node: ConfigurationNode) {
        self.init()
        switch node.value {
        case .null: break
        case .boolean(let flag): value = .boolValue(flag)
        case .integer(let number): value = .intValue(number)
        case .floatingPoint(let number): value = .doubleValue(number)
        case .string(let text): value = .stringValue(text)
        case .list(let items): value = .arrayValue(.with { $0.values = items.map { OTLPAnyValue($0) } })
        case .map(let map):
            value = .kvlistValue(.with { $0.values = map.entries.map { OTLPKeyValue($0.key, OTLPAnyValue($0.node)) } })
        }
    }
}
