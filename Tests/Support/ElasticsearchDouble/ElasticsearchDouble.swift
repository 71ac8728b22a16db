import AsyncHTTPClient
import Foundation
import LiveSupport
import NIOCore

/// A double of Elasticsearch, `Tests/Support/Elasticsearch/elasticsearch_double.py`, and what it was sent.
public final class ElasticsearchDouble: Sendable {
    /// A bulk request as it arrived.
    public struct Request: Decodable, Sendable {
        public var path: String
        public var query: [String: String]
        /// Names in lower case.
        public var headers: [String: String]
        /// Of the body before compression.
        public var bytes: Int
        public var status: Int?
        /// The status of every item is in the answer; these are the action lines, each with one member.
        public var actions: [[String: JSON]]
    }

    /// A document as it is stored.
    public struct Document: Decodable, Sendable {
        public var id: String
        public var index: String
        public var source: JSON
        /// Dynamic templates of fields, by path.
        public var types: [String: String]

        enum CodingKeys: String, CodingKey {
            case id = "_id"
            case index = "_index"
            case source = "_source"
            case types
        }
    }

    /// False, with a printed reason, if there is no Python.
    public static func isAvailable() throws -> Bool { try Live.has(.tool("python3")) }

    static let folder = "/" + #filePath.split(separator: "/").dropLast(2).joined(separator: "/") + "/Elasticsearch"

    private let process: ChildProcess
    public let port: Int
    public let scheme: String
    public var url: String { "\(scheme)://localhost:\(port)" }

    /// - Parameter arguments: Described in the script.
    public init(_ arguments: [String] = []) async throws {
        process = try ChildProcess(["python3", "\(Self.folder)/elasticsearch_double.py"] + arguments)
        let process = process
        let line = try await onThread { try process.readLine() }
        struct Listening: Decodable { var port: Int }
        port = try JSONDecoder().decode(Listening.self, from: Data((line ?? "").utf8)).port
        scheme = arguments.contains("--certificate") ? "https" : "http"
    }

    /// Ends the server at once.
    public func kill() async throws {
        process.send(SIGKILL)
        let process = process
        _ = try await onThread { process.wait() }
    }

    // MARK: - What it is to do

    /// What the next bulk requests are answered with, one entry each; described in the script.
    public func answer(_ json: String) async throws { _ = try await send("PUT", "/_double/answers", json) }

    // MARK: - What it was sent

    public func requests() async throws -> [Request] {
        try JSONDecoder().decode([Request].self, from: try await send("GET", "/_double/requests"))
    }

    /// The bodies of all requests that were carried out, before compression.
    public func bodies() async throws -> Data { try await send("GET", "/_double/bodies") }

    /// All documents of an index, an alias, a data stream or a pattern.
    public func documents(_ name: String) async throws -> [Document] {
        try JSONDecoder().decode([Document].self, from: try await send("GET", "/_double/documents/\(name)"))
    }

    /// Fields that were written and that the index has no mapping for.
    public func unmappedFields(_ name: String) async throws -> [String] {
        try JSONDecoder().decode([String].self, from: try await send("GET", "/_double/unmapped/\(name)"))
    }

    /// Any request of the server's API.
    public func api(_ method: String, _ path: String, _ body: String = "") async throws -> JSON {
        try JSONDecoder().decode(JSON.self, from: try await send(method, path, body))
    }

    private func send(_ method: String, _ path: String, _ body: String = "") async throws -> Data {
        var request = HTTPClientRequest(url: url + path)
        request.method = .init(rawValue: method)
        if !body.isEmpty { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        return Data(try await response.body.collect(upTo: 1 << 30).readableBytesView)
    }
}
