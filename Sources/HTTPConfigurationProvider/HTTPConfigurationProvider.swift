import AsyncHTTPClient
import Collector
import NIOCore

/// `http://…` and `https://…`: a plain GET, without authentication. The certificate of `https` must be signed by an
/// authority that the system trusts.
public struct HTTPConfigurationProvider: ConfigurationProvider {
    public let scheme: String
    private let timeout: TimeAmount

    /// - Parameters:
    ///   - scheme: `http` or `https`.
    ///   - timeout: For the whole answer.
    public init(scheme: String, timeout: Duration = .seconds(30)) {
        self.scheme = scheme
        self.timeout = TimeAmount(timeout)
    }

    public func retrieve(_ opaque: String) async throws -> RetrievedConfiguration {
        let url = "\(scheme):\(opaque)"
        var settings = HTTPClient.Configuration()
        settings.timeout.connect = min(timeout, .seconds(10))
        settings.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        let result: Result<String, any Error>
        do {
            result = .success(try await Self.text(of: url, client, timeout))
        } catch {
            result = .failure(CollectorError("unable to download the file via HTTP GET for uri \"\(url)\": \(error)"))
        }
        // The answer is there or not; that a connection does not close well changes nothing about it.
        try? await client.shutdown()
        return RetrievedConfiguration(.text(try result.get()))
    }

    private static func text(of url: String, _ client: HTTPClient, _ timeout: TimeAmount) async throws -> String {
        let response = try await client.execute(HTTPClientRequest(url: url), timeout: timeout)
        guard response.status == .ok else {
            throw CollectorError("the server answered with status \(response.status.code), not 200")
        }
        var bytes: [UInt8] = []
        for try await part in response.body {
            guard bytes.count + part.readableBytes <= maximumConfigurationBytes else {
                throw CollectorError("the answer is larger than \(maximumConfigurationBytes) bytes")
            }
            bytes.append(contentsOf: part.readableBytesView)
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CollectorError("the answer is not valid UTF-8 text")
        }
        return text
    }
}
