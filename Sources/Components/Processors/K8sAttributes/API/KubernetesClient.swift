import AsyncHTTPClient
import Collector
import ExporterSupport
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Why the API did not do what it was asked.
enum APIFailure: Error, CustomStringConvertible {
    /// The version or the place in a list is too old (410 Gone): list again.
    case expired(String)
    case unauthorized(String)
    case forbidden(String)
    /// The server asks to come back later.
    case throttled(Duration)
    case tooLarge(Int)
    /// What, and how long it could take.
    case tooSlow(String, Duration)
    case status(UInt, String)

    var description: String {
        switch self {
        case .expired(let message): "the version has expired: \(message)"
        case .unauthorized(let message): "the credentials were refused: \(message)"
        case .forbidden(let message): "not allowed: \(message)"
        case .throttled(let delay): "the server asks to wait \(delay.components.seconds) s"
        case .tooLarge(let bytes): "the answer is larger than \(bytes) bytes"
        case .tooSlow(let what, let limit): "\(what) took longer than \(limit.unitText)"
        case .status(let code, let message): "status \(code): \(message)"
        }
    }
}

/// Requests to the Kubernetes API. Credentials are read again every minute, and at once after they were refused; a
/// changed authority or certificate makes a new client, which ends the requests of the old one. No proxy is used.
actor KubernetesClient {
    static let maximumPageBytes = 64 << 20
    static let pageTimeout = Duration.seconds(60)
    private static let credentialsAge = Duration.seconds(60)

    private let source: ClusterAccessSource
    private let logger: Logger
    private let pacer: RequestPacer
    private let maximumConnections: Int
    private let files = BlockingWork(label: "otelcol-kubernetes-credentials")
    private var current: (access: ClusterAccess, client: HTTPClient, readAt: ContinuousClock.Instant)?
    private var reading: Task<ClusterAccess, any Error>?
    private var isClosed = false

    init(_ source: ClusterAccessSource, maximumConnections: Int, logger: Logger) {
        self.source = source
        self.logger = logger
        self.maximumConnections = maximumConnections
        pacer = RequestPacer(
            requestsPerSecond: source.configuration.requestsPerSecond, burst: source.configuration.burst)
    }

    /// Reads the credentials for the first time.
    /// - Throws: `CollectorError` that says what is missing.
    func prepare() async throws { _ = try await connection() }

    /// Makes the next request read the credentials again.
    func forgetCredentials() { current?.readAt = .now - Self.credentialsAge * 2 }

    func close() async {
        isClosed = true
        if let client = current?.client { try? await client.shutdown() }
        current = nil
    }

    /// One page of a list.
    func list<Object: APIObject>(
        _ type: Object.Type, _ query: ResourceQuery, limit: Int, continuing token: String?
    ) async throws -> ObjectList<Object> {
        let target = query.listTarget(limit: limit, continuing: token)
        let response = try await answer(
            target, accept: query.accept(forList: true), timeout: TimeAmount(Self.pageTimeout))
        let body = try await withDeadline(Self.pageTimeout, "a page of \(query)") {
            do {
                return try await response.body.collect(upTo: Self.maximumPageBytes)
            } catch is NIOTooManyBytesError {
                throw APIFailure.tooLarge(Self.maximumPageBytes)
            }
        }
        return try JSONDecoder().decode(ObjectList<Object>.self, from: Data(body.readableBytesView))
    }

    /// One object of a kind that has no namespaces.
    func object(_ kind: ResourceKind, named name: String) async throws -> MetadataObject {
        let query = ResourceQuery(kind)
        let response = try await answer(
            query.objectTarget(named: name), accept: query.accept(forList: false),
            timeout: TimeAmount(Self.pageTimeout))
        let body = try await response.body.collect(upTo: Self.maximumPageBytes)
        return try JSONDecoder().decode(MetadataObject.self, from: Data(body.readableBytesView))
    }

    /// The stream of a watch, once the server has agreed to it.
    func watch(_ query: ResourceQuery, from version: String, seconds: Int) async throws -> HTTPClientResponse.Body {
        let target = query.watchTarget(from: version, seconds: seconds)
        return try await answer(target, accept: query.accept(forList: false), timeout: .seconds(60)).body
    }

    private func answer(_ target: String, accept: String, timeout: TimeAmount) async throws -> HTTPClientResponse {
        try await pacer.wait()
        let (access, client) = try await connection()
        var request = HTTPClientRequest(url: access.requestBase + target)
        request.headers.add(name: "Accept", value: accept)
        request.headers.add(name: "User-Agent", value: "otelcol")
        if let authorization = access.authorization {
            request.headers.add(name: "Authorization", value: authorization.value)
        }
        let response = try await client.execute(request, timeout: timeout)
        guard response.status != .ok else { return response }
        let body = try await withDeadline(.seconds(10), "an error's text") {
            try await response.body.collect(upTo: 1 << 20)
        }
        throw Self.failure(response, Data(body.readableBytesView))
    }

    private static func failure(_ response: HTTPClientResponse, _ body: Data) -> APIFailure {
        let message = (try? JSONDecoder().decode(APIStatus.self, from: body))?.message ?? response.status.reasonPhrase
        switch response.status.code {
        case 401: return .unauthorized(message)
        case 403: return .forbidden(message)
        case 410: return .expired(message)
        case 429, 503:
            guard let seconds = response.headers.first(name: "Retry-After").flatMap({ UInt16($0) }) else {
                return .status(response.status.code, message)
            }
            return .throttled(.seconds(min(Int(seconds), 300)))
        default: return .status(response.status.code, message)
        }
    }

    private func connection() async throws -> (ClusterAccess, HTTPClient) {
        if isClosed { throw CancellationError() }
        if let current, current.readAt.duration(to: .now) < Self.credentialsAge {
            return (current.access, current.client)
        }
        let (files, source) = (files, source)
        let task = reading ?? Task { try await files.run { try source.read() } }
        reading = task
        let result = await task.result
        if reading == task { reading = nil }
        if isClosed { throw CancellationError() }
        do {
            let access = try result.get()
            if var known = current, known.access.hasSameTransport(as: access) {
                known.access = access
                known.readAt = .now
                current = known
                return (access, known.client)
            }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try settings(access))
            let old = current?.client
            current = (access, client, .now)
            if let old {
                logger.info("The Kubernetes API's authority or certificate changed: connecting anew")
                try? await old.shutdown()
            }
            return (access, client)
        } catch {
            // A file that is being exchanged is not there for a moment.
            guard let current else { throw error }
            logger.warning("The credentials stay as they were", metadata: ["error": "\(error)"])
            return (current.access, current.client)
        }
    }

    private func settings(_ access: ClusterAccess) throws -> HTTPClient.Configuration {
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        // One connection for each watch: a stream that stalls holds up no other.
        settings.httpVersion = .http1Only
        settings.timeout.connect = .seconds(10)
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = maximumConnections
        if let tls = try access.tlsConfiguration() { settings.tlsConfiguration = tls }
        if let name = access.serverName, let host = URLComponents(string: access.server)?.host {
            settings.dnsOverride = [name: host]
        }
        return settings
    }
}
