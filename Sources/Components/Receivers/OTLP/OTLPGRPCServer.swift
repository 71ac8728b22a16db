import Collector
import ExporterSupport
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Logging
import NIOCore
import NIOSSL
import OTLPServices
import ServerSupport
import Synchronization

/// OTLP's services over gRPC.
final class OTLPGRPCServer: Sendable {
    typealias Transport = HTTP2ServerTransport.Posix

    private struct Running {
        var server: GRPCServer<Transport>
        var serving: Task<Void, Never>
        var tls: ServerTLS?
        var port: Int?
    }

    private let configuration: OTLPReceiverConfiguration.GRPC
    private let intake: OTLPIntake
    private let logger: Logger
    private let running = Mutex<Running?>(nil)

    init(configuration: OTLPReceiverConfiguration.GRPC, intake: OTLPIntake, logger: Logger) {
        self.configuration = configuration
        self.intake = intake
        self.logger = logger
    }

    /// The port that is listened on; nil while it is not.
    var port: Int? { running.withLock { $0?.port } }

    func start(host: any Host) async throws {
        let authenticator = try configuration.authenticator.map { try host.serverAuthenticator($0) }
        let tls = try await makeTLS()
        let transport = Transport(
            address: try await address(), transportSecurity: .plaintext, config: transportConfiguration(tls))
        let server = GRPCServer(
            transport: transport, services: services(),
            interceptors: [
                RequestContextInterceptor(
                    authenticator: authenticator, includesMetadata: configuration.includesMetadata)
            ])
        let failure = SharedFailure()
        let serving = Task {
            do {
                try await server.serve()
            } catch {
                failure.set(error)
                // Before there is a listening address, `start` throws the error.
                if self.running.withLock({ $0 != nil }) {
                    host.report(.fatalError(CollectorError("the gRPC server has stopped: \(error)")))
                }
            }
        }
        let bound: GRPCNIOTransportHTTP2Posix.SocketAddress
        do {
            bound = try await transport.listeningAddress
        } catch {
            server.beginGracefulShutdown()
            await serving.value
            throw CollectorError("cannot listen on \(configuration.address): \(failure.error ?? error)")
        }
        tls?.startReloading()
        let port = bound.ipv4?.port ?? bound.ipv6?.port
        running.withLock { $0 = Running(server: server, serving: serving, tls: tls, port: port) }
        if configuration.address.isUnspecified {
            logger.warning(
                "the server listens on all addresses: everybody who reaches this machine can use it",
                metadata: ["endpoint": "\(configuration.address)"])
        }
    }

    /// Lets calls that are under way end for some seconds.
    func shutdown() async {
        guard let running = running.withLock({ $0.take() }) else { return }
        running.tls?.stopReloading()
        running.server.beginGracefulShutdown()
        let insisting = Task {
            try await Task.sleep(for: .seconds(5))
            running.serving.cancel()
        }
        await running.serving.value
        insisting.cancel()
    }

    // MARK: - Making the server

    private func services() -> [any RegistrableRPCService] {
        let (signals, maximum) = (intake.signals, configuration.maximumMessageBytes)
        var services: [any RegistrableRPCService] = []
        if signals.contains(.traces) { services.append(TraceService(intake: intake, maximumBytes: maximum)) }
        if signals.contains(.metrics) { services.append(MetricsService(intake: intake, maximumBytes: maximum)) }
        if signals.contains(.logs) { services.append(LogsService(intake: intake, maximumBytes: maximum)) }
        if signals.contains(.profiles) { services.append(ProfilesService(intake: intake, maximumBytes: maximum)) }
        return services
    }

    private func address() async throws -> GRPCNIOTransportHTTP2Posix.SocketAddress {
        if case .unixSocket(let path) = configuration.address { return .unixDomainSocket(path: path) }
        let address = try await configuration.address.resolved()
        guard let host = address.ipAddress, let port = address.port else {
            throw CollectorError("\(configuration.address) is no address to listen on")
        }
        return host.contains(":") ? .ipv6(host: host, port: port) : .ipv4(host: host, port: port)
    }

    private func transportConfiguration(_ tls: ServerTLS?) -> Transport.Config {
        let keepalive = configuration.keepalive
        return .defaults { config in
            config.compression = .init(enabledAlgorithms: .all)
            // The services refuse what is over the limit, and tell the sender so; far above it the stream is reset
            // before the message takes memory.
            config.rpc.maxRequestPayloadSize = max(configuration.maximumMessageBytes * 4, 64 << 20)
            config.http2.maxConcurrentStreams = configuration.maximumStreams
            // A message of some megabytes should not wait for a window update every 64 KiB.
            config.http2.targetWindowSize = 1 << 20
            config.connection.maxIdleTime = keepalive.maximumIdleTime
            config.connection.maxAge = keepalive.maximumAge
            config.connection.maxGraceTime = keepalive.maximumAgeGrace
            config.connection.keepalive = .init(
                time: keepalive.time, timeout: keepalive.timeout,
                clientBehavior: .init(
                    minPingIntervalWithoutCalls: keepalive.minimumPingInterval,
                    allowWithoutCalls: keepalive.permitsWithoutStream))
            // The transport's own TLS cannot exchange its certificates.
            if let tls {
                config.channelDebuggingCallbacks.onAcceptTCPConnection = { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(tls.makeHandler(), position: .first)
                    }
                }
            }
        }
    }

    private func makeTLS() async throws -> ServerTLS? {
        guard let configuration = configuration.tls else { return nil }
        let logger = logger
        return try await BlockingWork(label: "otelcol-tls").run {
            try ServerTLS(configuration, protocols: ["h2"], logger: logger)
        }
    }
}

/// Why a server ended, told by the task that served.
private final class SharedFailure: Sendable {
    private let state = Mutex<(any Error)?>(nil)
    var error: (any Error)? { state.withLock { $0 } }
    func set(_ error: any Error) { state.withLock { $0 = error } }
}
