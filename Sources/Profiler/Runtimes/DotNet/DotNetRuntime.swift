import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport

/// .NET (CoreCLR) 6 to 10.
public struct DotNetRuntime: Runtime {
    public init() {}

    public var kind: RuntimeKind {
        RuntimeKind(
            name: ".NET", frameType: "dotnet", frameKind: UInt8(FRAME_DOTNET.rawValue),
            unwinder: UNWINDER_DOTNET.rawValue, objectName: "dotnet", programName: "unwind_dotnet",
            processesMapName: "dotnet_processes")
    }

    private static let tableName = "g_dacTable"
    private static let contractsName = "DotNetRuntimeContractDescriptor"

    /// Whatever the file is called: an application can be one file with the runtime in it.
    public func inspect(_ file: ELFFile, path: String) -> (any RuntimeExecutable)? {
        let exported = file.exportedSymbols(named: [Self.tableName, Self.contractsName])
        guard let table = exported[Self.tableName] else { return nil }
        return DotNetExecutable(
            found: DotNetExecutable.findVersion(in: file), table: table.value,
            contracts: exported[Self.contractsName]?.value)
    }
}

/// An executable or library with CoreCLR in it.
struct DotNetExecutable: RuntimeExecutable {
    let found: DotNetVersion?
    /// ELF address of the table that debuggers start from.
    let table: UInt64
    /// ELF address of the contract descriptor, since .NET 9.
    let contracts: UInt64?

    var version: String { found.map(\.description) ?? "of unknown version" }
    /// It interprets nothing.
    var loop: [Range<UInt64>] { [] }

    /// Heaps of code, which may be mapped from a file without a name, and images of assemblies.
    func makesCode(in mapping: Mapping) -> Bool { mapping.kind != .vdso }

    private static let versionMark = Array("@(#)Version ".utf8)
    private static let scannedBytes: UInt64 = 64 << 20

    /// The text that `what` finds in the library's data.
    static func findVersion(in file: ELFFile) -> DotNetVersion? {
        for segment in file.segments where segment.type == ELFSegment.load && !segment.isExecutable {
            let size = min(segment.fileSize, scannedBytes)
            let step: UInt64 = 1 << 20
            var offset: UInt64 = 0
            while offset < size {
                // Parts overlap, so that the text lies in one of them as a whole.
                let count = Int(min(step + 64, size - offset))
                guard let bytes = try? file.source.read(at: segment.offset &+ offset, count: count) else { break }
                if let at = find(versionMark, in: bytes) {
                    let text = bytes[(at + versionMark.count)...].prefix(48)
                    return DotNetVersion(String(decoding: text, as: UTF8.self))
                }
                offset += step
            }
        }
        return nil
    }

    private static func find(_ pattern: [UInt8], in bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { bytes in
            guard bytes.count >= pattern.count else { return nil }
            var position = 0
            while position <= bytes.count - pattern.count {
                guard let next = bytes[position...].firstIndex(of: pattern[0]) else { return nil }
                if next + pattern.count <= bytes.count, bytes[next..<(next + pattern.count)].elementsEqual(pattern) {
                    return next
                }
                position = next + 1
            }
            return nil
        }
    }

    func attach(to process: InspectedProcess) throws(RuntimeError) -> any AttachedRuntime {
        let isArm64 = process.module.file.machine == .aarch64
        guard let found, var layout = DotNetLayout(found, isArm64: isArm64) else {
            throw RuntimeError(.unsupported, "version \(version) is not known")
        }
        let memory = process.memory, bias = process.module.bias
        if let contracts {
            guard let descriptor = ContractDescriptor(memory, at: contracts &+ bias) else {
                throw RuntimeError(.notReady, ".NET has not described itself yet")
            }
            layout.apply(descriptor)
        } else if layout.mapHasPointers {
            throw RuntimeError(.unsupported, "version \(version) does not describe itself")
        }
        guard layout.isUsable else { throw RuntimeError(.unsupported, "the description of \(version) is not understood") }
        let root = try sectionsRoot(memory, bias, layout)
        try check(
            CodeSections(memory: memory, layout: layout, root: root), MethodReader(memory: memory, layout: layout))
        return AttachedDotNet(memory: memory, layout: layout, root: root, functionBytes: isArm64 ? 8 : 12)
    }

    /// The first address in the table is that of the ranges of code.
    private func sectionsRoot(
        _ memory: RemoteMemory, _ bias: UInt64, _ layout: DotNetLayout
    ) throws(RuntimeError) -> UInt64 {
        let root: UInt64
        do throws(MemoryReadError) {
            root =
                layout.tableIsRelative
                ? UInt64(try memory.read(at: table &+ bias, as: UInt32.self))
                : try memory.read(at: table &+ bias, as: UInt64.self)
        } catch {
            throw RuntimeError(error)
        }
        if root == 0 { throw RuntimeError(.notReady, ".NET has not been initialised yet") }
        return layout.tableIsRelative ? root &+ bias : root
    }

    /// Whether what memory holds fits the layout: methods that the runtime has compiled must lead to modules whose name lies
    /// in an assembly's metadata.
    private func check(
        _ sections: CodeSections<RemoteMemory>, _ reader: MethodReader<RemoteMemory>
    ) throws(RuntimeError) {
        var checked = 0, understood = 0
        do throws(MemoryReadError) {
            for section in try sections.all() where section.flags & reader.layout.codeHeapFlag != 0 {
                guard section.begin < section.end else { continue }
                for start in try sections.methodStarts(in: section, limit: 16) {
                    let header = try reader.memory.read(at: start &- 8, as: UInt64.self)
                    // Small numbers stand before stubs.
                    guard header > 0xff, let bytes = reader.header(at: header)?.bytes else { continue }
                    checked += 1
                    guard let method = reader.description(bytes) else { continue }
                    if method.kind == .dynamic { understood += 1; continue }
                    guard let name = reader.simpleName(ofModule: method.module),
                        AssemblyImage.containing(name, reader.memory) != nil
                    else { continue }
                    understood += 1
                }
                if understood > 0 { break }
            }
        } catch {
            throw RuntimeError(error)
        }
        if checked == 0 { throw RuntimeError(.notReady, ".NET has not compiled a method yet") }
        if understood * 2 < checked {
            throw RuntimeError(.unsupported, "version \(version): its structs are not as they are known")
        }
    }
}
