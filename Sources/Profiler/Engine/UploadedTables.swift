import BPFObjects
import CBPFInterface
import Synchronization
import Unwinding

/// The unwinding tables in the kernel, with the rules that they name. Any thread inserts and removes, one at a time.
final class UploadedTables: Sendable {
    private struct State: Sendable {
        var arena: TableArena
        /// By the executable's number.
        var placements: [UInt32: TableArena.Placement] = [:]
        var uploadedRules = 0
    }

    private let rules: RuleSet
    private let tables: TableChunks
    private let ruleMap: BPFMap
    private let state: Mutex<State>

    /// Uploads the rules that have fixed numbers.
    init(rules: RuleSet, tables: TableChunks, ruleMap: BPFMap, capacityBytes: Int) throws(BPFError) {
        self.rules = rules
        self.tables = tables
        self.ruleMap = ruleMap
        state = Mutex(State(arena: TableArena(capacityBytes: capacityBytes)))
        try state.withLock { (state) throws(BPFError) in try uploadNewRules(&state) }
    }

    /// Places a table and writes it. The record that comes back is what makes look-ups find it.
    ///
    /// - Throws: `TableArena.Full`, `BPFError`.
    func insert(_ table: UnwindTable, of number: UInt32) throws -> executable {
        try state.withLock { state in
            // In this order, so that no look-up ever meets half a table: rules, rows and records; the caller then
            // writes the executable's record.
            try uploadNewRules(&state)
            let placement = try state.arena.insert(table)
            do {
                try state.arena.write(table, at: placement, readBlock: readBlock, writeBlock: writeBlock)
            } catch {
                state.arena.remove(placement)
                throw error
            }
            state.placements[number] = placement
            return table.executableRecord(at: placement)
        }
    }

    /// Frees the table's room, if the executable has one. No look-up may be reading it any longer.
    func remove(_ number: UInt32) {
        state.withLock { state in
            if let placement = state.placements.removeValue(forKey: number) { state.arena.remove(placement) }
        }
    }

    private func uploadNewRules(_ state: inout State) throws(BPFError) {
        for rule in rules.rules(from: state.uploadedRules) {
            try ruleMap.update(UInt32(state.uploadedRules), rule)
            state.uploadedRules += 1
        }
    }

    /// The present words of a block that other tables share.
    private func readBlock(_ number: Int) throws(BPFError) -> [UInt32] {
        [UInt32](unsafeUninitializedCapacity: Int(TABLE_BLOCK_WORDS)) { buffer, count in
            buffer.initialize(repeating: 0)
            _ = tables.read(block: number, into: UnsafeMutableRawBufferPointer(buffer))
            count = Int(TABLE_BLOCK_WORDS)
        }
    }

    private func writeBlock(_ number: Int, _ words: [UInt32]) throws(BPFError) {
        try words.withUnsafeBufferPointer { (words) throws(BPFError) in try tables.write(block: number, words) }
    }
}
