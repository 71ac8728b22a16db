import BPFObjects
import CBPFInterface
import CEngineSupport
import ObjectFiles
import Unwinding

/// Builds unwinding tables, each request in its turn; the work of one thread of its own.
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
    private let tables: UploadedTables

    init(rules: RuleSet, tables: UploadedTables) {
        self.rules = rules
        self.tables = tables
    }

    /// Serves requests until `stop`, which overtakes the builds that wait. Small files come first: the libraries that
    /// all processes share should not wait behind somebody's compiler.
    func run(_ requests: Mailbox<Request>, answer: (Built) -> Void) {
        var queue: [Executable] = []
        while true {
            for request in queue.isEmpty ? requests.receive() : requests.receiveNow() {
                switch request {
                case .stop: return
                case .remove(let number):
                    queue.removeAll { $0.number == number }
                    tables.remove(number)
                case .build(let executable): queue.append(executable)
                }
            }
            guard let next = queue.indices.min(by: { queue[$0].fileSize < queue[$1].fileSize }) else { continue }
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
            let record = try tables.insert(table, of: target.number)
            return Built(number: target.number, record: record, problem: nil, rows: table.rows.count)
        } catch {
            let isFull = (error as? TableArena.Full).map { !$0.isHopeless } ?? false
            return Built(
                number: target.number, record: without, problem: "\(error)", isArenaFull: isFull, rows: 0)
        }
    }
}

/// Where requests for tables go: large files have a thread of their own, because a table that is being built is not
/// interrupted, and that of a compiler takes longer than a small program lives.
struct TableBuilders: Sendable {
    /// Most libraries are smaller.
    static let largeFileBytes: UInt64 = 4 << 20

    let small: Mailbox<TableBuilding.Request>
    let large: Mailbox<TableBuilding.Request>

    func build(_ executable: Executable) {
        mailbox(executable).post(.build(executable))
    }

    /// To the thread that built it, so that it comes after the building.
    func remove(_ executable: Executable) {
        mailbox(executable).post(.remove(number: executable.number))
    }

    private func mailbox(_ executable: Executable) -> Mailbox<TableBuilding.Request> {
        executable.fileSize < TableBuilders.largeFileBytes ? small : large
    }
}

extension Executable {
    /// In bytes; 0 when there is no file to read.
    fileprivate var fileSize: UInt64 { file?.source.size ?? 0 }
}
