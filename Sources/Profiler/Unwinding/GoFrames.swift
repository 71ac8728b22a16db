import CBPFInterface
import DWARF
import ObjectFiles

/// Unwinding rules of a Go program's functions, from the lists in `.gopclntab` that tell by how much the stack pointer
/// lies below where it was when the function was entered: exact at each instruction, of functions without a frame too,
/// and there when everything else is stripped. Since Go 1.2.
///
/// Sources: Go's `runtime/symtab.go`, `runtime/traceback.go` (which goes by the same lists),
/// `cmd/internal/obj/x86/obj6.go` and `cmd/internal/obj/arm64/obj7.go` (where frames have what).
struct GoFrames {
    /// Of one function's list, and of one function's code that is looked at.
    static let listLimitBytes = 1 << 20
    static let codeLimitBytes: UInt64 = 4096
    private static let windowBytes = 1 << 16
    private static let nameLimitBytes = 48

    private let header: GoFunctionTableHeader
    private let file: ELFFile
    private let architecture: CallFrameArchitecture

    /// Nil when the file is no Go program.
    init?(_ file: ELFFile, _ architecture: CallFrameArchitecture) {
        guard let header = GoFunctionTableHeader.find(in: file) else { return nil }
        self.header = header
        self.file = file
        self.architecture = architecture
    }

    /// A function, and the rows of its list: the distance from its start at which each value begins to hold.
    struct Function {
        var start: UInt64
        var end: UInt64
        var name = ""
        var rows: [(distance: UInt64, depth: Int32)] = []
    }

    /// Adds a block for each function. A damaged table gives those that could be read.
    /// - Returns: where the program keeps goroutines' labels, all 0 where that is not known.
    func add(to builder: inout UnwindTableBuilder) throws(BinarySourceError) -> go_labels {
        var special: [Function] = []
        var walk = GoFunctionWalk(header, file.source, windowBytes: Self.windowBytes)
        while let function = try walk.next(nameLimitBytes: Self.nameLimitBytes), !builder.limitExceeded {
            // A damaged table may call everything so, and lend all of it one long list.
            if GoStackSwitches.names.contains(function.name), special.count < GoStackSwitches.functionLimit,
                function.rows.count <= GoStackSwitches.rowLimit
            {
                special.append(function)
            } else {
                add(function, to: &builder) { rule($0) }
            }
        }
        let switches = GoStackSwitches(special, file, architecture)
        for function in special {
            if let rule = switches.signalRule(function) {
                // The kernel enters it by a return: the byte before is looked up.
                builder.add(rule, (function.start &- 1)..<function.end, .certain)
            } else {
                add(function, to: &builder) { switches.rule(function, $0, self) }
            }
        }
        return switches.labels(release: file.goRelease())
    }

    private func add(
        _ function: Function, to builder: inout UnwindTableBuilder,
        _ rule: ((distance: UInt64, depth: Int32)) -> unwind_rule
    ) {
        let rows = function.rows.map { (address: function.start &+ $0.distance, rule: rule($0)) }
        builder.add(rows, function.start..<function.end, .callFrames)
    }

    private func rule(_ row: (distance: UInt64, depth: Int32)) -> unwind_rule { rule(depth: row.depth) }

    /// The rule where the stack pointer lies `depth` bytes below where it was at the function's entry.
    func rule(depth: Int32) -> unwind_rule {
        guard depth >= 0, depth < 1 << 30 else { return .invalid }
        var rule = unwind_rule(kind: UNWIND_CFA)
        switch architecture {
        case .x86_64:
            // The return address was pushed before; the frame pointer is put below it.
            rule = .stackPointer(offset: depth + 8)
            if depth >= 8 {
                rule.frame_pointer = UInt8(UNWIND_FP_ON_STACK.rawValue)
                rule.frame_pointer_offset = -16
            }
        case .arm64:
            if depth == 0 { return .linkRegister }
            // The return address lies at SP, the frame pointer in the word below.
            rule.cfa_register = UInt8(ARM64_SP)
            rule.cfa_offset = depth
            rule.return_address_offset = -depth
            rule.frame_pointer = UInt8(UNWIND_FP_ON_STACK.rawValue)
            rule.frame_pointer_offset = -depth - 8
        }
        return rule
    }
}

/// Goes through the functions of a table in their order, through windows that move along.
private struct GoFunctionWalk: ~Copyable {
    private let header: GoFunctionTableHeader
    private var entries: SectionWindow
    private var records: SectionWindow
    private var names: SectionWindow
    private var lists: SectionWindow
    private var index: UInt64 = 0

    init(_ header: GoFunctionTableHeader, _ source: any BinarySource, windowBytes: Int) {
        self.header = header
        func window(_ offset: UInt64) -> SectionWindow {
            SectionWindow(
                source, offset: header.start &+ offset, size: header.size - offset, capacity: windowBytes,
                capacityLimit: GoFrames.listLimitBytes)
        }
        entries = window(header.functions)
        records = window(header.records)
        names = window(header.names)
        lists = window(header.values)
    }

    /// Nil behind the last function.
    mutating func next(nameLimitBytes: Int) throws(BinarySourceError) -> GoFrames.Function? {
        let width = Int(header.addressBytes)
        while index < header.functionCount {
            guard let bytes = try entries.bytes(at: index * header.entryBytes, count: 3 * width) else { return nil }
            index += 1
            let start = header.textStart &+ number(bytes, 0, width)
            let end = header.textStart &+ number(bytes, 2 * width, width)
            let record = number(bytes, width, width)
            guard start != 0, end > start, let fields = try records.bytes(at: record, count: width + 16) else {
                continue
            }
            let nameOffset = number(fields, width, 4), list = number(fields, width + 12, 4)
            var function = GoFrames.Function(start: start, end: end)
            function.name = try name(nameOffset, limit: nameLimitBytes)
            // No list: code that is not Go's.
            if list == 0 { continue }
            try readList(list, &function)
            return function
        }
        return nil
    }

    private mutating func name(_ offset: UInt64, limit: Int) throws(BinarySourceError) -> String {
        let rest = offset < names.size ? names.size - offset : 0
        guard let bytes = try names.bytes(at: offset, count: Int(min(UInt64(limit), rest))) else { return "" }
        // Those that matter belong to one of these.
        guard bytes.count > 8, bytes.starts(with: "runtime.".utf8) || bytes.starts(with: "crosscall".utf8)
                || bytes.starts(with: "time.now".utf8) || bytes.starts(with: "_rt0_".utf8)
        else { return "" }
        return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    private mutating func readList(_ offset: UInt64, _ function: inout GoFrames.Function) throws(BinarySourceError) {
        let rest = offset < lists.size ? lists.size - offset : 0
        // Most lists have some ten bytes.
        for limit in [64, 4096, GoFrames.listLimitBytes] {
            let count = Int(min(UInt64(limit), rest))
            guard let bytes = try lists.bytes(at: offset, count: count) else { return }
            var list = GoValueList([UInt8](bytes), quantum: header.quantum)
            var distance: UInt64 = 0
            function.rows.removeAll(keepingCapacity: true)
            while distance < function.end - function.start, let next = list.next() {
                function.rows.append((distance, next.value))
                distance = next.end
            }
            if !list.isCut || count < limit { return }
        }
    }

    private func number(_ bytes: UnsafeRawBufferPointer, _ offset: Int, _ width: Int) -> UInt64 {
        width == 8
            ? UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            : UInt64(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
}
