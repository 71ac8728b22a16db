/// A file's identity by content, 16 bytes: the attribute `process.executable.build_id.htlhash`.
public struct FileID: Hashable, Sendable, CustomStringConvertible {
    /// The upper eight bytes; the id that the kernel side uses for executables.
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// All kernels and modules whose build id is unknown share this id.
    public static let unknownKernel = FileID(high: 0xffff_ffff_ffff_fffd, low: 0xffff_ffff_ffff_fffd)

    /// Hashes the head, the tail and the length of an executable.
    ///
    /// SHA-256 of the first 4,096 bytes, the last 4,096 bytes and the length as eight bytes, big endian, cut to 16
    /// bytes. In files below 8,192 bytes the parts overlap and are hashed twice; shorter parts count as they are.
    public init(contentsOf source: any BinarySource) throws(BinarySourceError) {
        let part = Int(min(source.size, 4096))
        var hash = SHA256()
        hash.update(try source.read(at: 0, count: part))
        hash.update(try source.read(at: source.size - UInt64(part), count: part))
        hash.update((0..<8).map { UInt8(truncatingIfNeeded: source.size >> (56 - 8 * UInt64($0))) })
        let digest = hash.finish()
        high = digest[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = digest[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// The id of a kernel or kernel module: FNV-1a 128 over the text of its GNU build id in lower-case hexadecimal.
    /// A text below 16 characters, and none, give `unknownKernel`.
    public init(kernelBuildIDHex text: String?) {
        guard let text, text.utf8.count >= 16 else {
            self = .unknownKernel
            return
        }
        // FNV's 128-bit offset basis and prime, 2^88 + 0x13b.
        high = 0x6c62_272e_07bb_0142
        low = 0x62b8_2175_6295_c58d
        for byte in text.utf8 {
            low ^= UInt64(byte)
            let product = low.multipliedFullWidth(by: 0x13b)
            high = high &* 0x13b &+ product.high &+ low << 24
            low = product.low
        }
    }

    /// 16 bytes, most significant first.
    public var bytes: [UInt8] {
        [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * UInt64($0))) } }
    }

    /// 32 lower-case hexadecimal digits.
    public var hex: String { hexadecimal(bytes) }
    public var description: String { hex }

    /// 22 characters of base64url without padding (RFC 4648 §5): the form of ids in Elasticsearch.
    public var base64URL: String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var characters: [UInt8] = []
        var pending: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            pending = (pending << 8 | UInt32(byte)) & 0xffff
            bits += 8
            while bits >= 6 {
                bits -= 6
                characters.append(alphabet[Int(pending >> bits & 0x3f)])
            }
        }
        characters.append(alphabet[Int(pending << (6 - bits) & 0x3f)])
        return String(decoding: characters, as: UTF8.self)
    }
}

/// A build id as the linker or Go's tool chain left it in a note.
public struct BuildID: Hashable, Sendable, CustomStringConvertible {
    public var bytes: [UInt8]

    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Lower-case hexadecimal digits, two per byte.
    public var hex: String { hexadecimal(bytes) }
    public var description: String { hex }
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
