import AsyncHTTPClient
import ClientTLS
import Collector
import ExporterSupport
import HTTPClientSupport
import Glibc
import LZ4Compression
import Logging
import NIOCore
import NIOHTTP1
import OTLP
import SnappyCompression
import SwiftProtobuf
import ZlibCompression
import ZstdCompression

/// Sends batches of one signal to one URL.
final class OTLPHTTPSender: ProbingSender {
    private let configuration: OTLPHTTPConfiguration
    private let logger: Logger
    private let endpoint: HTTPEndpoint
    private let clients: HTTPClients
    /// Answers are small; a server that sends more is broken, or hostile.
    private let maximumAnswerBytes = 64 << 10

    /// - Throws: `CollectorError` if `url` is none.
    init(configuration: OTLPHTTPConfiguration, url: String, context: ComponentContext) throws {
        self.configuration = configuration
        endpoint = try HTTPEndpoint(parsing: url)
        logger = context.logger
        clients = HTTPClients(
            configuration.client, concurrency: configuration.exporter.queue?.consumers, build: context.build,
            logger: context.logger)
    }

    /// For messages: without user and password.
    private var url: String { endpoint.url }

    func start(host: any Host) async throws { try clients.start(host: host, endpoints: [endpoint]) }

    func shutdown() async { await clients.shutdown() }

    func send(_ telemetry: Telemetry) async throws {
        let payload = try compressed(Self.payload(telemetry, configuration.encoding))
        let response: HTTPClientResponse
        let body: [UInt8]
        do {
            // The exporter's own timeout ends the task.
            response = try await clients.execute(
                .POST, endpoint, target: endpoint.target, headers: headerFields, body: ByteBuffer(bytes: payload),
                timeout: configuration.exporter.timeout)
            body = try await readBody(response)
        } catch {
            throw RetryableError("failed to make an HTTP request to \(url): \(connectionFailureText(error))")
        }
        try await interpret(response, body, signal: telemetry.signal)
    }

    /// Sends an empty batch, which OTLP allows and which nobody counts.
    func probe(_ signal: Signal) async throws -> String {
        try await send(Telemetry(emptyOf: signal))
        return "\(url) takes \(signal)"
    }

    // MARK: - Request

    private var headerFields: [(String, String)] {
        var fields = [("Content-Type", configuration.encoding.contentType)]
        if configuration.compression != .none {
            fields.append(("Content-Encoding", configuration.compression.rawValue))
        }
        return fields
    }

    private func compressed(_ payload: [UInt8]) throws -> [UInt8] {
        let level = configuration.compressionLevel
        return switch configuration.compression {
        case .gzip: try payload.compressed(.gzip, level: level)
        case .zlib, .deflate: try payload.compressed(.zlib, level: level)
        // Its default is 0; 3 is what that means.
        case .zstd: try Zstd.compress(payload, level: max(0, level))
        case .snappy: Snappy.compress(payload)
        case .snappyFramed: SnappyFrames.compress(payload)
        case .lz4: LZ4.compress(payload)
        case .none: payload
        }
    }

    private static func payload(_ telemetry: Telemetry, _ encoding: OTLPHTTPConfiguration.Encoding) throws -> [UInt8] {
        // Batch and request have the same layout.
        switch (telemetry, encoding) {
        case (.traces(let data), .proto): try data.serializedBytes()
        case (.metrics(let data), .proto): try data.serializedBytes()
        case (.logs(let data), .proto): try data.serializedBytes()
        case (.profiles(let data), .proto): try data.serializedBytes()
        case (.traces(let data), .json): try OTLPJSON.encode(data)
        case (.metrics(let data), .json): try OTLPJSON.encode(data)
        case (.logs(let data), .json): try OTLPJSON.encode(data)
        case (.profiles(let data), .json): try OTLPJSON.encode(data)
        }
    }

    // MARK: - Answer

    /// At most `maximumAnswerBytes`; what follows is not read.
    private func readBody(_ response: HTTPClientResponse) async throws -> [UInt8] {
        var body: [UInt8] = []
        for try await part in response.body {
            body.append(contentsOf: part.readableBytesView.prefix(maximumAnswerBytes - body.count))
            if body.count >= maximumAnswerBytes { break }
        }
        return body
    }

    private func interpret(_ response: HTTPClientResponse, _ body: [UInt8], signal: Signal) async throws {
        let code = response.status.code
        let type = response.headers.first(name: "Content-Type").map(Self.mediaType)
        if (200..<300).contains(code) {
            try logPartialSuccess(body, type, signal)
            return
        }
        var message = "request to \(url) responded with HTTP Status Code \(code)"
        if let status = Self.decode(OTLPStatus.self, body, type), !status.message.isEmpty {
            message += ", Message=\(status.message)"
        }
        switch code {
        case 429, 503:
            let delay = response.headers.first(name: "Retry-After").flatMap { RetryAfter.delay($0, now: time(nil)) }
            throw RetryableError(message, delay: delay)
        case 502, 504: throw RetryableError(message)
        default: throw PermanentError(message)
        }
    }

    private static func mediaType(_ header: String) -> String {
        let text = header.prefix { $0 != ";" }
        return text.split(whereSeparator: \.isWhitespace).first.map { $0.lowercased() } ?? ""
    }

    private static func decode<Answer: Message>(_: Answer.Type, _ body: [UInt8], _ type: String?) -> Answer? {
        switch type {
        case "application/x-protobuf": try? Answer(serializedBytes: body)
        case "application/json": try? OTLPJSON.decodePlain(Answer.self, from: body)
        default: nil
        }
    }

    /// - Throws: `PermanentError` for a success in a known encoding that cannot be read.
    private func logPartialSuccess(_ body: [UInt8], _ type: String?, _ signal: Signal) throws {
        guard type == "application/x-protobuf" || type == "application/json", !body.isEmpty else { return }
        func read<Answer: Message>(_ answer: Answer.Type) throws -> Answer {
            guard let answer = Self.decode(answer, body, type) else {
                throw PermanentError("the answer of \(url) is no export response")
            }
            return answer
        }
        let (key, rejected, message): (String, Int64, String)
        switch signal {
        case .traces:
            let partial = try read(OTLPExportTracesResponse.self).partialSuccess
            (key, rejected, message) = ("dropped_spans", partial.rejectedSpans, partial.errorMessage)
        case .metrics:
            let partial = try read(OTLPExportMetricsResponse.self).partialSuccess
            (key, rejected, message) = ("dropped_data_points", partial.rejectedDataPoints, partial.errorMessage)
        case .logs:
            let partial = try read(OTLPExportLogsResponse.self).partialSuccess
            (key, rejected, message) = ("dropped_log_records", partial.rejectedLogRecords, partial.errorMessage)
        case .profiles:
            let partial = try read(OTLPExportProfilesResponse.self).partialSuccess
            (key, rejected, message) = ("dropped_profiles", partial.rejectedProfiles, partial.errorMessage)
        }
        if rejected != 0 || !message.isEmpty {
            logger.warning("Partial success response", metadata: ["message": "\(message)", key: "\(rejected)"])
        }
    }
}
