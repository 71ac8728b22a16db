/// Where the runtime's structs have what frames need, by version; all offsets in bytes. Sources: the structs themselves
/// (codeman.h, method.hpp, ceeload.h of dotnet/runtime) and, since .NET 9, the runtime's own contract descriptor.
struct DotNetLayout: Sendable, Equatable {
    /// Ranges of code are in a list, not in a tree.
    var hasSectionList = false
    /// The words of nibble maps may be pointers.
    var mapHasPointers = false
    /// The table of addresses has 4 bytes for each, relative to the library.
    var tableIsRelative = false

    // RangeSection
    var sectionBegin = 0
    var sectionEnd = 8
    var sectionNext = 0x18
    var sectionFlags = 0x10
    var sectionHeap = 0x28
    // HeapList
    var heapBase = 0x20
    var heapMap = 0x28
    // RealCodeHeader
    var headerDebugInfo = 0
    var headerMethod = 0x18
    var headerFunctionCount = 0x20
    var headerFunctions = 0x24
    // MethodDesc
    var methodToken = 0
    var methodChunkIndex = 2
    var methodFlags = 6
    var methodAlignment = 8
    var tokenRemainderBits = 12
    /// DynamicMethodDesc; nil where it is not known.
    var dynamicMethodName: Int? = 24
    // MethodDescChunk
    var chunkMethodTable = 0
    var chunkTokenRange = 0x12
    var chunkBytes = 0x18
    /// MethodTable: the module that it is defined in.
    var tableModule = 0x18
    /// Module: a text within the module's image, its name.
    var moduleSimpleName = 0x108
    /// PatchpointInfo: bytes without its locals, and where their number is.
    var patchpointBytes = 32
    var patchpointLocals = 8

    /// Whether what the compiler noted of a method is as `InstructionMap` reads it.
    var hasInstructionMaps = true

    /// Flags of RangeSection.
    var codeHeapFlag: UInt32 = 2
    /// 0 where sections do not tell.
    var stubsFlag: UInt32 = 4

    /// Nil for versions that are not known.
    init?(_ version: DotNetVersion, isArm64: Bool) {
        switch version.major {
        case 6, 7:
            hasSectionList = true
            sectionFlags = 0x28
            sectionHeap = 0x30
            stubsFlag = 0
            tableIsRelative = version.major == 6
            tokenRemainderBits = version.major == 6 ? 14 : 13
            moduleSimpleName = version.major == 6 ? 8 : 0x100
            if version.major == 6 { (patchpointBytes, patchpointLocals) = (20, 0) }
            dynamicMethodName = nil
        case 8, 9:
            moduleSimpleName = isArm64 ? 0x110 : 0x108
            if version.major == 9 { dynamicMethodName = nil }
        case 10:
            // Its descriptor says the rest, and without one nothing fits.
            hasInstructionMaps = false
            mapHasPointers = true
            dynamicMethodName = nil
        default: return nil
        }
    }

    /// Takes over what the runtime says of itself.
    mutating func apply(_ contracts: ContractDescriptor) {
        func take(_ type: String, _ field: String, _ value: inout Int) {
            if let offset = contracts.offset(type, field) { value = offset }
        }
        take("RangeSection", "RangeBegin", &sectionBegin)
        take("RangeSection", "RangeEndOpen", &sectionEnd)
        take("RangeSection", "Flags", &sectionFlags)
        take("RangeSection", "HeapList", &sectionHeap)
        take("CodeHeapListNode", "MapBase", &heapBase)
        take("CodeHeapListNode", "HeaderMap", &heapMap)
        take("RealCodeHeader", "DebugInfo", &headerDebugInfo)
        take("RealCodeHeader", "MethodDesc", &headerMethod)
        take("RealCodeHeader", "NumUnwindInfos", &headerFunctionCount)
        take("RealCodeHeader", "UnwindInfos", &headerFunctions)
        take("MethodDesc", "Flags3AndTokenRemainder", &methodToken)
        take("MethodDesc", "ChunkIndex", &methodChunkIndex)
        take("MethodDesc", "Flags", &methodFlags)
        take("MethodDescChunk", "MethodTable", &chunkMethodTable)
        take("MethodDescChunk", "FlagsAndTokenRange", &chunkTokenRange)
        take("MethodTable", "Module", &tableModule)
        if let size = contracts.size("MethodDescChunk") { chunkBytes = size }
        if let path = contracts.offset("Module", "SimpleName") {
            moduleSimpleName = path
        } else if let path = contracts.offset("Module", "Path") {
            moduleSimpleName = path &- 8
        }
        if let name = contracts.offset("DynamicMethodDesc", "MethodName") { dynamicMethodName = name }
        if let bits = contracts.number("MethodDescTokenRemainderBitCount") { tokenRemainderBits = bits }
        if let alignment = contracts.number("MethodDescAlignment") { methodAlignment = alignment }
        if let version = contracts.contractVersion("ExecutionManager") { mapHasPointers = version >= 2 }
    }

    /// Whether the kernel side, and this one, can use the offsets: those that a process's descriptor gave may be anything.
    var isUsable: Bool {
        let words = [sectionBegin, sectionEnd, sectionNext, sectionHeap]
        return words.allSatisfy { (0...56).contains($0) && $0 % 8 == 0 }
            && (0...60).contains(sectionFlags) && sectionFlags % 4 == 0
            && [heapBase, heapMap].allSatisfy { (0...88).contains($0) && $0 % 8 == 0 }
            && [headerDebugInfo, headerMethod].allSatisfy { (0...40).contains($0) && $0 % 8 == 0 }
            && [headerFunctionCount, headerFunctions].allSatisfy { (0...36).contains($0) && $0 % 4 == 0 }
            && [methodToken, methodChunkIndex, methodFlags, chunkMethodTable, chunkTokenRange, tableModule]
                .allSatisfy { (0...256).contains($0) }
            && (0...4096).contains(moduleSimpleName) && (1...64).contains(methodAlignment)
            && (0...256).contains(chunkBytes) && (8...16).contains(tokenRemainderBits)
            && dynamicMethodName.map { (0...256).contains($0) } ?? true
    }
}

/// A version as the library tells it.
struct DotNetVersion: Sendable, Equatable, CustomStringConvertible {
    var major: Int
    var minor: Int
    /// The build number behind them: "424.16909".
    var build: String

    var description: String { "\(major).\(minor)" + (build.isEmpty ? "" : ".\(build)") }

    /// - Parameter text: "8.0.424.16909 @Commit: …".
    init?(_ text: some StringProtocol) {
        let digits = text.prefix { $0.isNumber || $0 == "." || $0 == "," }.split { $0 == "." || $0 == "," }
        guard digits.count >= 2, let major = Int(digits[0]), let minor = Int(digits[1]) else { return nil }
        self.major = major
        self.minor = minor
        build = digits.dropFirst(2).prefix(2).joined(separator: ".")
    }
}
