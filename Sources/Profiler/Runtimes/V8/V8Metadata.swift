import ObjectFiles
import RuntimeSupport

/// What an executable says of the V8 in it, for debuggers: numbers of four bytes, each with a name of its own
/// (tools/gen-postmortem-metadata.py).
struct V8Metadata: Sendable {
    let version: V8Version
    /// Without "v8dbg_".
    private let numbers: [String: Int32]

    init(version: V8Version, numbers: [String: Int32]) {
        self.version = version
        self.numbers = numbers
    }

    private static let versionNames = ["major", "minor", "build"].map { "_ZN2v88internal7Version6\($0)_E" }

    /// Nil for a file without V8.
    init?(in file: ELFFile) {
        let symbols = file.exportedSymbols(named: Set(Self.versionNames))
        let parts = Self.versionNames.compactMap { symbols[$0] }.compactMap { Self.number(at: $0.value, in: file) }
        guard parts.count == 3 else { return nil }
        version = V8Version(
            UInt32(truncatingIfNeeded: parts[0]), UInt32(truncatingIfNeeded: parts[1]),
            UInt32(truncatingIfNeeded: parts[2]))
        numbers = file.exportedSymbols(prefix: "v8dbg_").compactMapValues { Self.number(at: $0.value, in: file) }
    }

    /// Zeros take no room in the file.
    private static func number(at address: UInt64, in file: ELFFile) -> Int32? {
        if let bytes = try? file.read(atAddress: address, count: 4) { return CodeBytes.signed32(bytes, at: 0) }
        let isBlank = file.segments.contains { segment in
            segment.type == ELFSegment.load && address >= segment.address
                && address - segment.address < segment.memorySize
        }
        return isBlank ? 0 : nil
    }

    var isEmpty: Bool { numbers.isEmpty }

    subscript(name: String) -> Int? { numbers[name].map(Int.init) }

    /// Of a field of a class, by whichever of the types it is declared with.
    func field(_ name: String, _ types: String...) -> Int? {
        for type in types {
            if let offset = self["class_\(name)__\(type)"] { return offset }
        }
        return nil
    }

    /// Instance type of a class; nil where the version has none.
    func type(_ name: String) -> UInt16? {
        let prefix = "type_\(name)__"
        return numbers.first { $0.key.hasPrefix(prefix) }.map { UInt16(truncatingIfNeeded: $0.value) }
    }

    /// Names of types of frames, by their numbers.
    var frameTypes: [UInt8: String] {
        var types: [UInt8: String] = [:]
        for (name, value) in numbers where name.hasPrefix("frametype_") && value >= 0 && value < 256 {
            types[UInt8(value)] = String(name.dropFirst("frametype_".count))
        }
        return types
    }
}
