import ClientTLS
import Collector
import ExporterSupport
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Logging
import NIOCore
import NIOSSL
import OTLP
import OTLPServices
import Synchronization

/// Sends batches by gRPC over one client that lives from `start` to `shutdown`.
final class OTLPGRPCSender: ProbingSender {
    typealias Client = GRPCClient<HTTP2ClientTransport.Posix>

    private struct Running {
        var client: Client
        /// Runs the client's connections; ends when the client has shut down.
        var connections: Task<Void, Never>
    }

    private let configuration: OTLPGRPCConfiguration
    private let logger: Logger
    private let running = Mutex<Running?>(nil)
    private let authenticator = Mutex<(any ClientAuthenticator)?>(nil)
    private let tls = Mutex<ReloadingClientTLS?>(nil)
    private let metadata: Metadata
    private let options: CallOptions

    init(configuration: OTLPGRPCConfiguration, context: ComponentContext) {
        self.configuration = configuration
        logger = context.logger
        var metadata = Metadata()
        for (name, value) in configuration.headers {
            metadata.replaceOrAddString(value.value, forKey: name.lowercased())
        }
        self.metadata = metadata
        var options = CallOptions.defaults
        options.compression = configuration.compression == .gzip ? .gzip : CompressionAlgorithm.none
        options.waitForReady = configuration.waitsForReady
        // The server learns how long we wait; the exporter's own timeout ends the call here.
        if configuration.exporter.timeout > .zero { options.timeout = configuration.exporter.timeout }
        self.options = options
    }

    func start(host: any Host) async throws {
        let found = try configuration.authentication?.resolved(by: host)
        authenticator.withLock { $0 = found }
        let client = Client(transport: try makeTransport())
        let logger = logger
        let connections = Task {
            do {
                try await client.runConnections()
            } catch {
                logger.error("gRPC client ended", metadata: ["error": "\(error)"])
            }
        }
        running.withLock { $0 = Running(client: client, connections: connections) }
    }

    func shutdown() async {
        tls.withLock { $0.take() }?.stopReloading()
        guard let running = running.withLock({ $0.take() }) else { return }
        running.client.beginGracefulShutdown()
        await running.connections.value
    }

    private func makeTransport() throws -> HTTP2ClientTransport.Posix {
        let target: any ResolvableTarget =
            switch configuration.endpoint {
            case .name(let host, let port): .dns(host: host, port: port)
            case .ipv4(let address, let port): .ipv4(address: address, port: port)
            case .ipv6(let address, let port): .ipv6(address: address, port: port)
            case .unixSocket(let path): .unixDomainSocket(path: path)
            }
        let secureConnection = configuration.tls.usesTLS ? try makeSecureConnection() : nil
        do {
            return try HTTP2ClientTransport.Posix(
                target: target, transportSecurity: secureConnection == nil ? .plaintext : .customSecure,
                config: .defaults { config in
                    config.compression = .init(
                        algorithm: configuration.compression == .gzip ? .gzip : CompressionAlgorithm.none,
                        enabledAlgorithms: .all)
                    // Exporting goes on for the whole life: an idle connection is kept.
                    config.connection.maxIdleTime = nil
                    config.connection.keepalive = configuration.keepalive.map {
                        .init(time: $0.time, timeout: $0.timeout, allowWithoutCalls: $0.permitsWithoutStream)
                    }
                    config.http2.authority = configuration.tls.serverName ?? configuration.authority
                    config.channelDebuggingCallbacks.onCreateTCPConnection = secureConnection
                })
        } catch {
            throw CollectorError("cannot make a gRPC client: \(error)")
        }
    }

    /// Puts TLS below gRPC's handlers.
    ///
    /// The transport's own TLS waits five seconds for the server when it closes a connection, and has neither a choice
    /// of versions nor errors that name a file.
    private func makeSecureConnection() throws -> @Sendable (any Channel) -> EventLoopFuture<Void> {
        let tls = try ReloadingClientTLS(configuration.tls, protocols: ["h2"], logger: logger)
        // What is wrong with them should be known now.
        _ = try tls.context()
        tls.startReloading()
        self.tls.withLock { $0 = tls }
        let serverName = configuration.certificateName
        return { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(
                    NIOSSLClientHandler(context: try tls.context(), serverHostname: serverName), position: .first)
            }
        }
    }

    // MARK: - Sending

    func send(_ telemetry: Telemetry) async throws {
        guard let client = running.withLock({ $0?.client }) else {
            throw CollectorError("the exporter is not running")
        }
        do {
            var metadata = metadata
            // After the configured ones: what proves who we are wins.
            for (name, value) in try await authenticator.withLock({ $0 })?.requestHeaders() ?? [] {
                metadata.replaceOrAddString(value, forKey: name.lowercased())
            }
            let partial = try await export(telemetry, client, metadata)
            if partial.rejected != 0 || !partial.message.isEmpty {
                logger.warning(
                    "Partial success response",
                    metadata: ["message": "\(partial.message)", partial.key: "\(partial.rejected)"])
            }
        } catch let error as RPCError {
            throw Self.classify(error)
        }
    }

    /// Sends an empty batch, which OTLP allows and which nobody counts.
    func probe(_ signal: Signal) async throws -> String {
        try await send(Telemetry(emptyOf: signal))
        return "\(configuration.endpoint.host) takes \(signal)"
    }

    private struct PartialSuccess {
        var key: String
        var rejected: Int64
        var message: String
    }

    private func export(
        _ telemetry: Telemetry, _ client: Client, _ metadata: Metadata
    ) async throws -> PartialSuccess {
        switch telemetry {
        case .traces(let data):
            let service = Opentelemetry_Proto_Collector_Trace_V1_TraceService.Client(wrapping: client)
            let response = try await service.export(
                .with { $0.resourceSpans = data.resourceSpans }, metadata: metadata, options: options)
            let partial = response.partialSuccess
            return PartialSuccess(
                key: "dropped_spans", rejected: partial.rejectedSpans, message: partial.errorMessage)
        case .metrics(let data):
            let service = Opentelemetry_Proto_Collector_Metrics_V1_MetricsService.Client(wrapping: client)
            let response = try await service.export(
                .with { $0.resourceMetrics = data.resourceMetrics }, metadata: metadata, options: options)
            let partial = response.partialSuccess
            return PartialSuccess(
                key: "dropped_data_points", rejected: partial.rejectedDataPoints, message: partial.errorMessage)
        case .logs(let data):
            let service = Opentelemetry_Proto_Collector_Logs_V1_LogsService.Client(wrapping: client)
            let response = try await service.export(
                .with { $0.resourceLogs = data.resourceLogs }, metadata: metadata, options: options)
            let partial = response.partialSuccess
            return PartialSuccess(
                key: "dropped_log_records", rejected: partial.rejectedLogRecords, message: partial.errorMessage)
        case .profiles(let data):
            let service = Opentelemetry_Proto_Collector_Profiles_V1development_ProfilesService.Client(wrapping: client)
            let response = try await service.export(
                .with {
                    $0.resourceProfiles = data.resourceProfiles
                    $0.dictionary = data.dictionary
                }, metadata: metadata, options: options)
            let partial = response.partialSuccess
            return PartialSuccess(
                key: "dropped_profiles", rejected: partial.rejectedProfiles, message: partial.errorMessage)
        }
    }

    /// OTLP's table of retryable codes. `RESOURCE_EXHAUSTED` may be retried only if the server says when.
    static func classify(_ error: RPCError) -> any Error {
        let details = error.metadata[binaryValues: "grpc-status-details-bin"].first { _ in true }
        let delay = details.flatMap { try? OTLPStatus(serializedBytes: $0) }?.retryDelay
        // The cause names what the message leaves out, for example why a connection failed.
        let cause = error.cause.map { " (\(describe($0)))" } ?? ""
        let text = "rpc error: code = \(error.code) desc = \(error.message)\(cause)"
        switch error.code {
        case .cancelled, .deadlineExceeded, .aborted, .outOfRange, .unavailable, .dataLoss:
            return RetryableError(text, delay: delay)
        case .resourceExhausted where delay != nil:
            return RetryableError(text, delay: delay)
        default:
            return PermanentError(text)
        }
    }
    private static func describe(_ error: any Error) -> String {
        guard let error = error as? RPCError else { return connectionFailureText(error) }
        return error.message + (error.cause.map { " (\(describe($0)))" } ?? "")
    }
}
