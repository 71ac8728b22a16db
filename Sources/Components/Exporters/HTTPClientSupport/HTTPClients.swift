import AsyncHTTPClient
import ClientTLS
import Collector
import ExporterSupport
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOHTTP1
import Synchronization

/// Makes the requests of one component: through proxies, under other names, with cookies, and signed by extensions.
///
/// There is a client of its own for each proxy, because a client has one for all that it does; and for each host where
/// certificates are for another name.
public final class HTTPClients: Sendable {
    private let configuration: HTTPClientConfiguration
    /// How many requests may be under way at a time; nil for the client's own limit.
    private let concurrency: Int?
    private let userAgent: String
    private let environment: @Sendable (String) -> String?
    private let logger: Logger
    private let clock = ContinuousClock()
    private let cookies: CookieJar?
    private struct Key: Hashable {
        var proxy: HTTPProxy?
        /// Nil where hosts have certificates of their own names.
        var host: String?
    }
    private let clients = Mutex<[Key: HTTPClient]>([:])
    private let tls = Mutex<ReloadingClientTLS?>(nil)
    private let extensions = Mutex(RequestExtensions())

    /// What of the running program takes part in requests.
    private struct RequestExtensions {
        var authenticator: (any ClientAuthenticator)?
        var middlewares: [any HTTPClientMiddleware] = []
    }

    public init(
        _ configuration: HTTPClientConfiguration, concurrency: Int? = nil, build: BuildInformation, logger: Logger,
        environment: @escaping @Sendable (String) -> String? = EnvironmentVariable.value
    ) {
        self.configuration = configuration
        self.concurrency = concurrency
        self.environment = environment
        self.logger = logger
        cookies = configuration.keepsCookies ? CookieJar() : nil
        userAgent = "\(build.description)/\(build.version) (linux/\(Self.architecture))"
    }

    /// As Go names it, because the reference does.
    public static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }

    /// Finds out early what would fail every request: TLS files that cannot be read, proxies that are none, extensions
    /// that do not run.
    /// - Throws: `CollectorError`.
    public func start(host: any Host, endpoints: [HTTPEndpoint]) throws {
        let found = RequestExtensions(
            authenticator: try configuration.authentication?.resolved(by: host),
            middlewares: try configuration.middlewares.map { try host.httpClientMiddleware($0) })
        extensions.withLock { $0 = found }
        for endpoint in endpoints { _ = try client(for: endpoint) }
    }

    public func shutdown() async {
        tls.withLock { $0.take() }?.stopReloading()
        let clients = clients.withLock { clients in
            defer { clients = [:] }
            return Array(clients.values)
        }
        for client in clients {
            do {
                try await client.shutdown()
            } catch {
                logger.warning("HTTP client did not shut down cleanly", metadata: ["error": "\(error)"])
            }
        }
    }

    // MARK: - Requests

    /// The request could not even be made; nothing was sent.
    public struct NotSent: Error, CustomStringConvertible {
        public var description: String
    }

    /// Sends a request and waits for the head of its answer; whoever calls reads the body.
    /// - Parameters:
    ///   - target: Path and query; begins with a slash. The endpoint's own path has to be in it.
    ///   - own: Header fields that the component sends; what is configured and what extensions say replaces them.
    ///   - timeout: For all of it; zero for none.
    /// - Throws: `NotSent`, or what the client throws.
    public func execute(
        _ method: HTTPMethod, _ endpoint: HTTPEndpoint, target: String, headers own: [(String, String)],
        body: ByteBuffer?, timeout: Duration
    ) async throws -> HTTPClientResponse {
        let url = String(endpoint.url.dropLast(endpoint.path.count) + target)
        // The client is made first: it reads the certificates.
        let client: HTTPClient
        do {
            client = try self.client(for: endpoint)
        } catch {
            throw NotSent(description: "\(error)")
        }
        var request = HTTPClientRequest(url: serverName(for: url)?.url ?? url)
        request.tlsConfiguration = tls.withLock { $0 }?.current
        request.method = method
        do {
            request.headers = try await headerFields(endpoint, method, url: url, target: target, own: own)
        } catch {
            throw NotSent(description: "the request cannot be signed: \(error)")
        }
        if let body { request.body = .bytes(body) }
        // Without a timeout of its own, an hour is as good as forever.
        let timeout = timeout > .zero ? timeout : .seconds(3600)
        let response = try await client.execute(request, timeout: TimeAmount(saturating: timeout), logger: nil)
        cookies?.store(response.headers["Set-Cookie"], from: endpoint, now: clock.now, unixTime: time(nil))
        return response
    }

    /// What the component says itself, then what is configured, then extensions; the later ones replace the earlier.
    private func headerFields(
        _ endpoint: HTTPEndpoint, _ method: HTTPMethod, url: String, target: String, own: [(String, String)]
    ) async throws -> HTTPHeaders {
        var fields = HTTPHeaders(own)
        fields.add(name: "User-Agent", value: userAgent)
        // The name that is asked for may be another than the host's, see `ServerNameOverride`.
        fields.add(name: "Host", value: endpoint.authority)
        if !configuration.connections.keepsConnections { fields.add(name: "Connection", value: "close") }
        if let user = endpoint.userInformation {
            fields.replaceOrAdd(
                name: "Authorization", value: "Basic \(Data(user.value.utf8).base64EncodedString())")
        }
        let path = String(target.prefix { $0 != "?" })
        if let cookie = cookies?.header(for: endpoint, path: path, now: clock.now) {
            fields.add(name: "Cookie", value: cookie)
        }
        for (name, value) in configuration.headers { fields.replaceOrAdd(name: name, value: value.value) }
        let extensions = extensions.withLock { $0 }
        if !extensions.middlewares.isEmpty {
            var list = fields.map { (name: $0.name, value: $0.value) }
            for middleware in extensions.middlewares {
                try await middleware.prepare(method: method.rawValue, url: url, headers: &list)
            }
            fields = HTTPHeaders(list.map { ($0.name, $0.value) })
        }
        for (name, value) in try await extensions.authenticator?.requestHeaders() ?? [] {
            fields.replaceOrAdd(name: name, value: value)
        }
        return fields
    }

    // MARK: - Clients

    private func serverName(for url: String) -> ServerNameOverride? {
        ServerNameOverride(url, name: configuration.tls.serverName)
    }

    /// - Throws: `CollectorError` if a file of the TLS settings cannot be read, or a proxy is none.
    private func client(for endpoint: HTTPEndpoint) throws -> HTTPClient {
        let proxy = try HTTPProxy.proxy(for: endpoint, configured: configuration.proxyURL, environment: environment)
        if endpoint.isEncrypted { try prepareTLS() }
        let key = Key(proxy: proxy, host: serverName(for: endpoint.url)?.host)
        return clients.withLock { clients in
            if let client = clients[key] { return client }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings(proxy, endpoint))
            clients[key] = client
            return client
        }
    }

    /// A TLS context is made only if one is needed: it fails where no CA certificates are installed. All endpoints share
    /// the settings.
    private func prepareTLS() throws {
        try tls.withLock { tls in
            guard tls == nil else { return }
            let new = try ReloadingClientTLS(configuration.tls, logger: logger)
            new.startReloading()
            tls = new
        }
    }

    private func settings(_ proxy: HTTPProxy?, _ endpoint: HTTPEndpoint) -> HTTPClient.Configuration {
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.httpVersion = configuration.connections.usesHTTP2 ? .automatic : .http1Only
        settings.timeout.connect = .seconds(10)
        // The component's own retries say why, and are at once; the pool would be silent until the connection timeout.
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.idleTimeout = TimeAmount(saturating: configuration.connections.idleTimeout)
        let maximum = configuration.connections.maximumPerHost
        if maximum > 0 {
            settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = maximum
        } else if let concurrency {
            settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(8, concurrency)
        }
        if let name = serverName(for: endpoint.url) { settings.dnsOverride = [name.name: name.host] }
        if let proxy {
            let authorization = proxy.basicCredentials.map { HTTPClient.Authorization.basic(credentials: $0) }
            settings.proxy =
                switch proxy.kind {
                case .http: .server(host: proxy.host, port: proxy.port, authorization: authorization)
                case .socks: .socksServer(host: proxy.host, port: proxy.port)
                }
        }
        return settings
    }
}
