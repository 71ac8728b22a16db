import AsyncHTTPClient
import Collector
import Foundation
import NIOCore
import NIOHTTP1

/// A cloud's metadata service: plain HTTP on an address that only the host itself reaches. No proxy is ever asked.
struct MetadataService: Sendable {
    var base: String
    private static let maximumBytes = 1 << 20

    /// The answer's text.
    /// - Throws: `CollectorError` for any status but 200.
    func text(
        _ method: HTTPMethod = .GET, _ path: String, headers: [(String, String)] = [], timeout: Duration
    ) async throws -> String {
        var settings = HTTPClient.Configuration()
        let limit = TimeAmount(timeout)
        settings.timeout.connect = min(limit, .seconds(2))
        settings.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: settings)
        let result: Result<String, any Error>
        do {
            var request = HTTPClientRequest(url: base + path)
            request.method = method
            for (name, value) in headers { request.headers.add(name: name, value: value) }
            let response = try await client.execute(request, timeout: limit)
            guard response.status == .ok else {
                throw CollectorError("\(base)\(path) answered with status \(response.status.code)")
            }
            let body = try await response.body.collect(upTo: Self.maximumBytes)
            result = .success(String(buffer: body))
        } catch {
            result = .failure(error)
        }
        try? await client.shutdown()
        return try result.get()
    }

    func json<Value: Decodable>(
        _ type: Value.Type, _ path: String, headers: [(String, String)] = [], timeout: Duration
    ) async throws -> Value {
        let text = try await text(.GET, path, headers: headers, timeout: timeout)
        return try JSONDecoder().decode(type, from: Data(text.utf8))
    }
}
