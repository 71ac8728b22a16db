/// Identifies an executable file, or, for code that is in none, a function by its names.
struct FileID: Hashable, Sendable {
    var high: UInt64
    var low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// From 32 hexadecimal digits; nil for anything else.
    init?(hexadecimal text: String) {
        guard text.utf8.count == 32 else { return nil }
        var (high, low) = (UInt64(0), UInt64(0))
        for (position, byte) in text.utf8.enumerated() {
            guard let digit = Hexadecimal.value(of: byte) else { return nil }
            if position < 16 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
        }
        self.init(high: high, low: low)
    }

    /// For frames without a file: XXH64 over the names and places of their functions fills both halves.
    init(functions: [FrameFunction]) {
        var input: [UInt8] = []
        for function in functions {
            input.append(contentsOf: function.name.utf8)
            input.append(contentsOf: function.fileName.utf8)
            input.append(bigEndian: UInt64(bitPattern: function.line))
            input.append(bigEndian: UInt64(bitPattern: function.column))
        }
        let hash = XXHash64.hash(input)
        self.init(high: hash, low: hash)
    }

    /// 22 characters.
    var text: String {
        var text: [UInt8] = []
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    func append(to text: inout [UInt8]) { Base64URL.append(high, low, to: &text) }
}

/// One line of a location: a function and where in it.
struct FrameFunction: Hashable, Sendable {
    var name: String
    var fileName: String
    var line: Int64
    var column: Int64
}

/// Identifies a frame: 32 characters of text.
struct FrameID: Hashable, Sendable {
    var file: FileID
    var address: UInt64

    func append(to text: inout [UInt8]) { Base64URL.append(file.high, file.low, address, to: &text) }

    var text: String {
        var text: [UInt8] = []
        append(to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    func identity(_ kind: DocumentIdentity.Kind) -> DocumentIdentity {
        DocumentIdentity(kind: kind, words: (file.high, file.low, address))
    }
}

/// What Universal Profiling knows of a stack's frames beyond their ids; the values are its own.
enum FrameType {
    static let unknown: UInt8 = 0
    static let native: UInt8 = 3
    static let kernel: UInt8 = 4
    /// Set in the type of a frame that stands for an error.
    static let errorBit: UInt8 = 0x80

    /// The value of the attribute `profile.frame.type`.
    static func byte(_ name: String) -> UInt8 {
        switch name {
        case "cpython": 1
        case "php": 2
        case "native": native
        case "kernel": kernel
        case "jvm": 5
        case "ruby": 6
        case "perl": 7
        case "v8js": 8
        case "dotnet": 10
        case "go": 11
        case "beam": 12
        case "luajit": 13
        case "abort-marker": errorBit
        default: unknown
        }
    }

    /// Pairs of a run's length and its type, the stack's root first; base64 without padding.
    static func runLengths(rootFirst types: some Sequence<UInt8>) -> String {
        var pairs: [UInt8] = []
        for type in types {
            if let last = pairs.last, last == type, pairs[pairs.count - 2] < 255 {
                pairs[pairs.count - 2] += 1
            } else {
                pairs.append(contentsOf: [1, type])
            }
        }
        return Base64URL.text(pairs)
    }
}

/// Identifies a stack by its frames, the leaf first: FNV-1a of each file id and of the address in decimal digits.
struct TraceHasher {
    private var hash = FNV128()

    mutating func add(_ frame: FrameID) {
        hash.add(bigEndian: frame.file.high)
        hash.add(bigEndian: frame.file.low)
        hash.add(decimal: frame.address)
    }

    var value: (high: UInt64, low: UInt64) { hash.value }
}

extension [UInt8] {
    mutating func append(bigEndian value: UInt64) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
