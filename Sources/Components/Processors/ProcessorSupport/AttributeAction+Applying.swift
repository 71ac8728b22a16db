import Collector
import Crypto
import OTLP
import RegularExpressions

extension AttributeAction {
    /// Changes the attributes as the action says.
    public func apply(to attributes: inout [OTLPKeyValue]) {
        switch operation {
        case .insert(let key, let source, let fallback):
            guard attributes[key] == nil, let value = value(source, fallback, attributes) else { return }
            attributes.append(OTLPKeyValue(key, value))
        case .update(let key, let source, let fallback):
            guard attributes[key] != nil, let value = value(source, fallback, attributes) else { return }
            attributes[key] = value
        case .upsert(let key, let source, let fallback):
            guard let value = value(source, fallback, attributes) else { return }
            attributes[key] = value
        case .delete(let target): attributes.removeAll { target.means($0.key) }
        case .hash(let target):
            for index in attributes.indices where target.means(attributes[index].key) {
                attributes[index].value = attributes[index].value.hashed
            }
        case .extract(let key, let pattern):
            guard case .stringValue(let text)? = attributes[key]?.value, let match = pattern.firstMatch(in: text) else {
                return
            }
            let bytes = Array(text.utf8)
            for (name, range) in zip(pattern.groupNames, match.ranges) {
                guard let name, let range else { continue }
                attributes[name] = .string(String(decoding: bytes[range], as: UTF8.self))
            }
        case .convert(let key, let type):
            guard let value = attributes[key], let converted = value.converted(to: type) else { return }
            attributes[key] = converted
        }
    }

    private func value(_ source: Source, _ fallback: OTLPAnyValue?, _ attributes: [OTLPKeyValue]) -> OTLPAnyValue? {
        let found: OTLPAnyValue? =
            switch source {
            case .value(let value): value
            case .attribute(let name): attributes[name]
            case .context(let name): Self.contextValue(name).map { OTLPAnyValue.string($0) }
            }
        return found ?? fallback
    }

    /// Several values of one header field are joined, as HTTP itself joins them.
    private static func contextValue(_ name: String) -> String? {
        guard let context = RequestContext.current else { return nil }
        if name == "client.address" { return context.clientAddress }
        if name.hasPrefix("metadata.") {
            return context.metadata[name.dropFirst("metadata.".count).lowercased()]?.joined(separator: ";")
        }
        return context.authentication[String(name.dropFirst("auth.".count))]
    }
}

extension AttributeAction.Target {
    func means(_ key: String) -> Bool {
        switch self {
        case .key(let own): own == key
        case .pattern(let pattern): pattern.matches(key)
        case .either(let own, let pattern): own == key || pattern.matches(key)
        }
    }
}

extension OTLPAnyValue {
    /// SHA-256 of the value's bytes in hexadecimal digits: of text its UTF-8, of numbers eight bytes in little
    /// endian, of a boolean one byte. Nothing stays nothing.
    var hashed: OTLPAnyValue {
        let bytes: [UInt8] =
            switch value {
            case nil: []
            case .stringValue(let text): Array(text.utf8)
            case .boolValue(let flag): [flag ? 1 : 0]
            case .intValue(let number): withUnsafeBytes(of: number.littleEndian) { Array($0) }
            case .doubleValue(let number): withUnsafeBytes(of: number.bitPattern.littleEndian) { Array($0) }
            case .bytesValue(let data): Array(data)
            case .arrayValue, .kvlistValue, .stringValueStrindex: Array(text.utf8)
            }
        guard !bytes.isEmpty else { return .string("") }
        let digits = Array("0123456789abcdef".utf8)
        let text = SHA256.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return .string(String(decoding: text, as: UTF8.self))
    }

    /// Nil if the value does not stand for one of that type.
    func converted(to type: AttributeAction.ConvertedType) -> OTLPAnyValue? {
        switch (type, value) {
        case (_, nil): nil
        case (.int, .intValue), (.double, .doubleValue), (.string, .stringValue): self
        case (.int, .doubleValue(let number)): Int64(exactly: number.rounded(.towardZero)).map { .integer($0) }
        case (.int, .boolValue(let flag)): .integer(flag ? 1 : 0)
        case (.int, .stringValue(let text)): Int64(text).map { .integer($0) }
        case (.double, .intValue(let number)): .double(Double(number))
        case (.double, .boolValue(let flag)): .double(flag ? 1 : 0)
        case (.double, .stringValue(let text)): Double(text).map { .double($0) }
        case (.string, _): .string(text)
        case (.int, _), (.double, _): nil
        }
    }
}
