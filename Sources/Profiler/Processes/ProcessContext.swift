import BinaryReading

/// What a process publishes about itself in a mapping that it names `OTEL_CTX`: the resource of its OpenTelemetry SDK
/// (OTEP 4719, "Process Context").
///
/// The mapping starts with a header of 32 bytes: "OTEL_CTX", version (u32), length of the payload (u32), time of the
/// publication (u64, nanoseconds of CLOCK_BOOTTIME; 0 while it is being changed), address of the payload (u64). The
/// payload is a protobuf message whose field 1 is an OTLP `Resource`.
public struct ProcessContext: Sendable, Hashable {
    /// Attribute values that are passed on; others are left out.
    public enum Value: Sendable, Hashable {
        case string(String)
        case boolean(Bool)
        case integer(Int64)
        case double(Double)
        /// Of one type or of several, never of arrays.
        case array([Value])
    }

    public struct Attribute: Sendable, Hashable {
        public var key: String
        public var value: Value

        public init(key: String, value: Value) {
            self.key = key
            self.value = value
        }
    }

    /// Those of the resource, in the order of the process; a key that comes twice counts once.
    public var attributes: [Attribute]

    public init(attributes: [Attribute] = []) {
        self.attributes = attributes
    }

    /// What the process is called by its own word. SDKs that were told nothing say `unknown_service`, which is no name.
    var serviceName: String? {
        guard case .string(let name)? = attributes.first(where: { $0.key == "service.name" })?.value, !name.isEmpty,
            name != "unknown_service", !name.hasPrefix("unknown_service:")
        else { return nil }
        return name
    }

    /// Names under which `/proc/PID/maps` shows the mapping: of a memfd, of named shared and of named private memory.
    static let mappingNames = ["/memfd:OTEL_CTX", "[anon_shmem:OTEL_CTX]", "[anon:OTEL_CTX]"]
}

/// Where a process's context lies and which publication of it was read.
public struct ProcessContextPlace: Sendable, Equatable {
    /// Process address of the header.
    var address: UInt64
    /// As in the header; nil: that publication could not be understood.
    var publishedAt: UInt64?
}

/// Why what a process publishes was not understood.
enum ProcessContextError: Error, Equatable {
    case noHeader
    case unknownVersion(UInt32)
    case tooLarge(UInt32)
    /// It was being changed whenever it was looked at.
    case changing
    case malformed(ReadError)
    case unreadable(MemoryReadError)
}

extension ProcessContext {
    static let maximumPayloadBytes: UInt32 = 65536
    private static let headerBytes = 32
    private static let attempts = 3

    struct Header: Equatable {
        var payloadBytes: UInt32
        var publishedAt: UInt64
        var payloadAddress: UInt64
    }

    static func header(at address: UInt64, in memory: some MemoryReader) throws(ProcessContextError) -> Header {
        let bytes: [UInt8]
        do throws(MemoryReadError) {
            bytes = try memory.readBytes(at: address, count: headerBytes)
        } catch {
            throw .unreadable(error)
        }
        return try parse(bytes) { (reader: inout ByteReader) throws(ReadError) -> Result<Header, ProcessContextError> in
            guard try reader.read(UInt64.self, "signature") == signature else { return .failure(.noHeader) }
            let version = try reader.read(UInt32.self, "version")
            let payloadBytes = try reader.read(UInt32.self, "payload size")
            let publishedAt = try reader.read(UInt64.self, "published at")
            let payloadAddress = try reader.read(UInt64.self, "payload address")
            guard version == 2 else { return .failure(.unknownVersion(version)) }
            guard payloadBytes <= maximumPayloadBytes else { return .failure(.tooLarge(payloadBytes)) }
            return .success(
                Header(payloadBytes: payloadBytes, publishedAt: publishedAt, payloadAddress: payloadAddress))
        }
    }

    /// "OTEL_CTX", little-endian.
    private static let signature: UInt64 = 0x5854_435f_4c45_544f

    /// Reads a context while its process may be changing it.
    static func read(
        at address: UInt64, in memory: some MemoryReader
    ) throws(ProcessContextError) -> (context: ProcessContext, publishedAt: UInt64) {
        for _ in 0..<attempts {
            let before = try header(at: address, in: memory)
            guard before.publishedAt != 0 else { continue }
            var payload: [UInt8] = []
            do throws(MemoryReadError) {
                payload = try memory.readBytes(at: before.payloadAddress, count: Int(before.payloadBytes))
            } catch {
                // The old payload may be gone together with the old header.
                guard try header(at: address, in: memory) == before else { continue }
                throw .unreadable(error)
            }
            guard try header(at: address, in: memory) == before else { continue }
            let context = try parse(payload) { (reader: inout ByteReader) throws(ReadError) in
                .success(try ProcessContext(parsing: &reader))
            }
            return (context, before.publishedAt)
        }
        throw .changing
    }

    private static func parse<Value>(
        _ bytes: [UInt8], _ body: (inout ByteReader) throws(ReadError) -> Result<Value, ProcessContextError>
    ) throws(ProcessContextError) -> Value {
        var result = Result<Value, ProcessContextError>.failure(.noHeader)
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            do throws(ReadError) { result = try body(&reader) } catch { result = .failure(.malformed(error)) }
        }
        return try result.get()
    }
}
