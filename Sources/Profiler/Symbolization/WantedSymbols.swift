/// Of a table's symbols, those that can name one of some addresses: the ones that cover it, and the nearest before it.
struct WantedSymbols {
    /// The nearest before an address and after the one before that.
    private struct Nearest {
        var any: [SymbolCandidate] = []
        /// That says how long it is: what lies inside of it may be no function.
        var sized: [SymbolCandidate] = []
    }

    /// Sorted, each once.
    private let addresses: [UInt64]
    private var nearest: [Nearest]
    private var covering: [SymbolCandidate] = []

    init(_ addresses: [UInt64]) {
        self.addresses = Set(addresses).sorted()
        nearest = Array(repeating: Nearest(), count: self.addresses.count)
    }

    mutating func add(_ candidate: SymbolCandidate) {
        var low = 0
        var high = addresses.count
        while low < high {
            let middle = (low + high) / 2
            if addresses[middle] < candidate.address { low = middle + 1 } else { high = middle }
        }
        guard low < addresses.count else { return }
        // Padding up to the next multiple of 16 belongs to a function too.
        let end = (candidate.address &+ candidate.size &+ 15) & ~15
        if candidate.size > 0, addresses[low] < end {
            covering.append(candidate)
            return
        }
        Self.keep(candidate, in: &nearest[low].any)
        if candidate.size > 0 { Self.keep(candidate, in: &nearest[low].sized) }
    }

    private static func keep(_ candidate: SymbolCandidate, in kept: inout [SymbolCandidate]) {
        if let first = kept.first {
            if candidate.address < first.address { return }
            if candidate.address > first.address { kept.removeAll(keepingCapacity: true) }
        }
        kept.append(candidate)
    }

    var candidates: [SymbolCandidate] {
        var all = covering
        for kept in nearest {
            all += kept.any
            // Otherwise they are the same.
            if kept.any.first?.address != kept.sized.first?.address { all += kept.sized }
        }
        return all
    }
}
