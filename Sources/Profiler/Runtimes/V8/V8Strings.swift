import Processes

extension V8Heap {
    /// A string's contents as they are in memory.
    struct Piece {
        var address: UInt64
        /// In characters.
        var count: Int
        var isOneByte: Bool
    }

    private static var depthLimit: Int { 16 }

    /// Nil when it is no string, cannot be read, or is longer than `limit` characters. A longer one is cut with `cuts`.
    func string(_ object: UInt64, limit: Int, cuts: Bool = false) -> String? {
        guard let pieces = pieces(object) else { return nil }
        var units: [UInt16] = []
        for piece in pieces {
            let room = limit - units.count
            if piece.count > room, !cuts { return nil }
            let count = min(piece.count, room)
            guard let bytes = try? memory.readBytes(at: piece.address, count: piece.isOneByte ? count : count * 2) else {
                return nil
            }
            if piece.isOneByte {
                units.append(contentsOf: bytes.lazy.map(UInt16.init))
            } else {
                for index in stride(from: 0, to: bytes.count - 1, by: 2) {
                    units.append(UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8)
                }
            }
        }
        return String(decoding: units, as: UTF16.self)
    }

    func isString(_ object: UInt64) -> Bool { type(object).map { $0 < layout.types.firstNonstring } ?? false }

    /// Where a string's characters lie, in order.
    func pieces(_ object: UInt64) -> [Piece]? {
        var pieces: [Piece] = []
        return collect(object, 0, nil, Self.depthLimit, &pieces) ? pieces : nil
    }

    /// - Parameters:
    ///   - from: the first character wanted.
    ///   - count: how many; nil: all.
    private func collect(_ object: UInt64, _ from: Int, _ count: Int?, _ depth: Int, _ pieces: inout [Piece]) -> Bool {
        guard depth > 0, pieces.count < 64, let type = type(object), type < layout.types.firstNonstring,
            // String: length at 12.
            let length = half(object, 12), length <= 1 << 30
        else { return false }
        let own = Int(length)
        let count = count ?? own
        guard from >= 0, count >= 0, from <= own, count <= own - from else { return false }
        if count == 0 { return true }
        let isOneByte = type & 8 != 0
        let width = isOneByte ? 1 : 2
        switch type & 7 {
        case 0:  // sequential
            pieces.append(
                Piece(address: Self.start(object) &+ 16 &+ UInt64(from * width), count: count, isOneByte: isOneByte))
            return true
        case 1:  // two strings, one behind the other
            guard let first = word(object, 16), let second = word(object, 24), let firstLength = half(first, 12),
                firstLength <= 1 << 30
            else { return false }
            let middle = Int(firstLength)
            if from < middle {
                guard collect(first, from, min(count, middle - from), depth - 1, &pieces) else { return false }
            }
            let end = from + count
            if end > middle {
                let start = max(from, middle) - middle
                return collect(second, start, end - middle - start, depth - 1, &pieces)
            }
            return true
        case 2:  // external: `resource_data`, which the uncached ones (bit 4) do not have
            guard type & 16 == 0, let data = word(object, 24) else { return false }
            pieces.append(Piece(address: data &+ UInt64(from * width), count: count, isOneByte: isOneByte))
            return true
        case 3:  // a part of another one
            guard let parent = word(object, 16), let offsetWord = word(object, 24),
                let offset = Self.smallInteger(offsetWord), offset >= 0
            else { return false }
            return collect(parent, Int(offset) + from, count, depth - 1, &pieces)
        case 5:  // another one
            guard let actual = word(object, 16) else { return false }
            return collect(actual, from, count, depth - 1, &pieces)
        default:
            return false
        }
    }
}
