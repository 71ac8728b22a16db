import CBPFInterface

/// Why a case's text is none.
public struct UnwindCaseError: Error, Equatable, Sendable, CustomStringConvertible {
    /// From 1 on; 0 when no line is to blame.
    public var line: Int
    public var problem: String

    public var description: String { line > 0 ? "line \(line): \(problem)" : problem }
}

/// The words of one line, taken one after the other.
struct LineWords {
    let line: Int
    private var rest: Substring

    init(_ text: Substring, line: Int) {
        self.line = line
        rest = text.drop { $0 == " " }
    }

    var isAtEnd: Bool { rest.isEmpty }

    func failure(_ problem: String) -> UnwindCaseError { UnwindCaseError(line: line, problem: problem) }

    mutating func word(_ what: String) throws(UnwindCaseError) -> Substring {
        guard !rest.isEmpty else { throw failure("\(what) is missing") }
        let word = rest.prefix { $0 != " " }
        rest = rest.dropFirst(word.count).drop { $0 == " " }
        return word
    }

    /// Everything up to the line's end.
    mutating func remainder() -> String {
        defer { rest = "" }
        return String(rest)
    }

    mutating func number<Value: FixedWidthInteger>(
        _ what: String, radix: Int = 10, in range: ClosedRange<Value> = Value.min...Value.max
    ) throws(UnwindCaseError) -> Value {
        let text = try word(what)
        guard let value = Value(text, radix: radix), range.contains(value) else {
            throw failure("\(what) '\(text.prefix(40))' is not a number in \(range)")
        }
        return value
    }

    mutating func hex(_ what: String) throws(UnwindCaseError) -> UInt64 { try number(what, radix: 16) }

    /// The index of the next word in `names`.
    mutating func choice(_ what: String, _ names: [String]) throws(UnwindCaseError) -> Int {
        let text = try word(what)
        guard let index = names.firstIndex(where: { $0 == text }) else {
            throw failure("\(what) '\(text.prefix(40))' is none of \(names.joined(separator: ", "))")
        }
        return index
    }

    func requireEnd() throws(UnwindCaseError) {
        if !rest.isEmpty { throw failure("'\(rest.prefix(40))' is too much") }
    }
}

extension UnwindCase {
    public static let maximumFileBytes = 1 << 20
    static let maximumStackBytes = 1 << 20
    static let maximumPageNumber = 1 << 20
    static let maximumElements = 4096

    /// Reads a case from its text; see `text` for the format. Any text is safe.
    public static func parse(_ text: String) throws(UnwindCaseError) -> UnwindCase {
        guard text.utf8.count <= maximumFileBytes else {
            throw UnwindCaseError(line: 0, problem: "a case has at most \(maximumFileBytes) bytes")
        }
        var reading = Reading()
        var number = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            number += 1
            if number == 1 {
                guard line == firstLine else {
                    throw UnwindCaseError(line: 1, problem: "not a case: the first line must be '\(firstLine)'")
                }
            } else if !line.isEmpty {
                try reading.take(LineWords(line, line: number))
            }
        }
        return try reading.finish()
    }

    private struct Reading {
        var result = UnwindCase(architecture: .x86_64)
        var hasStop = false

        mutating func take(_ line: LineWords) throws(UnwindCaseError) {
            var words = line
            let keyword = try words.word("a keyword")
            switch keyword {
            case "comment": result.comment = words.remainder()
            case "architecture":
                let all = Architecture.allCases
                result.architecture = all[try words.choice("the architecture", all.map(\.rawValue))]
            case "trace-flags": result.traceFlags = try words.number("trace-flags")
            case "pointer-mask": result.pointerMask = try words.hex("the mask")
            case "register":
                let register = try words.choice("the register", result.architecture.registerNames)
                result.registers[register] = try words.hex("the value")
            case "stack":
                result.stackStart = try words.hex("the start")
                let count: Int = try words.number("the length", in: 0...maximumStackBytes)
                result.stack = [UInt8](repeating: 0, count: count)
            case "words": try takeWords(&words)
            case "executable": try takeExecutable(&words)
            case "page": try takePage(&words)
            case "row": try takeRow(&words)
            case "mapping": try takeMapping(&words)
            case "frame": try takeFrame(&words)
            case "again":
                guard let frame = result.frames.last else { throw words.failure("'again' before any frame") }
                let count: Int = try words.number("the count", in: 0...(maximumElements - result.frames.count))
                result.frames += [Frame](repeating: frame, count: count)
            case "stop":
                let names = (0..<STOP_REASON_COUNT.rawValue).map { String(cString: stop_reason_name($0)) }
                result.stopReason = UInt32(try words.choice("the reason", names))
                hasStop = true
            default: throw words.failure("unknown keyword '\(keyword.prefix(40))'")
            }
            try words.requireEnd()
        }

        func finish() throws(UnwindCaseError) -> UnwindCase {
            if !hasStop { throw UnwindCaseError(line: 0, problem: "the line 'stop' is missing") }
            for mapping in result.mappings where mapping.executable > result.executables.count {
                throw UnwindCaseError(
                    line: 0, problem: "a mapping names executable \(mapping.executable), there is none")
            }
            for frame in result.frames where frame.executable > result.executables.count {
                throw UnwindCaseError(line: 0, problem: "a frame names executable \(frame.executable), there is none")
            }
            return result
        }

        private mutating func takeWords(_ words: inout LineWords) throws(UnwindCaseError) {
            var offset = try words.number("the offset", radix: 16, in: 0...maximumStackBytes)
            while !words.isAtEnd {
                let value = try words.hex("a word")
                guard offset <= result.stack.count - 8 else { throw words.failure("the word lies behind the stack") }
                for byte in 0..<8 { result.stack[offset + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * byte)) }
                offset += 8
            }
        }

        private mutating func takeExecutable(_ words: inout LineWords) throws(UnwindCaseError) {
            guard result.executables.count < maximumElements else { throw words.failure("too many executables") }
            let state = UInt8(try words.choice("the state", stateNames))
            let first = try words.hex("the first page's address")
            let shift: UInt8 = try words.number(
                "the page's shift", in: UInt8(TABLE_MIN_PAGE_SHIFT)...UInt8(TABLE_MAX_PAGE_SHIFT))
            let buildID = try words.word("the build id")
            result.executables.append(
                Executable(
                    name: words.remainder(), buildID: buildID == "-" ? "" : String(buildID), state: state,
                    firstPageAddress: first, pageShift: shift))
        }

        private mutating func takePage(_ words: inout LineWords) throws(UnwindCaseError) {
            let last = result.executables.count - 1
            guard last >= 0 else { throw words.failure("a page before any executable") }
            let number: Int = try words.number("the page's number", in: 0...maximumPageNumber)
            guard number > result.executables[last].pages.last?.number ?? -1 else {
                throw words.failure("pages must be in order")
            }
            let rule = words.isAtEnd ? UnwindCaseRule.invalid : try UnwindCaseRule(&words)
            result.executables[last].pages.append(Page(number: number, rule: rule))
        }

        private mutating func takeRow(_ words: inout LineWords) throws(UnwindCaseError) {
            let last = result.executables.count - 1
            guard last >= 0, let page = result.executables[last].pages.indices.last else {
                throw words.failure("a row before any page")
            }
            let offset: UInt16 = try words.number("the offset", radix: 16)
            let rows = result.executables[last].pages[page].rows
            guard rows.count < Int(TABLE_MAX_ROWS_PER_PAGE) else { throw words.failure("too many rows in a page") }
            guard rows.last.map({ $0.offset < offset }) ?? (offset == 0) else {
                throw words.failure("rows must start at 0 and be in order")
            }
            guard offset >> result.executables[last].pageShift == 0 else {
                throw words.failure("the row lies behind its page")
            }
            result.executables[last].pages[page].rows.append(Row(offset: offset, rule: try UnwindCaseRule(&words)))
        }

        private mutating func takeMapping(_ words: inout LineWords) throws(UnwindCaseError) {
            guard result.mappings.count < maximumElements else { throw words.failure("too many mappings") }
            let start = try words.hex("the start"), end = try words.hex("the end"), bias = try words.hex("the bias")
            guard start < end, start >= result.mappings.last?.end ?? 0 else {
                throw words.failure("mappings must be in order and not empty")
            }
            let executable: Int = try words.number("the executable", in: 0...maximumElements)
            let kind = UInt8(try words.choice("the kind", mappingNames))
            result.mappings.append(Mapping(start: start, end: end, bias: bias, executable: executable, kind: kind))
        }

        private mutating func takeFrame(_ words: inout LineWords) throws(UnwindCaseError) {
            guard result.frames.count < maximumElements else { throw words.failure("too many frames") }
            let executable: Int = try words.number("the executable", in: 0...maximumElements)
            let address = try words.hex("the address")
            let isReturnAddress = try words.choice("the address's kind", ["instruction", "return"]) == 1
            let function = words.remainder()
            result.frames.append(
                Frame(
                    executable: executable, address: address, isReturnAddress: isReturnAddress,
                    function: function.isEmpty || function == "-" ? nil : function))
        }
    }
}

extension UnwindCaseRule {
    /// See `UnwindCase.text`.
    init(_ words: inout LineWords) throws(UnwindCaseError) {
        self = .invalid
        kind = UInt8(try words.choice("the rule", UnwindCase.kindNames))
        switch UInt32(kind) {
        case UNWIND_CFA.rawValue, UNWIND_CFA_DEREFERENCED.rawValue:
            cfaRegister = try words.number("the CFA's register")
            cfaOffset = try words.number("the CFA's offset")
            cfaAdded = try words.number("what is added to the CFA")
            returnAddress = UInt8(
                try words.choice("the place of the return address", UnwindCase.returnAddressNames))
            if UInt32(returnAddress) == UNWIND_RA_IN_REGISTER.rawValue {
                returnAddressRegister = try words.number("the return address's register")
            } else {
                returnAddressOffset = try words.number("the return address's offset")
            }
            framePointer = UInt8(try words.choice("the place of the frame pointer", UnwindCase.framePointerNames))
            framePointerOffset = try words.number("the frame pointer's offset")
        case UNWIND_PLT.rawValue: cfaAdded = try words.number("the threshold")
        default: break
        }
    }
}
