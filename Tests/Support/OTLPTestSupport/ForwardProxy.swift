import Foundation
import LiveSupport

/// A proxy that makes tunnels, for which every name leads to this machine: `Tests/Support/Python/forward_proxy.py`.
public final class ForwardProxy: Sendable {
    /// What somebody asked the proxy for.
    public struct Request: Decodable, Sendable {
        public var method: String
        /// `host:port` of a tunnel.
        public var target: String
        /// The value of `Proxy-Authorization`.
        public var authorization: String?
    }

    private struct Listening: Decodable {
        var port: Int
    }

    private let process: ChildProcess
    public let port: Int

    public init() async throws {
        let process = try ChildProcess([PythonEnvironment.interpreter, PythonEnvironment.script("forward_proxy.py")])
        self.process = process
        port = try await Self.read(Listening.self, process).port
    }

    /// The next one that arrives.
    public func nextRequest() async throws -> Request { try await Self.read(Request.self, process) }

    private static func read<Event: Decodable>(_ event: Event.Type, _ process: ChildProcess) async throws -> Event {
        guard let line = try await onThread({ try process.readLine() }) else { throw PythonPeer.Failure.ended }
        return try JSONDecoder().decode(event, from: Data(line.utf8))
    }
}
