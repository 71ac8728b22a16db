import Collector
import Foundation
import Logging
import Testing

@testable import PrometheusEndpoint

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

struct PrometheusEndpointTests {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    func get(_ path: String, port: Int, method: String = "GET") async throws -> (status: Int, body: String, type: String?) {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        let (data, response) = try await URLSession.shared.data(for: request)
        let http = try #require(response as? HTTPURLResponse)
        return (http.statusCode, String(decoding: data, as: UTF8.self), http.value(forHTTPHeaderField: "Content-Type"))
    }

    @Test func servesMetrics() async throws {
        let endpoint = await PrometheusEndpoint.start(.init(host: "127.0.0.1", port: 0), logger: logger) { "up 1\n" }
        let port = try #require(await endpoint.port)
        let answer = try await get("/metrics?x=1", port: port)
        #expect(answer.status == 200)
        #expect(answer.body == "up 1\n")
        #expect(answer.type == "text/plain; version=0.0.4; charset=utf-8")
        #expect(try await get("/", port: port).status == 404)
        #expect(try await get("/metrics", port: port, method: "POST").status == 405)
        await endpoint.shutdown()
        await #expect(throws: (any Error).self) { try await get("/metrics", port: port) }
    }

    @Test func waitsForAnAddressThatIsTaken() async throws {
        let first = await PrometheusEndpoint.start(.init(host: "127.0.0.1", port: 0), logger: logger) { "first" }
        let port = try #require(await first.port)
        let second = await PrometheusEndpoint.start(
            .init(host: "127.0.0.1", port: port), logger: logger, retryInterval: .milliseconds(20)) { "second" }
        #expect(await second.port == nil)
        await first.shutdown()
        while await second.port == nil { try await Task.sleep(for: .milliseconds(10)) }
        #expect(try await get("/metrics", port: port).body == "second")
        await second.shutdown()
    }

    @Test func stopsTrying() async throws {
        let first = await PrometheusEndpoint.start(.init(host: "127.0.0.1", port: 0), logger: logger) { "first" }
        let port = try #require(await first.port)
        let second = await PrometheusEndpoint.start(.init(host: "127.0.0.1", port: port), logger: logger) { "second" }
        await second.shutdown()
        #expect(await second.port == nil)
        await first.shutdown()
    }
}
