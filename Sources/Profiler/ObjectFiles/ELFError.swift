import BinaryReading

/// Why a file cannot be used as an object file.
public struct ELFError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Equatable, Sendable {
        /// The four magic bytes are missing.
        case notELF
        /// 32-bit or big-endian.
        case unsupportedFormat
        /// Neither x86_64 nor aarch64; the value is `e_machine`.
        case unsupportedMachine(UInt16)
        /// The bytes do not form an allowed value, or lie outside of the file.
        case malformed
        /// A count or length exceeds what this reader is willing to hold.
        case limitExceeded
        /// The section is compressed (SHF_COMPRESSED or `.zdebug_`); the value is `ch_type`: 1 zlib, 2 zstd.
        case compressed(algorithm: UInt32)
        /// The section has no bytes in this file (SHT_NOBITS): they are in the stripped or in the debug file.
        case noContents
        /// The file could not be read.
        case unreadable(BinarySourceError)
    }

    public var kind: Kind
    /// Offset in the file, in bytes.
    public var offset: UInt64
    /// What was being read, in the words of the ELF specification.
    public var subject: StaticString

    public init(_ kind: Kind, at offset: UInt64, reading subject: StaticString) {
        self.kind = kind
        self.offset = offset
        self.subject = subject
    }

    public static func == (left: ELFError, right: ELFError) -> Bool {
        left.kind == right.kind && left.offset == right.offset
    }

    public var description: String {
        let place = "\(subject) at offset 0x\(String(offset, radix: 16))"
        return switch kind {
        case .notELF: "not an ELF file"
        case .unsupportedFormat: "unsupported ELF class or byte order: only 64-bit little-endian files are read"
        case .unsupportedMachine(let machine): "unsupported ELF machine \(machine): only x86_64 and aarch64 are read"
        case .malformed: "invalid \(place)"
        case .limitExceeded: "limit exceeded for \(place)"
        case .compressed(let algorithm): "compressed (type \(algorithm)) \(place)"
        case .noContents: "no contents in this file for \(place)"
        case .unreadable(let error): "\(place): file \(error)"
        }
    }
}
