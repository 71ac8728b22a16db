import OTLP

/// Attribute values as JSON.
enum AttributeJSON {
    /// Bytes become hexadecimal text. Nesting is bounded: a message deeper than its decoder's 100 levels does not
    /// decode.
    static func write(_ value: OTLPAnyValue, to json: inout JSONWriter) {
        switch value.value {
        case .stringValue(let text): json.string(text)
        case .boolValue(let flag): json.boolean(flag)
        case .intValue(let number): json.integer(number)
        case .doubleValue(let number): json.double(number)
        case .bytesValue(let bytes): json.string(Hexadecimal.text(bytes))
        case .arrayValue(let array):
            json.beginArray()
            for element in array.values { write(element, to: &json) }
            json.endArray()
        case .kvlistValue(let list): writeMap(list.values, to: &json)
        case .stringValueStrindex, nil: json.null()
        }
    }

    /// Of keys that occur twice, the first counts.
    static func writeMap(_ entries: [OTLPKeyValue], to json: inout JSONWriter) {
        json.beginObject()
        var seen: Set<String> = []
        for entry in entries where seen.insert(entry.key).inserted {
            json.key(entry.key)
            write(entry.value, to: &json)
        }
        json.endObject()
    }
}
