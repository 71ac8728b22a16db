import AsyncHTTPClient
import ClientTLS
import Collector
import ExporterSupport
import HTTPClientSupport
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
    private let clock = ContinuousClock()

    init(configuration: ElasticsearchConfiguration, build: BuildInformation, logger: Logger) {
        self.configuration = configuration
        nodes = NodePool(configuration.endpoints)
        clients = HTTPClients(
            configuration.client, concurrency: configuration.queue?.consumers, build: build, logger: logger)
    }

    /// Finds out early what would fail every request: TLS files that cannot be read, extensions that do not run.
    func prepare(host: any Host) throws { try clients.start(host: host, endpoints: nodes.nodes.map(\.endpoint)) }

    func shutdown() async { await clients.shutdown() }

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
        var own = headers
        if let authorization { own.append(("Authorization", authorization)) }
        do {
            let response = try await clients.execute(
                method, node.endpoint, target: node.endpoint.path + path + (query.isEmpty ? "" : "?\(query)"),
                headers: own, body: body.map { ByteBuffer(bytes: $0) }, timeout: configuration.timeout)
            let body = try await response.body.collect(upTo: maximumAnswerBytes)
            return HTTPAnswer(
                status: Int(response.status.code),
                retryAfter: response.headers.first(name: "Retry-After").flatMap {
                    RetryAfter.delay($0, now: time(nil))
                },
                product: response.headers.first(name: "X-Elastic-Product") ?? "", body: Array(buffer: body), node: node)
        } catch let error as HTTPClients.NotSent {
            throw NoAnswer(description: "\(error)", isInDoubt: false)
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

    /// An API key counts before user and password; the URL's own user counts before both.
    private var authorization: String? {
        if !configuration.apiKey.isEmpty { return "APIKey \(configuration.apiKey.value)" }
        guard !configuration.user.isEmpty, !configuration.password.isEmpty else { return nil }
        let both = "\(configuration.user):\(configuration.password.value)"
        return "Basic \(Data(both.utf8).base64EncodedString())"
    }
}
