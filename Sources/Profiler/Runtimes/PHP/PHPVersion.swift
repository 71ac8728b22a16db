import Glibc
import ObjectFiles

/// A version of PHP, as far as layouts depend on it.
struct PHPVersion: Comparable, Hashable, Sendable, CustomStringConvertible {
    var major: Int
    var minor: Int

    static let oldest = PHPVersion(major: 7, minor: 3)
    static let newest = PHPVersion(major: 8, minor: 5)

    static func < (left: PHPVersion, right: PHPVersion) -> Bool {
        (left.major, left.minor) < (right.major, right.minor)
    }

    var description: String { "\(major).\(minor)" }

    var isSupported: Bool { (PHPVersion.oldest...PHPVersion.newest).contains(self) }

    init(major: Int, minor: Int) {
        self.major = major
        self.minor = minor
    }

    /// From the beginning of a text like "8.4.24-dev".
    init?(parsing text: some Sequence<UInt8>) {
        var numbers: [Int] = []
        var number: Int?
        for byte in text {
            if byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") {
                let next = (number ?? 0) * 10 + Int(byte - UInt8(ascii: "0"))
                guard next < 100 else { return nil }
                number = next
            } else {
                guard let complete = number else { return nil }
                numbers.append(complete)
                number = nil
                if numbers.count == 2 || byte != UInt8(ascii: ".") { break }
            }
        }
        guard numbers.count == 2 else { return nil }
        self.init(major: numbers[0], minor: numbers[1])
    }

    /// What PHP says of itself in every answer to a browser (main/SAPI.h), and so holds in its read-only data.
    static let banner: [UInt8] = Array("X-Powered-By: PHP/".utf8)
    private static let chunkBytes = 1 << 20
    /// More than any PHP has of data.
    private static let searchedBytes: UInt64 = 64 << 20

    /// The version that an executable with PHP in it states; nil when it does not.
    init?(statedIn file: ELFFile) {
        let overlap = PHPVersion.banner.count + 8
        var left = PHPVersion.searchedBytes
        for segment in file.segments where segment.type == ELFSegment.load {
            var position: UInt64 = 0
            while position < segment.fileSize, left > 0 {
                let count = Int(min(UInt64(PHPVersion.chunkBytes), segment.fileSize - position))
                guard let bytes = try? file.source.read(at: segment.offset &+ position, count: count) else { break }
                if let found = PHPVersion(after: PHPVersion.banner, in: bytes) {
                    self = found
                    return
                }
                if count <= overlap { break }
                position += UInt64(count - overlap)
                left -= min(left, UInt64(count))
            }
        }
        return nil
    }

    /// The version whose text follows the first occurrence of `marker` that has one behind it.
    init?(after marker: [UInt8], in bytes: [UInt8]) {
        guard let first = marker.first else { return nil }
        var start = 0
        while start < bytes.count {
            let found: Int? = bytes.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress, let match = memchr(base + start, Int32(first), bytes.count - start)
                else { return nil }
                return UnsafeRawPointer(match) - base
            }
            guard let found else { return nil }
            if bytes[found...].starts(with: marker),
                let version = PHPVersion(parsing: bytes[(found + marker.count)...].prefix(8))
            {
                self = version
                return
            }
            start = found + 1
        }
        return nil
    }
}
