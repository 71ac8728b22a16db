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

/// What a server answered.
struct HTTPAnswer: Sendable {
    var status: Int
    /// How long it asked to wait.
    var retryAfter: Duration?
    /// From the header `X-Elastic-Product`.
    var product: String
    var body: [UInt8]
    /// Who answered.
    var node: NodePool.Node

    var isSuccess: Bool { (200..<300).contains(status) }
}

/// No answer came.
struct NoAnswer: Error, CustomStringConvertible {
    var description: String
    /// The request may have been carried out.
    var isInDoubt: Bool
}

/// Talks HTTP with a cluster: signs requests, takes nodes in turn, and goes to the next one at once when one cannot be
/// reached.
final class ClusterClient: Sendable {
    let nodes: NodePool
    private let configuration: ElasticsearchConfiguration
    private let clients: HTTPClients
    private let userAgent: String
    private let logger: Logger
    private let clock = ContinuousClock()
    private let cookies: CookieJar?
    private let extensions = Mutex(RequestExtensions())

    /// What of the running program takes part in requests.
    private struct RequestExtensions {
        var authenticator: (any ClientAuthenticator)?
        var middlewares: [any HTTPClientMiddleware] = []
    }

    init(configuration: ElasticsearchConfiguration, build: BuildInformation, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        nodes = NodePool(configuration.endpoints)
        clients = HTTPClients(configuration, logger: logger)
        cookies = configuration.keepsCookies ? CookieJar() : nil
        userAgent = "\(build.description)/\(build.version) (linux/\(Self.architecture))"
    }

    /// As Go names it, because the reference does.
    static var architecture: String {
        #if arch(arm64)
            "arm64"
        #else
            "amd64"
        #endif
    }

    /// Finds out early what would fail every request: TLS files that cannot be read, extensions that do not run.
    func prepare(host: any Host) throws {
        let found = RequestExtensions(
            authenticator: try configuration.authentication?.resolved(by: host),
            middlewares: try configuration.middlewares.map { try host.httpClientMiddleware($0) })
        extensions.withLock { $0 = found }
        for node in nodes.nodes { _ = try clients.client(for: node.endpoint) }
    }

    func shutdown() async { await clients.shutdown(logger) }

    /// - Parameters:
    ///   - path: Follows the endpoint's own path; begins with a slash.
    ///   - query: Without the question mark.
    ///   - maximumAnswerBytes: What exceeds it is an error: a hostile or broken server must not fill the memory.
    /// - Throws: `NoAnswer`; any status is an answer.
    func request(
        _ method: HTTPMethod, _ path: String, query: String = "", headers: [(String, String)] = [],
        body: [UInt8]? = nil, maximumAnswerBytes: Int = 1 << 20
    ) async throws -> HTTPAnswer {
        var tried: Set<NodePool.Node> = []
        var last: NoAnswer?
        while let node = nodes.next(now: clock.now, except: tried) {
            tried.insert(node)
            do {
                let answer = try await request(
                    node, method, path, query: query, headers: headers, body: body,
                    maximumAnswerBytes: maximumAnswerBytes)
                nodes.succeeded(node)
                return answer
            } catch let error as NoAnswer {
                nodes.failed(node, now: clock.now)
                last = error
                // Where it is not known what became of it, another node might carry it out a second time.
                if error.isInDoubt || Task.isCancelled { break }
            }
        }
        throw last ?? NoAnswer(description: "no endpoint is configured", isInDoubt: false)
    }

    private func request(
        _ node: NodePool.Node, _ method: HTTPMethod, _ path: String, query: String, headers: [(String, String)],
        body: [UInt8]?, maximumAnswerBytes: Int
    ) async throws -> HTTPAnswer {
        let url = node.endpoint.url + path + (query.isEmpty ? "" : "?\(query)")
        // The client is made first: it reads the certificates.
        let client: HTTPClient
        do {
            client = try clients.client(for: node.endpoint)
        } catch {
            throw NoAnswer(description: "\(error)", isInDoubt: false)
        }
        var request = clients.request(url)
        request.method = method
        do {
            request.headers = try await headerFields(node.endpoint, method, url, path: path, own: headers)
        } catch {
            throw NoAnswer(description: "the request cannot be signed: \(error)", isInDoubt: false)
        }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        // Without a timeout of its own, an hour is as good as forever.
        let timeout = configuration.timeout > .zero ? configuration.timeout : .seconds(3600)
        do {
            let response = try await client.execute(request, timeout: TimeAmount(saturating: timeout), logger: nil)
            let body = try await response.body.collect(upTo: maximumAnswerBytes)
            cookies?.store(
                response.headers["Set-Cookie"], from: node.endpoint, now: clock.now, unixTime: time(nil))
            return HTTPAnswer(
                status: Int(response.status.code),
                retryAfter: response.headers.first(name: "Retry-After").flatMap {
                    RetryAfter.delay($0, now: time(nil))
                },
                product: response.headers.first(name: "X-Elastic-Product") ?? "", body: Array(buffer: body), node: node)
        } catch {
            let text = "failed to make an HTTP request to \(node.endpoint.url)\(path): \(connectionFailureText(error))"
            throw NoAnswer(description: text, isInDoubt: !Self.failedToConnect(error))
        }
    }

    /// True where nothing can have reached the server.
    private static func failedToConnect(_ error: any Error) -> Bool {
        if let error = error as? HTTPClientError {
            return [.connectTimeout, .proxyAuthenticationRequired, .invalidProxyResponse, .tlsHandshakeTimeout]
                .contains(error)
        }
        return isFailureToConnect(error)
    }

    // MARK: - Header fields

    /// What the exporter says itself, then what is configured, then extensions; the later ones replace the earlier.
    private func headerFields(
        _ endpoint: ElasticsearchEndpoint, _ method: HTTPMethod, _ url: String, path: String, own: [(String, String)]
    ) async throws -> HTTPHeaders {
        var fields = HTTPHeaders(own)
        fields.add(name: "User-Agent", value: userAgent)
        // The name that is asked for may be another than the host's, see `HTTPClients.request`.
        fields.add(name: "Host", value: endpoint.authority)
        if !configuration.connections.keepsConnections { fields.add(name: "Connection", value: "close") }
        if let authorization = authorization(endpoint) { fields.add(name: "Authorization", value: authorization) }
        if let cookie = cookies?.header(for: endpoint, path: endpoint.path + path, now: clock.now) {
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

    // MARK: - Who we are

    /// The URL's own user counts before an API key, and that before user and password.
    private func authorization(_ endpoint: ElasticsearchEndpoint) -> String? {
        if let user = endpoint.userInformation { return Self.basic(user.value) }
        if !configuration.apiKey.isEmpty { return "APIKey \(configuration.apiKey.value)" }
        guard !configuration.user.isEmpty, !configuration.password.isEmpty else { return nil }
        return Self.basic("\(configuration.user):\(configuration.password.value)")
    }

    private static func basic(_ userAndPassword: String) -> String {
        "Basic \(Data(userAndPassword.utf8).base64EncodedString())"
    }
}
