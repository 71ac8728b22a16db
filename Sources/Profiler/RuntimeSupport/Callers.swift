import ObjectFiles

/// Which functions of an executable call another one, by the call instructions in their code.
public enum Callers {
    private static let codeLimitBytes = 64 << 20

    /// ELF addresses of the functions that call `target` directly, each once, by address.
    public static func functions(calling target: UInt64, in file: ELFFile) -> [Range<UInt64>] {
        guard let starts = FunctionStarts(file) else { return [] }
        var found: [Range<UInt64>] = []
        for segment in file.executableSegments {
            guard let code = try? file.contents(of: segment, limitBytes: codeLimitBytes) else { continue }
            for place in calls(of: target, in: code, at: segment.address, file.machine) {
                guard let function = starts.function(at: place), found.last != function else { continue }
                found.append(function)
            }
        }
        return found
    }

    /// Addresses of the call instructions.
    static func calls(of target: UInt64, in code: [UInt8], at address: UInt64, _ machine: ELFMachine) -> [UInt64] {
        code.withUnsafeBytes { code in
            switch machine {
            case .x86_64:
                // call rel32, looked for at every byte: by chance none leads exactly there.
                guard code.count >= 5 else { return [] }
                return (0...(code.count - 5)).compactMap { index in
                    guard code[index] == 0xe8 else { return nil }
                    let bits = UInt32(littleEndian: code.loadUnaligned(fromByteOffset: index + 1, as: UInt32.self))
                    let distance = Int64(Int32(bitPattern: bits))
                    let end = address &+ UInt64(index + 5)
                    return end &+ UInt64(bitPattern: distance) == target ? end &- 5 : nil
                }
            case .aarch64:
                return stride(from: 0, to: code.count - 3, by: 4).compactMap { index in
                    let word = UInt32(littleEndian: code.loadUnaligned(fromByteOffset: index, as: UInt32.self))
                    guard word & 0xfc00_0000 == 0x9400_0000 else { return nil }  // bl
                    let words = Int64(Int32(bitPattern: word << 6) >> 6)
                    let place = address &+ UInt64(index)
                    return place &+ UInt64(bitPattern: words * 4) == target ? place : nil
                }
            }
        }
    }
}
