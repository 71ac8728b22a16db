import AsyncHTTPClient
import ClientTLS
import Collector
import ExporterSupport
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import OTLP
import SwiftProtobuf
import Synchronization
import ZlibCompression
import ZstdCompression

/// Sends batches of one signal to one URL.
final class OTLPHTTPSender: ProbingSender {
    private let configuration: OTLPHTTPConfiguration
    private let url: String
    private let logger: Logger
    private let userAgent: String
    private let client = Mutex<HTTPClient?>(nil)
    private let authenticator = Mutex<(any ClientAuthenticator)?>(nil)
    private let tls = Mutex<ReloadingClientTLS?>(nil)
    private let serverName: ServerNameOverride?
    /// Answers are small; a server that sends more is broken, or hostile.
    private let maximumAnswerBytes = 64 << 10

    init(configuration: OTLPHTTPConfiguration, url: String, context: ComponentContext) {
        self.configuration = configuration
        self.url = url
        logger = context.logger
        serverName = ServerNameOverride(url, name: configuration.tls.serverName)
        userAgent = "\(context.build.description)/\(context.build.version) (linux)"
    }

    func start(host: any Host) async throws {
        let found = try configuration.authentication?.resolved(by: host)
        authenticator.withLock { $0 = found }
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.httpVersion = .automatic
        settings.timeout.connect = .seconds(10)
        // The exporter's own retry covers it, and says why; the pool would be silent until the connection timeout.
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.idleTimeout = TimeAmount(saturating: configuration.idleConnectionTimeout)
        // A TLS context is made only if it is needed: it fails where no CA certificates are installed.
        if url.lowercased().hasPrefix("https://") {
            let new = try ReloadingClientTLS(configuration.tls, logger: logger)
            new.startReloading()
            tls.withLock { $0 = new }
        }
        if let name = serverName { settings.dnsOverride = [name.name: name.host] }
        let new = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        client.withLock { $0 = new }
    }

    func shutdown() async {
        tls.withLock { $0.take() }?.stopReloading()
        guard let client = client.withLock({ $0.take() }) else { return }
        do {
            try await client.shutdown()
        } catch {
            logger.warning("HTTP client did not shut down cleanly", metadata: ["error": "\(error)"])
        }
    }

    func send(_ telemetry: Telemetry) async throws {
        guard let client = client.withLock({ $0 }) else { throw CollectorError("the exporter is not running") }
        var request = try makeRequest(telemetry)
        // After the configured ones: what proves who we are wins.
        for (name, value) in try await authenticator.withLock({ $0 })?.requestHeaders() ?? [] {
            request.headers.replaceOrAdd(name: name, value: value)
        }
        // The exporter's own timeout ends the task; without one an hour is as good as forever.
        let timeout = configuration.exporter.timeout > .zero ? configuration.exporter.timeout : .seconds(3600)
        let response: HTTPClientResponse
        let body: [UInt8]
        do {
            response = try await client.execute(request, timeout: TimeAmount(saturating: timeout), logger: nil)
            body = try await readBody(response)
        } catch let error as PermanentError {
            throw error
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

    private func makeRequest(_ telemetry: Telemetry) throws -> HTTPClientRequest {
        var payload = try Self.payload(telemetry, configuration.encoding)
        var request = HTTPClientRequest(url: serverName?.url ?? url)
        request.tlsConfiguration = tls.withLock { $0 }?.current
        request.method = .POST
        if let serverName { request.headers.add(name: "Host", value: serverName.authority) }
        request.headers.add(name: "User-Agent", value: userAgent)
        request.headers.add(name: "Content-Type", value: configuration.encoding.contentType)
        let level = configuration.compressionLevel
        switch configuration.compression {
        case .gzip: payload = try payload.compressed(.gzip, level: level)
        case .zlib, .deflate: payload = try payload.compressed(.zlib, level: level)
        // Its default is 0; 3 is what that means.
        case .zstd: payload = try Zstd.compress(payload, level: max(0, level))
        case .none: break
        }
        if configuration.compression != .none {
            request.headers.add(name: "Content-Encoding", value: configuration.compression.rawValue)
        }
        if !configuration.keepsConnections { request.headers.add(name: "Connection", value: "close") }
        for (name, value) in configuration.headers { request.headers.replaceOrAdd(name: name, value: value.value) }
        request.body = .bytes(ByteBuffer(bytes: payload))
        return request
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
