import AsyncHTTPClient
import ClientTLS
import Collector
import ExporterSupport
import FoundationEssentials
import Glibc
import Logging
import NIOCore
import NIOHTTP1

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

    init(configuration: ElasticsearchConfiguration, build: BuildInformation, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        nodes = NodePool(configuration.endpoints)
        clients = HTTPClients(configuration)
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

    /// Finds out early what would fail every request: TLS files that cannot be read.
    func prepare() throws {
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
        var request = HTTPClientRequest(url: url)
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        request.headers.add(name: "User-Agent", value: userAgent)
        if !configuration.connections.keepsConnections { request.headers.add(name: "Connection", value: "close") }
        if let authorization = authorization(node.endpoint) {
            request.headers.add(name: "Authorization", value: authorization)
        }
        for (name, value) in configuration.headers { request.headers.replaceOrAdd(name: name, value: value.value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        // Without a timeout of its own, an hour is as good as forever.
        let timeout = configuration.timeout > .zero ? configuration.timeout : .seconds(3600)
        do {
            let client = try clients.client(for: node.endpoint)
            let response = try await client.execute(request, timeout: TimeAmount(saturating: timeout), logger: nil)
            let body = try await response.body.collect(upTo: maximumAnswerBytes)
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
