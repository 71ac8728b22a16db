import Foundation
import Processes

@testable import PHPRuntime

/// Memory of a PHP process that sleeps in `Recorded/recorded.php`, and what PHP itself said about its stack
/// (`debug_backtrace`).
struct Recording: CustomStringConvertible, Sendable {
    struct Call {
        /// What was called: "App\P::first".
        var name: String
        /// From where; empty and 0 when from a function written in C.
        var fileName: String
        var line: UInt32
    }

    var description: String
    var version: PHPVersion
    var memory = RecordedMemory()
    /// Where `executor_globals.current_execute_data` is.
    var currentFrame: UInt64 = 0
    /// Functions of the chain of frames, leaf first, and the lines that their frames' operations have.
    var functions: [(address: UInt64, line: UInt32)] = []
    /// Leaf first.
    var backtrace: [Call] = []
    var segments: [(address: UInt64, bytes: [UInt8])] = []

    static let all: [Recording] = [(7, 4), (8, 2), (8, 4), (8, 5)].compactMap {
        try? Recording(PHPVersion(major: $0.0, minor: $0.1))
    }

    private init(_ version: PHPVersion) throws {
        self.version = version
        description = "PHP \(version)"
        let folder = (#filePath as NSString).deletingLastPathComponent
        let text = try String(contentsOfFile: "\(folder)/Recorded/php-\(version).txt", encoding: .utf8)
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 1).map(String.init)
            guard words.count == 2 else { continue }
            switch words[0] {
            case "current": currentFrame = UInt64(words[1], radix: 16) ?? 0
            case "function":
                let parts = words[1].split(separator: " ")
                functions.append((UInt64(parts[0], radix: 16) ?? 0, UInt32(parts[1]) ?? 0))
            case "backtrace":
                let parts = words[1].split(separator: "|", omittingEmptySubsequences: false).map(String.init)
                backtrace.append(
                    Call(
                        name: parts[0].isEmpty ? parts[1] : "\(parts[0])::\(parts[1])", fileName: parts[2],
                        line: UInt32(parts[3]) ?? 0))
            default:
                let digits = Array(words[1].utf8)
                let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { index in
                    UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) ?? 0
                }
                segments.append((UInt64(words[0], radix: 16) ?? 0, bytes))
                memory.add(bytes, at: segments[segments.count - 1].address)
            }
        }
    }

    /// The memory with some bytes changed at random, by a generator that `seed` starts.
    func damaged(seed: UInt64) -> RecordedMemory {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        func next(_ limit: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(max(1, limit)))
        }
        var result = RecordedMemory()
        for segment in segments {
            var bytes = segment.bytes
            for _ in 0..<next(4) { bytes[next(bytes.count)] = UInt8(next(3) == 0 ? 0xff : next(256)) }
            result.add(bytes, at: segment.address)
        }
        return result
    }
}
