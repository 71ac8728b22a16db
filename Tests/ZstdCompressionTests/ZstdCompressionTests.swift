import Foundation
import LiveSupport
import Testing

@testable import ZstdCompression

/// Against the zstd tool.
struct ZstdCompressionTests {
    static let text = Array(String(repeating: "the same again, ", count: 20_000).utf8)

    func file(_ bytes: [UInt8], _ folder: TemporaryFolder) throws -> String {
        let path = folder.path(of: "data")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test(.enabled(if: try Live.has(.tool("zstd"))), arguments: [0, 1, 19])
    func theToolReadsWhatIsWritten(level: Int) async throws {
        let folder = try TemporaryFolder()
        let path = try file(try Zstd.compress(Self.text, level: level), folder)
        let output = folder.path(of: "output")
        try await Command.run(["zstd", "-q", "-d", path, "-o", output])
        #expect(try Array(Data(contentsOf: URL(fileURLWithPath: output))) == Self.text)
    }

    @Test(.enabled(if: try Live.has(.tool("zstd"))), arguments: ["-1", "-19", "--check"])
    func whatTheToolWritesIsRead(option: String) async throws {
        let folder = try TemporaryFolder()
        let (path, output) = (try file(Self.text, folder), folder.path(of: "data.zst"))
        try await Command.run(["zstd", "-q", option, path, "-o", output])
        let compressed = try Array(Data(contentsOf: URL(fileURLWithPath: output)))
        #expect(compressed.count < Self.text.count / 10)
        #expect(try Zstd.decompress(compressed, limitBytes: 1 << 20) == Self.text)
        // Several frames are one content.
        #expect(try Zstd.decompress(compressed + compressed, limitBytes: 1 << 20) == Self.text + Self.text)
        #expect(throws: ZstdError.tooLarge(limitBytes: 1000)) { try Zstd.decompress(compressed, limitBytes: 1000) }
        #expect(throws: ZstdError.truncated) { try Zstd.decompress(compressed.dropLast(3) + [], limitBytes: 1 << 20) }
    }

    /// A frame may ask for a window of gigabytes in a few bytes.
    @Test(.enabled(if: try Live.has(.tool("zstd"))))
    func largeWindowsAreRefused() async throws {
        let folder = try TemporaryFolder()
        let (path, output) = (folder.path(of: "data"), folder.path(of: "data.zst"))
        try Data(count: 40 << 20).write(to: URL(fileURLWithPath: path))
        try await Command.run(["zstd", "-q", "--long=25", "--no-content-size", path, "-o", output])
        let compressed = try Array(Data(contentsOf: URL(fileURLWithPath: output)))
        #expect(throws: ZstdError.self) { try Zstd.decompress(compressed, limitBytes: 64 << 20) }
    }

    @Test(arguments: [[], [0x28], [1, 2, 3, 4, 5, 6, 7, 8], Array("no zstd at all".utf8)] as [[UInt8]])
    func refusesOtherBytes(bytes: [UInt8]) {
        #expect(throws: ZstdError.self) { try Zstd.decompress(bytes, limitBytes: 1000) }
    }

    @Test func readsBackNothing() throws {
        #expect(try Zstd.decompress(try Zstd.compress([]), limitBytes: 0) == [])
    }
}
