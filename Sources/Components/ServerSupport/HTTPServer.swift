import Collector
import ExporterSupport
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// An HTTP server of a component: HTTP/1.1, and HTTP/2 where TLS negotiates it.
public final class HTTPServer: Sendable {
    private let configuration: HTTPServerConfiguration
    private let service: any HTTPService
    private let logger: Logger
    private let connections = OpenConnections()
    private let running = Mutex<(channel: any Channel, tls: ServerTLS?)?>(nil)

    public init(configuration: HTTPServerConfiguration, service: any HTTPService, logger: Logger) {
        self.configuration = configuration
        self.service = service
        self.logger = logger
    }

    /// The port that is listened on; nil before the start and for sockets in the file system.
    public var port: Int? { running.withLock { $0?.channel.localAddress?.port } }

    /// Binds the address; requests are answered from now on. Should the server end by itself, the status of the
    /// component becomes a fatal error.
    /// - Throws: `CollectorError` that names the address, the file or the authenticator.
    public func start(host: any Host) async throws {
        let authenticator = try configuration.authenticator.map { try host.serverAuthenticator($0) }
        let tls = try await makeTLS()
        let (configuration, service, logger, connections) = (configuration, service, logger, connections)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                connections.add(channel)
                // Once for each connection, and once more for each of its streams in HTTP/2.
                let addService: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            HTTPRequestHandler(
                                configuration: configuration, service: service, authenticator: authenticator,
                                logger: logger, connections: connections))
                    }
                }
                guard let tls else {
                    return channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                            withPipeliningAssistance: true, withErrorHandling: true)
                    }.flatMap { addService(channel) }
                }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(tls.makeHandler())
                }.flatMap {
                    channel.configureCommonHTTPServerPipeline(targetWindowSize: 1 << 20, addService)
                }
            }
        let channel: any Channel
        do {
            channel =
                switch configuration.address {
                case .tcp: try await bootstrap.bind(to: try await configuration.address.resolved()).get()
                case .unixSocket(let path):
                    try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
                }
        } catch {
            throw CollectorError("cannot listen on \(configuration.address): \(error)")
        }
        tls?.startReloading()
        running.withLock { $0 = (channel, tls) }
        let address = configuration.address
        channel.closeFuture.whenComplete { _ in
            guard self.running.withLock({ $0 }) != nil else { return }
            host.report(.fatalError(CollectorError("the server on \(address) has stopped")))
        }
        if configuration.address.isUnspecified {
            logger.warning(
                "the server listens on all addresses: everybody who reaches this machine can use it",
                metadata: ["endpoint": "\(configuration.address)"])
        }
    }

    /// Takes no more connections, lets the requests that are under way end for some seconds, and closes the rest.
    public func shutdown() async {
        guard let running = running.withLock({ $0.take() }) else { return }
        running.tls?.stopReloading()
        // A port that cannot be closed is the operating system's to close.
        try? await running.channel.close()
        await connections.drain(within: .seconds(10))
    }

    private func makeTLS() async throws -> ServerTLS? {
        guard let configuration = configuration.tls else { return nil }
        let logger = logger
        return try await BlockingWork(label: "otelcol-tls").run {
            try ServerTLS(configuration, protocols: ["h2", "http/1.1"], logger: logger)
        }
    }
}

/// The connections of a server, and how many requests are being answered.
final class OpenConnections: Sendable {
    private struct State {
        var channels: [ObjectIdentifier: any Channel] = [:]
        var requests = 0
    }

    private let state = Mutex(State())

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        state.withLock { $0.channels[id] = channel }
        channel.closeFuture.whenComplete { _ in
            _ = self.state.withLock { $0.channels.removeValue(forKey: id) }
        }
    }

    func requestBegins() { state.withLock { $0.requests += 1 } }
    func requestEnds() { state.withLock { $0.requests -= 1 } }

    func drain(within limit: Duration) async {
        let end = ContinuousClock.now + limit
        while state.withLock({ $0.requests }) > 0, ContinuousClock.now < end {
            do { try await Task.sleep(for: .milliseconds(10)) } catch { break }
        }
        for channel in state.withLock({ Array($0.channels.values) }) { try? await channel.close() }
    }
}
