import Collector
import OTLP
import SwiftProtobuf

extension Telemetry {
    /// Bytes on the wire, before compression.
    func serializedSize() throws -> Int {
        func size(_ message: some Message) throws -> Int {
            let bytes: [UInt8] = try message.serializedBytes()
            return bytes.count
        }
        return switch self {
        case .traces(let data): try size(data)
        case .metrics(let data): try size(data)
        case .logs(let data): try size(data)
        case .profiles(let data): try size(data)
        }
    }
}
