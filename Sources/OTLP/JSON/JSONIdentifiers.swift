import FoundationEssentials

/// An id that is neither hexadecimal digits nor base64 of the right length.
public struct JSONIdentifierError: Error, Sendable, Equatable, CustomStringConvertible {
    public let field: String
    public let expectedBytes: Int

    public var description: String {
        "\(field) must be \(expectedBytes * 2) hexadecimal digits, or empty"
    }
}

/// Turns a message into the form in which swift-protobuf's JSON is OTLP's JSON, and back.
///
/// The two differ in ids, which Protocol Buffers write in base64 and OTLP in hexadecimal digits. Four hexadecimal
/// digits are also valid base64 of three bytes. So before encoding an id is replaced by the bytes whose base64 *is* the
/// id's digits, and after decoding what was digits is recognized by its length and turned back.
public struct OTLPJSONPass {
    enum Direction {
        case encoding
        case decoding
    }

    private let direction: Direction
    /// The first id of a wrong length that was met while decoding.
    private(set) var error: JSONIdentifierError?

    init(_ direction: Direction) {
        self.direction = direction
    }

    /// True if messages that the Collector always writes must be made present.
    var isEncoding: Bool { direction == .encoding }

    mutating func traceID(_ id: inout Data) { visit(&id, bytes: 16, field: "traceId") }
    mutating func spanID(_ id: inout Data, field: StaticString = "spanId") { visit(&id, bytes: 8, field: field) }
    mutating func profileID(_ id: inout Data) { visit(&id, bytes: 16, field: "profileId") }

    private mutating func visit(_ id: inout Data, bytes: Int, field: StaticString) {
        if id.isEmpty { return }
        switch direction {
        case .encoding:
            // Bytes of another length are no id; they are left out, as others would refuse the whole message for them.
            guard id.count == bytes, let disguised = Data(base64Encoded: hexadecimalDigits(id)) else {
                id = Data()
                return
            }
            id = disguised
        case .decoding:
            if id.count == bytes { return }
            if id.count == bytes / 2 * 3, let original = dataFromHexadecimal(id.base64EncodedString()) {
                id = original
            } else if error == nil {
                error = JSONIdentifierError(field: "\(field)", expectedBytes: bytes)
            }
        }
    }

    /// Writes `value` of every attribute, be it empty.
    func attributes(_ attributes: inout [OTLPKeyValue]) {
        guard isEncoding, attributes.contains(where: { !$0.hasValue }) else { return }
        for index in attributes.indices where !attributes[index].hasValue {
            attributes[index].value = OTLPAnyValue()
        }
    }

    func resource(_ resource: inout OTLPResource) { attributes(&resource.attributes) }
    func scope(_ scope: inout OTLPScope) { attributes(&scope.attributes) }
}

func hexadecimalDigits(_ bytes: some Collection<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
        var position = 0
        for byte in bytes {
            buffer[position] = digits[Int(byte >> 4)]
            buffer[position + 1] = digits[Int(byte & 15)]
            position += 2
        }
        return position
    }
}

/// Nil for an odd number of characters and for anything but hexadecimal digits.
func dataFromHexadecimal(_ text: String) -> Data? {
    func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
    let characters = Array(text.utf8)
    guard characters.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(characters.count / 2)
    for position in stride(from: 0, to: characters.count, by: 2) {
        guard let high = digit(characters[position]), let low = digit(characters[position + 1]) else { return nil }
        bytes.append(high << 4 | low)
    }
    return Data(bytes)
}
