import Foundation

/// Compression by Python's package cramjam: `Tests/Support/Python/codec.py`.
public struct PythonCodec: Sendable {
    public enum Direction: String, Sendable { case compress, decompress }

    /// As HTTP calls it.
    public var name: String

    public init(_ name: String) { self.name = name }

    /// False, with a printed reason, if the package is not there.
    public static func isAvailable() throws -> Bool { try Live.has(.pythonPackage("cramjam")) }

    public func run(_ direction: Direction, _ bytes: [UInt8]) async throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let (input, output) = (folder.path(of: "input"), folder.path(of: "output"))
        try Data(bytes).write(to: URL(fileURLWithPath: input))
        try await Command.run([
            PythonEnvironment.interpreter, PythonEnvironment.script("codec.py"), name, direction.rawValue, input, output,
        ])
        return Array(try Data(contentsOf: URL(fileURLWithPath: output)))
    }
}
