import Collector
import OTLP
import SwiftProtobuf

extension Telemetry {
    /// As on the wire, before compression.
    func serializedBytes() throws -> [UInt8] {
        switch self {
        case .traces(let data): try data.serializedBytes()
        case .metrics(let data): try data.serializedBytes()
        case .logs(let data): try data.serializedBytes()
        case .profiles(let data): try data.serializedBytes()
        }
    }

    /// The inverse of `serializedBytes`.
    init(_ signal: Signal, serializedBytes bytes: [UInt8]) throws {
        self =
            switch signal {
            case .traces: .traces(try .init(serializedBytes: bytes))
            case .metrics: .metrics(try .init(serializedBytes: bytes))
            case .logs: .logs(try .init(serializedBytes: bytes))
            case .profiles: .profiles(try .init(serializedBytes: bytes))
            }
    }
}
