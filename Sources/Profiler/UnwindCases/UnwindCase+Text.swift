import CBPFInterface

extension UnwindCase {
    static let firstLine = "otelcol unwind case 1"

    static let kindNames = ["invalid", "end", "cfa", "cfa-dereferenced", "frame-pointer", "plt", "signal"]
    static let returnAddressNames = ["stack", "register"]
    static let framePointerNames = ["unchanged", "stack", "from-fp", "undefined"]
    static let mappingNames = ["file", "vdso", "anonymous"]
    static let stateNames = ["unknown", "pending", "table", "none"]

    /// The case as a file: lines of words separated by spaces. Addresses and memory are hexadecimal, counts and offsets
    /// in rules decimal.
    ///
    ///     otelcol unwind case 1
    ///     comment TEXT
    ///     architecture x86_64|arm64
    ///     trace-flags NUMBER
    ///     pointer-mask MASK
    ///     register NAME VALUE                             those that are not zero
    ///     stack START BYTES
    ///     words OFFSET VALUE...                           8-byte words at a byte offset; others are zero
    ///     executable STATE FIRST-PAGE-ADDRESS PAGE-SHIFT BUILD-ID|- NAME       numbered from 1 on
    ///     page NUMBER RULE                                a page of the latest executable that follows one rule
    ///     page NUMBER                                     ... or whose rows follow
    ///     row OFFSET RULE
    ///     mapping START END BIAS EXECUTABLE KIND          EXECUTABLE by its number, 0 for none
    ///     frame EXECUTABLE ADDRESS instruction|return FUNCTION|-
    ///     again COUNT                                     so many more frames like the latest
    ///     stop REASON
    ///
    /// RULE is `end`, `invalid`, `frame-pointer`, `signal`, `plt THRESHOLD` or
    /// `cfa|cfa-dereferenced REGISTER OFFSET ADDED stack|register NUMBER unchanged|stack|from-fp|undefined OFFSET`.
    public var text: String {
        var lines = [UnwindCase.firstLine]
        if !comment.isEmpty { lines.append("comment \(UnwindCase.oneLine(comment))") }
        lines.append("architecture \(architecture.rawValue)")
        lines.append("trace-flags \(traceFlags)")
        lines.append("pointer-mask \(hex(pointerMask))")
        for (name, value) in zip(architecture.registerNames, registers) where value != 0 {
            lines.append("register \(name) \(hex(value))")
        }
        lines.append("stack \(hex(stackStart)) \(stack.count)")
        lines += wordLines()
        for executable in executables {
            lines.append(
                "executable \(UnwindCase.name(executable.state, UnwindCase.stateNames)) "
                    + "\(hex(executable.firstPageAddress)) \(executable.pageShift) "
                    + "\(executable.buildID.isEmpty ? "-" : executable.buildID) \(UnwindCase.oneLine(executable.name))")
            for page in executable.pages {
                if page.rows.isEmpty {
                    lines.append("page \(page.number) \(page.rule.text)")
                } else {
                    lines.append("page \(page.number)")
                    lines += page.rows.map { "row \(hex(UInt64($0.offset))) \($0.rule.text)" }
                }
            }
        }
        for mapping in mappings {
            lines.append(
                "mapping \(hex(mapping.start)) \(hex(mapping.end)) \(hex(mapping.bias)) \(mapping.executable) "
                    + UnwindCase.name(mapping.kind, UnwindCase.mappingNames))
        }
        lines += frameLines()
        lines.append("stop \(String(cString: stop_reason_name(stopReason)))")
        return lines.joined(separator: "\n") + "\n"
    }

    private func frameLines() -> [String] {
        var lines: [String] = []
        var index = 0
        while index < frames.count {
            let frame = frames[index]
            lines.append(
                "frame \(frame.executable) \(hex(frame.address)) \(frame.isReturnAddress ? "return" : "instruction") "
                    + (frame.function.map(UnwindCase.oneLine) ?? "-"))
            let next = frames[index...].firstIndex { $0 != frame } ?? frames.count
            if next > index + 1 { lines.append("again \(next - index - 1)") }
            index = next
        }
        return lines
    }

    /// The words that are not zero, eight a line; a few zero words in between are cheaper than a new line.
    private func wordLines() -> [String] {
        var lines: [String] = []
        var line: [String] = []
        var zeros = 0
        for offset in stride(from: 0, to: stack.count - 7, by: 8) {
            var word: UInt64 = 0
            for byte in 0..<8 { word |= UInt64(stack[offset + byte]) << UInt64(8 * byte) }
            if word == 0 {
                zeros += 1
                continue
            }
            if zeros > 4 || line.count > 8 {
                if !line.isEmpty { lines.append(line.joined(separator: " ")) }
                line = []
            }
            if line.isEmpty {
                line = ["words \(hex(UInt64(offset)))"]
            } else {
                line += [String](repeating: "0", count: zeros)
            }
            zeros = 0
            line.append(hex(word))
        }
        if !line.isEmpty { lines.append(line.joined(separator: " ")) }
        return lines
    }

    private func hex(_ value: UInt64) -> String { String(value, radix: 16) }

    static func name(_ value: UInt8, _ names: [String]) -> String {
        Int(value) < names.count ? names[Int(value)] : "\(value)"
    }

    private static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline || $0 == "\0" ? "?" : $0 })
    }
}

extension UnwindCaseRule {
    /// See `UnwindCase.text`.
    var text: String {
        let kindName = UnwindCase.name(kind, UnwindCase.kindNames)
        switch UInt32(kind) {
        case UNWIND_CFA.rawValue, UNWIND_CFA_DEREFERENCED.rawValue:
            let isInRegister = UInt32(returnAddress) == UNWIND_RA_IN_REGISTER.rawValue
            return "\(kindName) \(cfaRegister) \(cfaOffset) \(cfaAdded) "
                + UnwindCase.name(returnAddress, UnwindCase.returnAddressNames)
                + " \(isInRegister ? Int32(returnAddressRegister) : returnAddressOffset) "
                + "\(UnwindCase.name(framePointer, UnwindCase.framePointerNames)) \(framePointerOffset)"
        case UNWIND_PLT.rawValue: return "\(kindName) \(cfaAdded)"
        default: return kindName
        }
    }
}
