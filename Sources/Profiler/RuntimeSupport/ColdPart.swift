import ObjectFiles

/// Compilers move what is seldom executed out of a function, and without a profile of the program's own that may be nearly
/// all of an interpreter's loop. No symbol tells where to in a stripped file, but the function jumps there.
public enum ColdPart {
    /// Interpreter loops take some ten thousands.
    private static let codeLimit = 1 << 20

    /// ELF addresses of the other part of the function at `hot`; nil when it has none.
    public static func find(of hot: Range<UInt64>, in file: ELFFile) -> Range<UInt64>? {
        guard let starts = FunctionStarts(file), let size = Int(exactly: hot.upperBound - hot.lowerBound),
            let code = try? file.read(atAddress: hot.lowerBound, count: min(size, codeLimit))
        else { return nil }
        let targets =
            switch file.machine {
            case .x86_64: x86Jumps(code, at: hot.lowerBound)
            case .aarch64: arm64Jumps(code, at: hot.lowerBound)
            }
        var counts: [Range<UInt64>: Int] = [:]
        for target in targets where !hot.contains(target) {
            // A jump to a function's start is a call at its caller's end; the other part is entered in its midst.
            guard let function = starts.function(at: target), function.lowerBound != target else { continue }
            counts[function, default: 0] += 1
        }
        guard let most = counts.max(by: { ($0.value, $1.key.lowerBound) < ($1.value, $0.key.lowerBound) }) else {
            return nil
        }
        return most.key
    }

    /// Targets of jumps with 32-bit displacements, looked for at every byte: what is none by chance leads nowhere, since
    /// code is a thousandth of what displacements reach.
    private static func x86Jumps(_ code: [UInt8], at address: UInt64) -> [UInt64] {
        var targets: [UInt64] = []
        guard code.count >= 6 else { return [] }
        for index in 0..<(code.count - 5) {
            let displacementAt: Int
            if code[index] == 0xe9 {
                displacementAt = index + 1
            } else if code[index] == 0x0f, code[index + 1] & 0xf0 == 0x80 {
                displacementAt = index + 2
            } else {
                continue
            }
            let displacement = Int64(CodeBytes.signed32(code, at: displacementAt))
            targets.append(address &+ UInt64(displacementAt + 4) &+ UInt64(bitPattern: displacement))
        }
        return targets
    }

    /// Targets of `b`, `b.cond`, `cbz`, `cbnz`.
    private static func arm64Jumps(_ code: [UInt8], at address: UInt64) -> [UInt64] {
        stride(from: 0, to: code.count - 3, by: 4).compactMap { start in
            let word = CodeBytes.word(code, at: start)
            let words: Int64
            if word & 0xfc00_0000 == 0x1400_0000 {
                words = Int64(Int32(bitPattern: word << 6) >> 6)
            } else if word & 0xff00_0010 == 0x5400_0000 || word & 0x7e00_0000 == 0x3400_0000 {
                words = Int64(Int32(bitPattern: word << 8) >> 13)
            } else {
                return nil
            }
            return address &+ UInt64(start) &+ UInt64(bitPattern: words * 4)
        }
    }
}
