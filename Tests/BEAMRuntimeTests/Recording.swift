import Foundation
import Processes

@testable import BEAMRuntime

/// Memory of an emulator that runs `busy.erl`, and what it wrote into its perf map (`+JPperf true`) of the code there.
struct Recording: CustomStringConvertible, Sendable {
    var release: Int
    var memory = RecordedMemory()
    var segments: [(address: UInt64, bytes: [UInt8])] = []
    /// Process address of `__jit_debug_descriptor`, found by looking for it.
    var descriptor: UInt64 = 0
    /// Of the table of modules.
    var ranges: UInt64 = 0
    /// Of the code of `process_main`.
    var scheduler: Range<UInt64> = 0..<1
    /// Lines of the perf map: what is at which addresses.
    var map: [(code: Range<UInt64>, name: String)] = []

    var description: String { "OTP \(release)" }

    static let all: [Recording] = [25, 27, 29].compactMap { try? Recording($0) }

    private init(_ release: Int) throws {
        self.release = release
        let folder = (#filePath as NSString).deletingLastPathComponent
        let text = try String(contentsOfFile: "\(folder)/Recorded/otp-\(release).txt", encoding: .utf8)
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ", maxSplits: 3).map(String.init)
            let numbers = words.map { UInt64($0.hasPrefix("0x") ? String($0.dropFirst(2)) : $0, radix: 16) ?? 0 }
            switch words[0] {
            case "descriptor": descriptor = numbers[1]
            case "ranges": ranges = numbers[1]
            case "scheduler": scheduler = numbers[1]..<numbers[2]
            case "map": map.append((numbers[1]..<(numbers[1] + numbers[2]), words[3]))
            default:
                let digits = Array(words[1].utf8)
                let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { index in
                    UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) ?? 0
                }
                segments.append((numbers[0], bytes))
                memory.add(bytes, at: numbers[0])
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
            if next(4) == 0 {
                for _ in 0..<next(4) { bytes[next(bytes.count)] = UInt8(next(3) == 0 ? 0xff : next(256)) }
            }
            result.add(bytes, at: segment.address)
        }
        return result
    }
}
