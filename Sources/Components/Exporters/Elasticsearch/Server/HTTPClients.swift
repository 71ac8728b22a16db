import AsyncHTTPClient
import ClientTLS
import Collector
import Logging
import NIOCore
import Synchronization

/// The HTTP clients of an exporter: one for each proxy, because a client has one proxy for all that it does.
final class HTTPClients: Sendable {
    private let configuration: ElasticsearchConfiguration
    private let environment: @Sendable (String) -> String?
    private let clients = Mutex<[HTTPProxy?: HTTPClient]>([:])

    init(
        _ configuration: ElasticsearchConfiguration,
        environment: @escaping @Sendable (String) -> String? = EnvironmentVariable.value
    ) {
        self.configuration = configuration
        self.environment = environment
    }

    /// - Throws: `CollectorError` if a file of the TLS settings cannot be read.
    func client(for endpoint: ElasticsearchEndpoint) throws -> HTTPClient {
        let proxy = HTTPProxy.proxy(for: endpoint, configured: configuration.proxyURL, environment: environment)
        return try clients.withLock { clients in
            if let client = clients[proxy] { return client }
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: try settings(proxy, endpoint))
            clients[proxy] = client
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
            settings.tlsConfiguration = try configuration.tls.nioTLS()
        }
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
