import CBPFInterface

/// One stack to unwind, with everything that unwinding looks at, and the frames that must come out.
///
/// A case is recorded once from a live thread and replayed anywhere, on any host's architecture, by the very C that
/// runs in the kernel. `parse` and `text` define the file format.
public struct UnwindCase: Sendable, Equatable {
    public enum Architecture: String, Sendable, CaseIterable {
        case x86_64
        case arm64

        public static var host: Architecture {
            #if arch(arm64)
            .arm64
            #else
            .x86_64
            #endif
        }

        /// Names of the registers by their DWARF numbers; see "Registers" in `abi.h`.
        public var registerNames: [String] {
            switch self {
            case .x86_64:
                ["rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp"] + (8...15).map { "r\($0)" } + ["rip"]
            case .arm64: (0...30).map { "x\($0)" } + ["sp", "pc"]
            }
        }

        public var stackPointer: Int { Int(self == .arm64 ? ARM64_SP : X86_RSP) }
        public var programCounter: Int { Int(self == .arm64 ? ARM64_PC : X86_RIP) }
    }

    /// `struct mapping`, without the unwinder's number.
    public struct Mapping: Sendable, Hashable {
        public var start: UInt64
        public var end: UInt64
        /// ELF address = process address - bias, modulo 2^64.
        public var bias: UInt64
        /// Number in `executables`, from 1 on; 0 for memory without a file.
        public var executable: Int
        /// `enum mapping_kind`.
        public var kind: UInt8

        public init(start: UInt64, end: UInt64, bias: UInt64, executable: Int, kind: UInt8 = 0) {
            self.start = start
            self.end = end
            self.bias = bias
            self.executable = executable
            self.kind = kind
        }
    }

    /// A page of an unwinding table. Without rows the whole page follows `rule`.
    public struct Page: Sendable, Hashable {
        public var number: Int
        public var rule: UnwindCaseRule
        public var rows: [Row]

        public init(number: Int, rule: UnwindCaseRule = .invalid, rows: [Row] = []) {
            self.number = number
            self.rule = rule
            self.rows = rows
        }
    }

    public struct Row: Sendable, Hashable {
        /// Bytes from the page's start.
        public var offset: UInt16
        public var rule: UnwindCaseRule

        public init(offset: UInt16, rule: UnwindCaseRule) {
            self.offset = offset
            self.rule = rule
        }
    }

    public struct Executable: Sendable, Hashable {
        /// The file's name without its folder.
        public var name: String
        /// GNU build id in hexadecimal digits; empty when there is none.
        public var buildID: String
        /// `enum executable_state`.
        public var state: UInt8
        public var firstPageAddress: UInt64
        public var pageShift: UInt8
        /// The pages that unwinding met, by rising numbers. Those in between have no rule.
        public var pages: [Page]

        public init(
            name: String, buildID: String = "", state: UInt8 = UInt8(EXECUTABLE_HAS_TABLE.rawValue),
            firstPageAddress: UInt64 = 0, pageShift: UInt8 = 12, pages: [Page] = []
        ) {
            self.name = name
            self.buildID = buildID
            self.state = state
            self.firstPageAddress = firstPageAddress
            self.pageShift = pageShift
            self.pages = pages
        }
    }

    public struct Frame: Sendable, Hashable {
        /// Number in `executables`, from 1 on; 0 for memory without a file.
        public var executable: Int
        /// ELF address, or process address without a file.
        public var address: UInt64
        public var isReturnAddress: Bool
        /// The function's name at the time of recording, for people; nil when unknown.
        public var function: String?

        public init(executable: Int, address: UInt64, isReturnAddress: Bool, function: String? = nil) {
            self.executable = executable
            self.address = address
            self.isReturnAddress = isReturnAddress
            self.function = function
        }
    }

    /// What the case shows, in one line.
    public var comment: String
    public var architecture: Architecture
    /// `enum trace_flag`.
    public var traceFlags: UInt32
    public var pointerMask: UInt64
    /// `ABI_REGISTER_COUNT` of them, by DWARF number.
    public var registers: [UInt64]
    /// Process address of the first of `stack`; below the stack pointer by the red zone or less.
    public var stackStart: UInt64
    /// Words that no rule read are zero. A multiple of 8.
    public var stack: [UInt8]
    /// Sorted by start, not overlapping.
    public var mappings: [Mapping]
    public var executables: [Executable]
    /// Expected, leaf first.
    public var frames: [Frame]
    /// Expected; `enum stop_reason`.
    public var stopReason: UInt32

    public init(
        comment: String = "", architecture: Architecture, traceFlags: UInt32 = 0, pointerMask: UInt64 = .max,
        registers: [UInt64] = [], stackStart: UInt64 = 0, stack: [UInt8] = [], mappings: [Mapping] = [],
        executables: [Executable] = [],
        frames: [Frame] = [], stopReason: UInt32 = 0
    ) {
        self.comment = comment
        self.architecture = architecture
        self.traceFlags = traceFlags
        self.pointerMask = pointerMask
        let count = Int(ABI_REGISTER_COUNT)
        self.registers = Array((registers + [UInt64](repeating: 0, count: count)).prefix(count))
        self.stackStart = stackStart
        self.stack = stack
        self.mappings = mappings
        self.executables = executables
        self.frames = frames
        self.stopReason = stopReason
    }

    /// `libc.so.6+0x2724a` with the function's name, for messages.
    public func describe(_ frame: Frame) -> String {
        let name =
            frame.executable > 0 && frame.executable <= executables.count ? executables[frame.executable - 1].name : "-"
        return "\(name)+0x\(String(frame.address, radix: 16))\(frame.isReturnAddress ? " (return)" : "")"
            + (frame.function.map { " \($0)" } ?? "")
    }
}

/// `struct unwind_rule` as a value that can be compared.
public struct UnwindCaseRule: Sendable, Hashable {
    public var kind: UInt8
    public var cfaRegister: UInt8
    public var cfaOffset: Int32
    public var cfaAdded: Int32
    public var returnAddress: UInt8
    public var returnAddressRegister: UInt8
    public var returnAddressOffset: Int32
    public var framePointer: UInt8
    public var framePointerOffset: Int32

    public static let invalid = UnwindCaseRule(unwind_rule())

    public init(_ rule: unwind_rule) {
        kind = rule.kind
        cfaRegister = rule.cfa_register
        cfaOffset = rule.cfa_offset
        cfaAdded = rule.cfa_added
        returnAddress = rule.return_address
        returnAddressRegister = rule.return_address_register
        returnAddressOffset = rule.return_address_offset
        framePointer = rule.frame_pointer
        framePointerOffset = rule.frame_pointer_offset
    }

    public var abi: unwind_rule {
        var rule = unwind_rule()
        rule.kind = kind
        rule.cfa_register = cfaRegister
        rule.cfa_offset = cfaOffset
        rule.cfa_added = cfaAdded
        rule.return_address = returnAddress
        rule.return_address_register = returnAddressRegister
        rule.return_address_offset = returnAddressOffset
        rule.frame_pointer = framePointer
        rule.frame_pointer_offset = framePointerOffset
        return rule
    }
}
