import Collector
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Serves the Collector's own metrics as text at `/metrics`, for Prometheus to scrape.
///
/// An address that is taken is no reason not to collect: the endpoint warns and tries again until it gets the address.
public actor PrometheusEndpoint: MetricsEndpoint {
    private let reader: TelemetryConfiguration.PrometheusReader
    private let logger: Logger
    private let text: @Sendable () -> String
    private let retryInterval: Duration
    private let connections = OpenConnections()
    private var channel: (any Channel)?
    private var retrying: Task<Void, Never>?
    private var isShutDown = false

    /// Binds the address, or begins to try.
    public static func start(
        _ reader: TelemetryConfiguration.PrometheusReader, logger: Logger, retryInterval: Duration = .seconds(5),
        text: @escaping @Sendable () -> String
    ) async -> PrometheusEndpoint {
        let endpoint = PrometheusEndpoint(reader, logger: logger, retryInterval: retryInterval, text: text)
        await endpoint.begin()
        return endpoint
    }

    private init(
        _ reader: TelemetryConfiguration.PrometheusReader, logger: Logger, retryInterval: Duration,
        text: @escaping @Sendable () -> String
    ) {
        self.reader = reader
        self.logger = logger
        self.retryInterval = retryInterval
        self.text = text
    }

    /// The port that is served; nil as long as the address is taken.
    public var port: Int? { channel?.localAddress?.port }

    private func begin() async {
        do {
            try await bind()
        } catch {
            logger.warning(
                "Cannot serve own metrics yet; trying again",
                metadata: [
                    "address": "\(reader.host):\(reader.port)", "error": "\(error)",
                    "interval": "\(retryInterval.unitText)",
                ])
            retrying = Task { await self.retry() }
        }
    }

    private func retry() async {
        while !isShutDown, channel == nil {
            do {
                try await Task.sleep(for: retryInterval)
                try await bind()
                logger.info("Serving own metrics", metadata: ["address": "\(reader.host):\(reader.port)"])
            } catch {
                if Task.isCancelled { return }
            }
        }
    }

    private func bind() async throws {
        let (text, connections) = (text, connections)
        let bound = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 16)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                connections.add(channel)
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    // Who says nothing for a while gets no answer any more.
                    try pipeline.addHandler(IdleStateHandler(allTimeout: .seconds(60)))
                    try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: true, withErrorHandling: true)
                    try pipeline.addHandler(MetricsRequestHandler(text: text))
                }
            }
            .bind(host: reader.host, port: reader.port).get()
        if isShutDown {
            try? await bound.close()
        } else {
            channel = bound
        }
    }

    public func shutdown() async {
        isShutDown = true
        retrying?.cancel()
        await retrying?.value
        // Nothing is left to do about a port that cannot be closed.
        try? await channel?.close()
        channel = nil
        await connections.closeAll()
    }
}

/// The connections that clients keep open.
private final class OpenConnections: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])

    func add(_ channel: any Channel) {
        let id = ObjectIdentifier(channel)
        channels.withLock { $0[id] = channel }
        channel.closeFuture.whenComplete { _ in
            _ = self.channels.withLock { $0.removeValue(forKey: id) }
        }
    }

    func closeAll() async {
        for channel in channels.withLock({ Array($0.values) }) { try? await channel.close() }
    }
}

/// Answers requests on one connection.
private final class MetricsRequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let text: @Sendable () -> String
    private var head: HTTPRequestHead?

    init(text: @escaping @Sendable () -> String) {
        self.text = text
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            respond(to: head, context: context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func respond(to request: HTTPRequestHead, context: ChannelHandlerContext) {
        let path = request.uri.prefix { $0 != "?" }
        let status: HTTPResponseStatus
        let body: String
        if path != "/metrics" {
            (status, body) = (.notFound, "not found; metrics are at /metrics\n")
        } else if request.method != .GET && request.method != .HEAD {
            (status, body) = (.methodNotAllowed, "only GET\n")
        } else {
            (status, body) = (.ok, text())
        }
        var headers = HTTPHeaders()
        headers.add(
            name: "Content-Type",
            value: status == .ok ? "text/plain; version=0.0.4; charset=utf-8" : "text/plain; charset=utf-8")
        headers.add(name: "Content-Length", value: "\(body.utf8.count)")
        if !request.isKeepAlive { headers.add(name: "Connection", value: "close") }
        let head = HTTPResponseHead(version: request.version, status: status, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        }
        let channel = context.channel
        let done = context.eventLoop.makePromise(of: Void.self)
        if !request.isKeepAlive { done.futureResult.whenComplete { _ in channel.close(promise: nil) } }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: done)
    }
}
