import RuntimeSupport

/// Numbers, arrays and hash tables of precompiled code ("ReadyToRun format", NativeFormat.h of dotnet/runtime).
struct NativeFormat {
    let bytes: [UInt8]

    /// An unsigned number and where the next thing is. The lowest bits of the first byte say how many bytes it has.
    func number(at position: Int) -> (value: UInt32, next: Int)? {
        guard let first = bytes[safe: position] else { return nil }
        func byte(_ index: Int) -> UInt32 { UInt32(bytes[safe: position + index] ?? 0) }
        let size = min(first.trailingOnes, 4) + 1
        guard position + size <= bytes.count else { return nil }
        let value: UInt32
        switch size {
        case 1: value = UInt32(first) >> 1
        case 2: value = UInt32(first) >> 2 | byte(1) << 6
        case 3: value = UInt32(first) >> 3 | byte(1) << 5 | byte(2) << 13
        case 4: value = UInt32(first) >> 4 | byte(1) << 4 | byte(2) << 12 | byte(3) << 20
        default: value = byte(1) | byte(2) << 8 | byte(3) << 16 | byte(4) << 24
        }
        return (value, position + size)
    }

    func signedNumber(at position: Int) -> (value: Int32, next: Int)? {
        guard let first = bytes[safe: position] else { return nil }
        let size = min(first.trailingOnes, 4) + 1
        guard let unsigned = number(at: position) else { return nil }
        let bits = [7, 14, 21, 28, 32][size - 1]
        let shift = UInt32(32 - bits)
        return (Int32(bitPattern: unsigned.value << shift) >> Int32(shift), unsigned.next)
    }

    private func entry(_ start: Int, _ index: Int, _ width: UInt32) -> Int? {
        switch width {
        case 0: bytes[safe: start + index].map(Int.init)
        case 1: start + index * 2 + 2 <= bytes.count ? Int(Words.half(bytes, start + index * 2)) : nil
        default: start + index * 4 + 4 <= bytes.count ? Int(CodeBytes.word(bytes, at: start + index * 4)) : nil
        }
    }

    /// Calls `body` with the number and the place of each entry of a sparse array: 16 entries each are the leaves of a tree
    /// of four levels.
    func forEachArrayEntry(limit: Int, _ body: (Int, Int) -> Void) {
        guard let header = number(at: 0) else { return }
        let base = header.next, width = header.value & 3
        for index in 0..<min(Int(header.value >> 2), limit) {
            guard let root = entry(base, index / 16, width) else { return }
            if let place = leaf(of: index & 15, from: base + root) { body(index, place) }
        }
    }

    private func leaf(of index: Int, from root: Int) -> Int? {
        var place = root
        for bit in [8, 4, 2, 1] {
            guard let node = number(at: place) else { return nil }
            let isRight = index & bit != 0
            if isRight, node.value & 2 != 0 {
                place += Int(node.value >> 2)
            } else if !isRight, node.value & 1 != 0 {
                place = node.next
            } else {
                return node.value & 3 == 0 && node.value >> 2 == UInt32(index) ? node.next : nil
            }
        }
        return place
    }

    /// Calls `body` with the place of each entry of a hash table.
    func forEachTableEntry(limit: Int, _ body: (Int) -> Void) {
        guard let header = bytes.first else { return }
        let shift = Int(header >> 2), width = UInt32(header & 3), base = 1
        guard shift < 24 else { return }
        var entries = 0
        for bucket in 0..<(1 << shift) {
            guard let start = entry(base, bucket, width), let end = entry(base, bucket + 1, width) else { return }
            var place = base + start
            while place < base + end, entries < limit {
                // A byte of the hash, then where the entry is, from there.
                guard let offset = signedNumber(at: place + 1) else { return }
                body(place + 1 + Int(offset.value))
                place = offset.next
                entries += 1
            }
        }
    }

    /// The number of a function, which ends an entry; what must be fixed before it runs may be named as well.
    func functionIndex(at place: Int) -> UInt32? {
        guard let value = number(at: place)?.value else { return nil }
        return value & 1 != 0 ? value >> 2 : value >> 1
    }
}

extension UInt8 {
    fileprivate var trailingOnes: Int { (~self).trailingZeroBitCount }
}
