import BPFObjects
import CBPFInterface
import CEngineSupport
import ObjectFiles
import Unwinding

/// Builds unwinding tables and uploads them; the work of one thread of its own.
final class TableBuilding {
    enum Request: Sendable {
        case build(Executable)
        case remove(number: UInt32)
        case stop
    }

    /// The answer to `build`.
    struct Built: Sendable {
        var number: UInt32
        /// For the kernel's array `executables`.
        var record: executable
        /// Why there is no table; for the log.
        var problem: String?
        /// There was no room; removing other tables can help.
        var isArenaFull = false
        var rows: Int
    }

    private let rules: RuleSet
    private let tables: TableChunks
    private let ruleMap: BPFMap
    private var arena: TableArena
    private var placements: [UInt32: TableArena.Placement] = [:]
    private var uploadedRules = 0

    init(rules: RuleSet, tables: TableChunks, ruleMap: BPFMap, capacityBytes: Int) {
        self.rules = rules
        self.tables = tables
        self.ruleMap = ruleMap
        arena = TableArena(capacityBytes: capacityBytes)
    }

    /// Serves requests until `stop`, which overtakes the builds that wait. Small files come first: the libraries that
    /// all processes share should not wait behind somebody's compiler.
    func run(_ requests: Mailbox<Request>, answer: (Built) -> Void) {
        do { try uploadNewRules() } catch { /* The first build meets and reports the same. */ }
        var queue: [Executable] = []
        while true {
            for request in queue.isEmpty ? requests.receive() : requests.receiveNow() {
                switch request {
                case .stop: return
                case .remove(let number):
                    queue.removeAll { $0.number == number }
                    if let placement = placements.removeValue(forKey: number) { arena.remove(placement) }
                case .build(let executable): queue.append(executable)
                }
            }
            guard
                let next = queue.indices.min(by: {
                    (queue[$0].file?.source.size ?? 0) < (queue[$1].file?.source.size ?? 0)
                })
            else { continue }
            answer(build(queue.remove(at: next)))
            if queue.isEmpty { engine_release_free_memory() }
        }
    }

    private func build(_ target: Executable) -> Built {
        var without = executable()
        without.state = UInt8(EXECUTABLE_WITHOUT_TABLE.rawValue)
        guard let file = target.file else {
            return Built(number: target.number, record: without, problem: nil, rows: 0)
        }
        do {
            let table = try UnwindTable.load(from: file, into: rules)
            // In this order, so that no look-up ever meets half a table: rules, rows and records; the caller then
            // writes the executable's record.
            try uploadNewRules()
            let placement = try arena.insert(table)
            do {
                try arena.write(
                    table, at: placement, readBlock: readBlock,
                    writeBlock: write)
            } catch {
                arena.remove(placement)
                throw error
            }
            placements[target.number] = placement
            return Built(
                number: target.number, record: table.executableRecord(at: placement), problem: nil,
                rows: table.rows.count)
        } catch {
            let isFull = (error as? TableArena.Full).map { !$0.isHopeless } ?? false
            return Built(
                number: target.number, record: without, problem: "\(error)", isArenaFull: isFull, rows: 0)
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

    private func write(_ number: Int, _ words: [UInt32]) throws(BPFError) {
        try words.withUnsafeBufferPointer { (words) throws(BPFError) in try tables.write(block: number, words) }
    }

    private func uploadNewRules() throws(BPFError) {
        for rule in rules.rules(from: uploadedRules) {
            try ruleMap.update(UInt32(uploadedRules), rule)
            uploadedRules += 1
        }
    }
}
