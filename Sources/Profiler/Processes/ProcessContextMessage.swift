import BinaryReading

/// The protobuf message of a process context: `ProcessContext { resource = 1 }`, `Resource { attributes = 1 }`,
/// `KeyValue { key = 1, value = 2 }`, `AnyValue { string = 1, bool = 2, int = 3, double = 4, array = 5 }`,
/// `ArrayValue { values = 1 }` (opentelemetry/proto/common/v1/common.proto). Fields that are not known are skipped.
extension ProcessContext {
    /// What one process may add to every one of its resources.
    private static let maximumAttributes = 128
    private static let maximumTextBytes = 4096
    private static let maximumElements = 64

    /// Reads a payload; what it holds is what anybody may have written.
    public init(parsing payload: [UInt8]) throws(ReadError) {
        self.init()
        var failure: ReadError?
        payload.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            do throws(ReadError) { self = try ProcessContext(parsing: &reader) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    init(parsing message: inout ByteReader) throws(ReadError) {
        self.init()
        var keys: Set<String> = []
        while let field = try Field(reading: &message) {
            guard field.number == 1, var resource = field.bytes else { continue }
            while let field = try Field(reading: &resource) {
                guard field.number == 1, var attribute = field.bytes else { continue }
                guard let attribute = try Self.attribute(&attribute), attributes.count < Self.maximumAttributes,
                    keys.insert(attribute.key).inserted
                else { continue }
                attributes.append(attribute)
            }
        }
    }

    private static func attribute(_ message: inout ByteReader) throws(ReadError) -> Attribute? {
        var key: String?
        var value: Value?
        while let field = try Field(reading: &message) {
            switch (field.number, field.bytes) {
            case (1, let bytes?): key = text(bytes)
            case (2, var bytes?): value = try self.value(&bytes, isElement: false)
            default: break
            }
        }
        guard let key, !key.isEmpty, let value else { return nil }
        return Attribute(key: key, value: value)
    }

    private static func value(_ message: inout ByteReader, isElement: Bool) throws(ReadError) -> Value? {
        var value: Value?
        while let field = try Field(reading: &message) {
            switch (field.number, field.content) {
            case (1, .bytes(let bytes)): value = text(bytes).map { .string($0) }
            case (2, .number(let number)): value = .boolean(number != 0)
            case (3, .number(let number)): value = .integer(Int64(bitPattern: number))
            case (4, .fixed64(let bits)): value = .double(Double(bitPattern: bits))
            case (5, .bytes(var bytes)) where !isElement: value = .array(try elements(&bytes))
            default: break
            }
        }
        return value
    }

    private static func elements(_ message: inout ByteReader) throws(ReadError) -> [Value] {
        var elements: [Value] = []
        while let field = try Field(reading: &message) {
            guard field.number == 1, var bytes = field.bytes, let element = try value(&bytes, isElement: true),
                elements.count < maximumElements
            else { continue }
            elements.append(element)
        }
        return elements
    }

    /// Invalid UTF-8 is repaired; nil when it is longer than what is passed on.
    private static func text(_ bytes: ByteReader) -> String? {
        guard bytes.count <= maximumTextBytes else { return nil }
        var bytes = bytes
        return (try? bytes.readBytes(bytes.remaining)).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// A field of a protobuf message (protobuf.dev, "Encoding").
private struct Field {
    enum Content {
        case number(UInt64)
        case fixed64(UInt64)
        case bytes(ByteReader)
        case fixed32
    }

    var number: UInt64
    var content: Content

    var bytes: ByteReader? {
        if case .bytes(let bytes) = content { bytes } else { nil }
    }

    /// Nil at the end of the message.
    init?(reading message: inout ByteReader) throws(ReadError) {
        guard !message.isAtEnd else { return nil }
        let start = message.absolutePosition
        let tag = try message.readULEB128("tag")
        number = tag >> 3
        switch tag & 7 {
        case 0: content = .number(try message.readULEB128("varint"))
        case 1: content = .fixed64(try message.read(UInt64.self, "fixed64"))
        case 2:
            let length = try message.readULEB128("length")
            guard let length = Int(exactly: length) else {
                throw ReadError(.insufficientData, at: start, reading: "length")
            }
            content = .bytes(try message.slice(length, "field"))
        case 5:
            try message.skip(4, "fixed32")
            content = .fixed32
        default: throw ReadError(.invalidValue, at: start, reading: "wire type")
        }
    }
}
