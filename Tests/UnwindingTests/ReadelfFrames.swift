import Glibc

/// Rows as binutils' readelf interprets call frame information: the independent truth of these tests.
struct ReadelfFrames {
    struct Row {
        var address: UInt64
        var cfa: String
        var framePointer: String
        var returnAddress: String
    }

    struct Function {
        var start: UInt64
        var end: UInt64
        var rows: [Row]
        var isSignalFrame: Bool
    }

    var functions: [Function] = []

    static var isAvailable: Bool { access("/usr/bin/readelf", X_OK) == 0 }

    /// - Parameter framePointer: the column's name, "rbp" or "x29".
    init(path: String, framePointer: String) {
        var parser = Parser(framePointer: framePointer)
        guard let pipe = popen("readelf --debug-dump=frames-interp '\(path)' 2>/dev/null", "r") else { return }
        defer { pclose(pipe) }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer { free(line) }
        while true {
            let count = getline(&line, &capacity, pipe)
            guard count > 0, let line else { break }
            let bytes = UnsafeRawBufferPointer(start: line, count: count)
            parser.parse(bytes)
            // What follows is another section's.
            if parser.sections > 1 { break }
        }
        parser.finish()
        functions = parser.functions
    }

    private struct Parser {
        let framePointer: String
        var functions: [Function] = []
        var sections = 0
        private var current: Function?
        private var columns: [String] = []
        /// The last row of each CIE, by its offset's text: what an FDE without instructions has.
        private var initial: [String: (row: Row, isSignalFrame: Bool)] = [:]
        private var common: String?
        private var commonIsSignalFrame = false

        init(framePointer: String) { self.framePointer = framePointer }

        mutating func finish() {
            if let function = current { functions.append(function) }
            current = nil
        }

        mutating func parse(_ line: UnsafeRawBufferPointer) {
            // Names of registers in parentheses repeat what stands before them.
            let words = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x0a })
                .filter { $0.first != UInt8(ascii: "(") }.map { String(decoding: $0, as: UTF8.self) }
            guard let first = words.first else { return }
            if first == "Contents" {
                sections += 1
            } else if words.count > 4, words[3] == "CIE" {
                finish()
                common = first
                commonIsSignalFrame = words[4].contains("S")
                initial[first] = (Row(address: 0, cfa: "", framePointer: "u", returnAddress: "u"), commonIsSignalFrame)
            } else if words.count > 5, words[3] == "FDE" {
                finish()
                let range = words[5].dropFirst(3).split(separator: ".")
                guard range.count == 2, let start = UInt64(range[0], radix: 16), let end = UInt64(range[1], radix: 16),
                    var initial = initial[String(words[4].dropFirst(4))]
                else { return }
                common = nil
                initial.row.address = start
                current = Function(start: start, end: end, rows: [initial.row], isSignalFrame: initial.isSignalFrame)
            } else if first == "LOC" {
                columns = Array(words.dropFirst())
                current?.rows = []
            } else if let address = UInt64(first, radix: 16), first.utf8.count == 16 {
                var row = Row(address: address, cfa: "", framePointer: "u", returnAddress: "u")
                for (column, value) in zip(columns, words.dropFirst()) {
                    if column == "CFA" { row.cfa = value }
                    if column == framePointer { row.framePointer = value }
                    if column == "ra" { row.returnAddress = value }
                }
                if let common {
                    initial[common] = (row, commonIsSignalFrame)
                } else {
                    current?.rows.append(row)
                }
            }
        }
    }
}
