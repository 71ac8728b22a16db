import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization

/// A double of the Kubernetes API server: lists in pages, watches with bookmarks, selectors, metadata-only answers,
/// tokens, and all the ways in which a stream can end (https://kubernetes.io/docs/reference/using-api/api-concepts/).
public final class KubernetesDouble: Sendable {
    public struct Request: Sendable {
        /// Without the query.
        public var path: String
        public var query: [String: String]
        public var accept: String
        public var authorization: String?
        public var status: Int

        public var isWatch: Bool { query["watch"] == "1" }
    }

    struct Watcher: Sendable {
        var channel: any Channel
        var selection: Cluster.Selection
        var isMetadataOnly: Bool
    }

    struct State: Sendable {
        var cluster = Cluster()
        var watchers: [ObjectIdentifier: Watcher] = [:]
        var connections: [ObjectIdentifier: any Channel] = [:]
        var requests: [Request] = []
        var token: String?
        var forbidden: Set<String> = []
        var faults: [Fault] = []
        var expiresInStream = true
        var server: (any Channel)?
    }

    /// What the next request is answered with instead.
    public struct Fault: Sendable {
        public var status: Int
        public var headers: [(String, String)]
        public var body: String

        public init(status: Int, headers: [(String, String)] = [], body: String = "") {
            self.status = status
            self.headers = headers
            self.body = body
        }
    }

    let state = Mutex(State())
    private let tls: NIOSSLContext?

    /// - Parameters:
    ///   - certificate: Path of a PEM file, for TLS.
    public init(certificate: String? = nil, key: String? = nil) throws {
        if let certificate, let key {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
            let privateKey = try NIOSSLPrivateKey(file: key, format: .pem)
            tls = try NIOSSLContext(
                configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(privateKey)))
        } else {
            tls = nil
        }
    }

    /// Listens on the loopback address.
    /// - Returns: The port.
    @discardableResult
    public func start(port: Int = 0) async throws -> Int {
        let tls = tls
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                self.state.withLock { $0.connections[ObjectIdentifier(channel)] = channel }
                channel.closeFuture.whenComplete { _ in self.forget(channel) }
                return channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(RequestHandler(double: self))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        state.withLock { $0.server = channel }
        return channel.localAddress?.port ?? 0
    }

    /// Ends the server and all of its connections at once; what it has stored stays.
    public func stop() async throws {
        let (server, connections) = state.withLock { state in
            defer { state.server = nil }
            return (state.server, Array(state.connections.values))
        }
        try await server?.close().get()
        for connection in connections { try? await connection.close().get() }
    }

    private func forget(_ channel: any Channel) {
        state.withLock { state in
            state.connections[ObjectIdentifier(channel)] = nil
            state.watchers[ObjectIdentifier(channel)] = nil
        }
    }

    // MARK: - What it has stored

    /// Adds or replaces an object, for example of `pods`, and tells the watchers.
    public func put(_ resource: String, _ json: String) throws {
        let object = try JSONValue(parsing: json)
        state.withLock { state in
            let event = state.cluster.put(resource, object)
            Self.tell(event, state)
        }
    }

    public func delete(_ resource: String, namespace: String, name: String) {
        state.withLock { state in
            guard let event = state.cluster.delete(resource, namespace, name) else { return }
            Self.tell(event, state)
        }
    }

    /// Forgets what happened before: older versions and places in lists answer 410.
    public func compact() { state.withLock { $0.cluster.compact() } }

    private static func tell(_ event: Cluster.Event, _ state: State) {
        for watcher in state.watchers.values {
            guard let (type, object) = Cluster.told(event, watcher.selection) else { continue }
            write(line(type, watcher.isMetadataOnly ? partial(object) : object), to: watcher.channel)
        }
    }

    // MARK: - What it does to streams

    public var watcherCount: Int { state.withLock { $0.watchers.count } }

    /// Tells all watchers the version, and nothing else.
    public func sendBookmarks() {
        state.withLock { state in
            for watcher in state.watchers.values {
                let metadata = JSONValue.object([
                    "resourceVersion": .string("\(state.cluster.version)"), "creationTimestamp": .null,
                ])
                let bookmark = JSONValue.object(["kind": .string("Pod"), "metadata": metadata])
                Self.write(Self.line("BOOKMARK", bookmark), to: watcher.channel)
            }
        }
    }

    /// Sends bytes of any kind to all watchers.
    public func send(_ text: String) {
        state.withLock { state in
            for watcher in state.watchers.values { Self.write(text, to: watcher.channel) }
        }
    }

    /// Ends all watches as the server does when their time is over.
    public func endStreams() {
        let watchers = state.withLock { state in
            defer { state.watchers = [:] }
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil) }
    }

    /// Cuts all connections that watch.
    public func breakStreams() {
        let watchers = state.withLock { Array($0.watchers.values) }
        for watcher in watchers { watcher.channel.close(promise: nil) }
    }

    static func write(_ text: String, to channel: any Channel) {
        channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: text))), promise: nil)
    }

    // MARK: - How it answers

    /// The token that requests must carry; nil: any or none.
    public func require(token: String?) { state.withLock { $0.token = token } }
    /// Resources that nobody may read.
    public func forbid(_ resources: Set<String>) { state.withLock { $0.forbidden = resources } }
    /// What the next requests are answered with, one each.
    public func fail(_ faults: [Fault]) { state.withLock { $0.faults = faults } }
    /// Whether a watch of a forgotten version begins and then says so, or is refused.
    public func expireInStream(_ flag: Bool) { state.withLock { $0.expiresInStream = flag } }

    // MARK: - What it was asked

    public var requests: [Request] { state.withLock { $0.requests } }
}
