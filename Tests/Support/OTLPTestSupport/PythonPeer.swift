import Foundation
import LiveSupport
import OTLP
import SwiftProtobuf

/// OTLP spoken by Python: `Tests/Support/Python/otlp_peer.py` in the virtual environment that `Scripts/test-python`
/// makes.
public final class PythonPeer: Sendable {
    /// What the peer tells about one export.
    public struct Event: Decodable, Sendable {
        public var event: String
        public var transport: String?
        public var signal: String?
        /// The request as the peer decoded it and serialized it again.
        public var message: Data?
        /// The HTTP request's `Content-Encoding`.
        public var encoding: String?
        public var contentType: String?
        public var headers: [String: String]?
        /// How long the caller said it would wait.
        public var remainingSeconds: Double?
        public var path: String?
        var grpc: Int?
        var http: Int?
    }

    public enum Failure: Error {
        case ended
    }

    static let python = PythonEnvironment.interpreter
    static let script = PythonEnvironment.script("otlp_peer.py")

    /// False, with a printed reason, if the virtual environment is not there.
    public static func isAvailable() throws -> Bool { try Live.has(.path(python)) }

    private let process: ChildProcess
    public let grpcPort: Int
    public let httpPort: Int

    /// - Parameters:
    ///   - answers: A JSON list, described in the script.
    ///   - certificate: Path of a PEM file to serve TLS with.
    public init(answers: String = "[]", certificate: String? = nil, key: String? = nil) async throws {
        var arguments = [Self.python, Self.script, "receive", "--answers", answers]
        if let certificate, let key { arguments += ["--certificate", certificate, "--key", key] }
        let process = try ChildProcess(arguments)
        let listening = try await Self.readEvent(process)
        self.process = process
        self.grpcPort = listening.grpc ?? 0
        self.httpPort = listening.http ?? 0
    }

    /// The next export that arrives.
    public func nextEvent() async throws -> Event { try await Self.readEvent(process) }

    /// All exports until the peer is told to `end`. Ask early: a peer that nobody listens to stands still.
    public func remainingEvents() async throws -> [Event] {
        var events: [Event] = []
        while true {
            do { events.append(try await nextEvent()) } catch Failure.ended { return events }
        }
    }

    public func end() { process.send(SIGTERM) }

    private static func readEvent(_ process: ChildProcess) async throws -> Event {
        guard let line = try await onThread({ try process.readLine() }) else { throw Failure.ended }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Event.self, from: Data(line.utf8))
    }

    // MARK: - Sending

    /// What a receiver answered.
    public struct Answer: Decodable, Sendable {
        /// gRPC's name or HTTP's number.
        public var code: String
        public var message: String
        public var body: Data?
        public var contentType: String?
        public var retrySeconds: Double?
        public var retryAfter: String?
    }

    /// Sends a request with Python's messages and clients.
    /// - Parameter options: As the script has them: `["--grpc", "4317", "--compression", "gzip"]`.
    public static func send(_ payload: some OTLPPayload, signal: String, _ options: [String]) async throws -> Answer {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "payload.bin")
        try (payload.serializedBytes() as Data).write(to: URL(fileURLWithPath: path))
        let output = try await Command.run(
            [python, script, "send", signal, path] + options, includingStandardError: false)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Answer.self, from: Data(output.utf8))
    }

    // MARK: - Conversions

    /// Reads OTLP/JSON with Python and gives back the message.
    public static func decode<Payload: OTLPPayload>(
        _ type: Payload.Type = Payload.self, signal: String, json: [UInt8]
    ) async throws -> Payload {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "payload.json")
        try Data(json).write(to: URL(fileURLWithPath: path))
        let output = try await Command.run(
            [python, script, "json-to-wire", signal, path], includingStandardError: true)
        let text = output.trimmingCharacters(in: .whitespacesAndNewlines)
        return try Payload(serializedBytes: Data(base64Encoded: text) ?? Data([0xff]))
    }

    /// The OTLP/JSON that Python writes for a message.
    public static func encode(_ payload: some OTLPPayload, signal: String) async throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "payload.bin")
        try (payload.serializedBytes() as Data).write(to: URL(fileURLWithPath: path))
        return Array(try await Command.run([python, script, "wire-to-json", signal, path]).utf8)
    }
}
