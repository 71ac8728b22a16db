import ObjectFiles

/// Parses `/proc/kallsyms` from chunks of bytes: lines of "address type name", with a tab and "[module]" for all that
/// is not the kernel's own.
struct KernelSymbolsParser {
    struct Found {
        var address: UInt64
        /// Where its name begins in `names`.
        var name: UInt32
        var module: UInt16
        /// Higher is better among symbols of one address.
        var rank: UInt8
    }

    enum Failure: Error {
        case limitExceeded
    }

    private static let symbolLimit = 4_000_000
    private static let namesLimitBytes = 256 << 20
    private static let moduleLimit = 4096
    /// The kernel's own limit of a name is 512 bytes.
    private static let lineLimitBytes = 2048

    private(set) var found: [Found] = []
    private(set) var names: [UInt8] = []
    /// Index 0 is the kernel.
    private(set) var moduleNames: [String] = ["vmlinux"]
    private(set) var lineCount = 0
    private(set) var sawAddress = false
    private(set) var textStart: UInt64?
    private(set) var textEnd: UInt64?

    private var rest: [UInt8] = []
    private var currentModuleName: [UInt8] = []
    private var currentModule: UInt16? = 0
    private var moduleIndices: [String: UInt16] = [:]

    mutating func reserve(symbols: Int, nameBytes: Int) {
        found.reserveCapacity(symbols)
        names.reserveCapacity(nameBytes)
    }

    /// Takes the next bytes of the file; a line may be spread over several calls.
    mutating func parse(_ chunk: UnsafeRawBufferPointer) throws(Failure) {
        var start = 0
        if !rest.isEmpty {
            let end = chunk.firstIndex(of: UInt8(ascii: "\n")) ?? chunk.count
            guard rest.count + end <= Self.lineLimitBytes else { throw .limitExceeded }
            rest.append(contentsOf: chunk[0..<end])
            if end == chunk.count { return }
            let line = rest
            rest = []
            try line.withUnsafeBytesTyped { (bytes) throws(Failure) in try parseLine(bytes) }
            start = end + 1
        }
        while start < chunk.count {
            var end = start
            while end < chunk.count, chunk[end] != UInt8(ascii: "\n") { end &+= 1 }
            if end == chunk.count {
                guard end - start <= Self.lineLimitBytes else { throw .limitExceeded }
                rest = [UInt8](chunk[start..<end])
                return
            }
            try parseLine(UnsafeRawBufferPointer(rebasing: chunk[start..<end]))
            start = end + 1
        }
    }

    /// The last line may lack its end.
    mutating func finish() throws(Failure) {
        let line = rest
        rest = []
        if !line.isEmpty { try line.withUnsafeBytesTyped { (bytes) throws(Failure) in try parseLine(bytes) } }
    }

    private mutating func parseLine(_ line: UnsafeRawBufferPointer) throws(Failure) {
        var position = 0
        var address: UInt64 = 0
        while position < line.count, position < 17 {
            let byte = line[position]
            let digit: UInt8
            switch byte {
            case 48...57: digit = byte &- 48
            case 97...102: digit = byte &- 87
            case 65...70: digit = byte &- 55
            default: digit = 255
            }
            if digit == 255 { break }
            address = address << 4 | UInt64(digit)
            position &+= 1
        }
        guard position > 0, position <= 16, position &+ 3 < line.count, line[position] == 32, line[position &+ 2] == 32
        else { return }
        lineCount += 1
        if address == 0 { return }
        sawAddress = true
        let type = line[position &+ 1]
        let nameStart = position &+ 3
        var nameEnd = nameStart
        while nameEnd < line.count, line[nameEnd] != 9, line[nameEnd] != 32 { nameEnd &+= 1 }
        let name = UnsafeRawBufferPointer(rebasing: line[nameStart..<nameEnd])
        if name.isEmpty { return }
        var moduleStart = nameEnd
        while moduleStart < line.count, line[moduleStart] != UInt8(ascii: "[") { moduleStart &+= 1 }
        guard let module = try module(of: UnsafeRawBufferPointer(rebasing: line[moduleStart...])) else { return }
        if module == 0, name[0] == UInt8(ascii: "_") {
            // The markers of the kernel's code; `_stext` and `_text` name nothing.
            if name.elementsEqual("_etext".utf8) { textEnd = address }
            if name.elementsEqual("_stext".utf8) { textStart = address }
            if name.elementsEqual("_text".utf8) && textStart == nil { textStart = address }
            if textEnd == address || textStart == address {
                if name.elementsEqual("_text".utf8) || name.elementsEqual("_stext".utf8)
                    || name.elementsEqual("_etext".utf8)
                {
                    return
                }
            }
        }
        // Global code over weak over local.
        let rank: UInt8
        switch type {
        case UInt8(ascii: "T"): rank = 3
        case UInt8(ascii: "W"), UInt8(ascii: "V"): rank = 2
        case UInt8(ascii: "w"), UInt8(ascii: "v"): rank = 1
        case UInt8(ascii: "t"): rank = 0
        default: return
        }
        guard found.count < Self.symbolLimit, names.count + name.count < Self.namesLimitBytes else {
            throw .limitExceeded
        }
        found.append(Found(address: address, name: UInt32(names.count), module: module, rank: rank))
        names.append(contentsOf: name)
        names.append(0)
    }

    /// - Parameter text: empty, or from "[" to the line's end.
    /// - Returns: nil for a second appearance of a module, whose symbols are of freed initialisation code.
    private mutating func module(of text: UnsafeRawBufferPointer) throws(Failure) -> UInt16? {
        if text.elementsEqual(currentModuleName) { return currentModule }
        currentModuleName = Array(text)
        if text.isEmpty {
            currentModule = 0
            return 0
        }
        let name = String(decoding: text.dropFirst().prefix { $0 != UInt8(ascii: "]") }, as: UTF8.self)
        if let known = moduleIndices[name] {
            // Those that are not modules are listed as they come.
            currentModule = KernelModule.Kind(moduleName: name) == .loadable ? nil : known
            return currentModule
        }
        guard moduleNames.count < Self.moduleLimit else { throw .limitExceeded }
        let index = UInt16(moduleNames.count)
        moduleNames.append(name)
        moduleIndices[name] = index
        currentModule = index
        return index
    }
}

extension KernelModule.Kind {
    /// Of a name as `/proc/kallsyms` has it between brackets.
    init(moduleName: String) {
        self = moduleName == "bpf" ? .bpf : moduleName.hasPrefix("__builtin__") ? .builtIn : .loadable
    }
}

extension Array where Element == UInt8 {
    fileprivate func withUnsafeBytesTyped<Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        try withUnsafeBufferPointer { (buffer) throws(Failure) in try body(UnsafeRawBufferPointer(buffer)) }
    }
}
