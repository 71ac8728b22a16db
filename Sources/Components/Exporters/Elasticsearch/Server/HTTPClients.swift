import AsyncHTTPClient
import ClientTLS
import Collector
import Logging
import NIOCore
import Synchronization

/// The HTTP clients of an exporter: one for each proxy, because a client has one proxy for all that it does; and one for
/// each host where certificates are for another name.
final class HTTPClients: Sendable {
    private let configuration: ElasticsearchConfiguration
    private let environment: @Sendable (String) -> String?
    private let logger: Logger
    private struct Key: Hashable {
        var proxy: HTTPProxy?
        /// Nil where hosts have certificates of their own names.
        var host: String?
    }
    private let clients = Mutex<[Key: HTTPClient]>([:])
    private let tls = Mutex<ReloadingClientTLS?>(nil)

    init(
        _ configuration: ElasticsearchConfiguration, logger: Logger,
        environment: @escaping @Sendable (String) -> String? = EnvironmentVariable.value
    ) {
        self.configuration = configuration
        self.environment = environment
        self.logger = logger
    }

    /// A request for a URL with what TLS needs: what the certificates' files hold now, and the name of the server.
    func request(_ url: String) -> HTTPClientRequest {
        let serverName = serverName(for: url)
        var request = HTTPClientRequest(url: serverName?.url ?? url)
        if let serverName { request.headers.add(name: "Host", value: serverName.authority) }
        request.tlsConfiguration = tls.withLock { $0 }?.current
        return request
    }

    private func serverName(for url: String) -> ServerNameOverride? {
        ServerNameOverride(url, name: configuration.tls.serverName)
    }

    /// - Throws: `CollectorError` if a file of the TLS settings cannot be read.
    func client(for endpoint: ElasticsearchEndpoint) throws -> HTTPClient {
        let proxy = HTTPProxy.proxy(for: endpoint, configured: configuration.proxyURL, environment: environment)
        let key = Key(proxy: proxy, host: serverName(for: endpoint.url)?.host)
        return try clients.withLock { clients in
            if let client = clients[key] { return client }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try settings(proxy, endpoint))
            clients[key] = client
            return client
        }
    }

    private func settings(_ proxy: HTTPProxy?, _ endpoint: ElasticsearchEndpoint) throws -> HTTPClient.Configuration {
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        settings.httpVersion = configuration.connections.usesHTTP2 ? .automatic : .http1Only
        settings.timeout.connect = .seconds(10)
        // Another node is tried at once, and retries say why; the pool would be silent until the connection timeout.
        settings.connectionPool.retryConnectionEstablishment = false
        settings.connectionPool.idleTimeout = TimeAmount(saturating: configuration.connections.idleTimeout)
        let maximum = configuration.connections.maximumPerHost
        if maximum > 0 {
            settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = maximum
        } else if let consumers = configuration.queue?.consumers {
            settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = max(8, consumers)
        }
        // A TLS context is made only if one is needed: it fails where no CA certificates are installed. All endpoints
        // share the settings.
        if configuration.endpoints.contains(where: \.isEncrypted) || endpoint.isEncrypted {
            try tls.withLock { tls in
                guard tls == nil else { return }
                let new = try ReloadingClientTLS(configuration.tls, logger: logger)
                new.startReloading()
                tls = new
            }
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

    func shutdown(_ logger: Logger) async {
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
}
