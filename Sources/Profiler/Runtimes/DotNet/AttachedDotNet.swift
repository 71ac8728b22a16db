import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport
import Synchronization

/// .NET in one process.
final class AttachedDotNet: AttachedRuntime {
    /// What is known of an assembly.
    private struct Assembly {
        var image: AssemblyImage<RemoteMemory>
        var names: MethodNames<RemoteMemory>
        var fileName: String
        var code: PrecompiledCode?
        var hasReadCode = false
        /// Nil where there are none at hand.
        var symbols: SymbolSource?
    }

    private struct MethodKey: Hashable {
        var header: UInt64
        var checksum: UInt32
    }

    private struct KnownMethod {
        var name: String
        var fileName: String
        var lines: MethodLines?
        var sizeBytes: Int { 128 + name.utf8.count + fileName.utf8.count + (lines?.sizeBytes ?? 0) }

        /// - Parameter offset: in the method's code.
        func function(at offset: UInt32) -> RuntimeFunction {
            guard let lines, let place = lines.place(at: offset) else {
                return RuntimeFunction(name: name, fileName: fileName)
            }
            return RuntimeFunction(name: name, fileName: place.file, line: place.line, startLine: lines.firstLine)
        }
    }

    private struct State {
        /// By the module's record, and by where an image begins.
        var assemblies: [UInt64: Assembly] = [:]
        var sizeBytes = 0
        var methods: [MethodKey: KnownMethod] = [:]
        var methodsBytes = 0

        /// When there is no room, all are forgotten: what is still in use is read again.
        mutating func keep(_ method: KnownMethod, _ key: MethodKey) {
            if methodsBytes + method.sizeBytes > AttachedDotNet.methodsLimitBytes { (methods, methodsBytes) = ([:], 0) }
            if let replaced = methods.updateValue(method, forKey: key) { methodsBytes -= replaced.sizeBytes }
            methodsBytes += method.sizeBytes
        }

        mutating func keep(_ assembly: Assembly, _ key: UInt64) {
            let size = 8192 + (assembly.code?.sizeBytes ?? 0) + (assembly.symbols?.sizeBytes ?? 0)
            if sizeBytes + size > AttachedDotNet.assembliesLimitBytes { (assemblies, sizeBytes) = ([:], 0) }
            assemblies[key] = assembly
            sizeBytes += size
        }
    }

    /// The process decides how long its names are, so it is bytes that are bounded.
    private static let methodsLimitBytes = 2 << 20
    private static let assembliesLimitBytes = 6 << 20

    private let memory: RemoteMemory
    private let layout: DotNetLayout
    private let reader: MethodReader<RemoteMemory>
    private let root: UInt64
    private let functionBytes: Int
    private let state = Mutex(State())

    /// - Parameters:
    ///   - root: of the runtime's ranges of code, a process address.
    ///   - functionBytes: of an entry in an image's table of functions.
    init(memory: RemoteMemory, layout: DotNetLayout, root: UInt64, functionBytes: Int) {
        self.memory = memory
        self.layout = layout
        self.root = root
        self.functionBytes = functionBytes
        reader = MethodReader(memory: memory, layout: layout)
    }

    // MARK: - For the kernel side

    func facts(attachment: UInt32) -> [UInt8] {
        var facts = dotnet_process()
        facts.sections = root
        facts.attachment = attachment
        facts.code_heap_flag = layout.codeHeapFlag
        facts.stubs_flag = layout.stubsFlag
        facts.flags =
            (layout.hasSectionList ? UInt16(DOTNET_HAS_SECTION_LIST.rawValue) : 0)
            | (layout.mapHasPointers ? UInt16(DOTNET_MAP_HAS_POINTERS.rawValue) : 0)
        facts.section_begin = UInt16(clamping: layout.sectionBegin)
        facts.section_end = UInt16(clamping: layout.sectionEnd)
        facts.section_next = UInt16(clamping: layout.sectionNext)
        facts.section_flags = UInt16(clamping: layout.sectionFlags)
        facts.section_heap = UInt16(clamping: layout.sectionHeap)
        facts.heap_base = UInt16(clamping: layout.heapBase)
        facts.heap_map = UInt16(clamping: layout.heapMap)
        facts.header_debug_info = UInt16(clamping: layout.headerDebugInfo)
        facts.header_method = UInt16(clamping: layout.headerMethod)
        facts.header_function_count = UInt16(clamping: layout.headerFunctionCount)
        facts.header_functions = UInt16(clamping: layout.headerFunctions)
        return withUnsafeBytes(of: facts) { Array($0) }
    }

    // MARK: - Names

    func functions(of words: [UInt64]) -> [RuntimeFunction] {
        guard words.count >= 2 else { return [] }
        let address = words[0] & ~3
        let offset = UInt32(truncatingIfNeeded: words[1] >> 32)
        let isReturnAddress = offset & DOTNET_RETURN_ADDRESS != 0
        let code = offset & ~DOTNET_RETURN_ADDRESS
        // What is returned to may belong to the next statement.
        let place = isReturnAddress && code > 0 ? code - 1 : code
        switch words[0] & 3 {
        case UInt64(DOTNET_FRAME_METHOD.rawValue):
            return method(MethodKey(header: address, checksum: UInt32(truncatingIfNeeded: words[1])), at: place)
        case UInt64(DOTNET_FRAME_IMAGE.rawValue):
            return precompiled(address, place)
        case UInt64(DOTNET_FRAME_STUB.rawValue):
            return [RuntimeFunction(name: DotNetStub.name(code))]
        default:
            return []
        }
    }

    private func method(_ key: MethodKey, at place: UInt32) -> [RuntimeFunction] {
        if let known = state.withLock({ $0.methods[key] }) { return [known.function(at: place)] }
        guard let header = reader.header(at: key.header), header.checksum == key.checksum,
            let method = reader.description(header.bytes), let named = name(of: method),
            // What a header refers to lives as long as it does, so if it still does, all of this was true.
            let after = reader.header(at: key.header), after.bytes == header.bytes
        else { return [] }
        state.withLock { $0.keep(named, key) }
        return [named.function(at: place)]
    }

    private func name(of method: MethodDescription) -> KnownMethod? {
        if method.kind == .dynamic || method.row == 0 {
            let name = reader.dynamicName(method) ?? "[dynamic method]"
            return KnownMethod(name: name, fileName: "")
        }
        guard let assembly = assembly(ofModule: method.module), let name = assembly.names.name(ofMethod: method.row) else {
            return nil
        }
        return KnownMethod(name: name, fileName: assembly.fileName, lines: lines(of: method, assembly))
    }

    private func lines(of method: MethodDescription, _ assembly: Assembly) -> MethodLines? {
        guard let symbols = assembly.symbols?.open(memory.pid),
            let map = InstructionMap(memory, at: method.debugInfo, layout)
        else { return nil }
        return symbols.lines(ofMethod: method.row, map)
    }

    private func assembly(ofModule module: UInt64) -> Assembly? {
        if let known = state.withLock({ $0.assemblies[module] }) { return known }
        guard let simpleName = reader.simpleName(ofModule: module),
            let image = AssemblyImage.containing(simpleName, memory), let assembly = assembly(image)
        else { return nil }
        state.withLock { $0.keep(assembly, module) }
        return assembly
    }

    private func assembly(_ image: AssemblyImage<RemoteMemory>) -> Assembly? {
        guard let root = image.address(of: image.metadata.address),
            let metadata = Metadata(memory, at: root, size: UInt64(image.metadata.size))
        else { return nil }
        // Row 1 of table 0 is the module itself: "System.Private.CoreLib.dll".
        let name = metadata.value(0, 1, 1).flatMap(metadata.string) ?? ""
        return Assembly(
            image: image, names: MethodNames(metadata: metadata), fileName: name, symbols: SymbolSource.find(image))
    }

    private func precompiled(_ base: UInt64, _ relative: UInt32) -> [RuntimeFunction] {
        let known = state.withLock { $0.assemblies[base] }
        guard var assembly = known ?? AssemblyImage(memory, at: base).flatMap(assembly) else { return [] }
        if !assembly.hasReadCode {
            assembly.code = PrecompiledCode(assembly.image, functionBytes: functionBytes)
            assembly.hasReadCode = true
            let read = assembly
            state.withLock { $0.keep(read, base) }
        }
        guard let name = assembly.code?.name(at: relative, assembly.names) else { return [] }
        return [RuntimeFunction(name: name, fileName: assembly.fileName)]
    }
}

/// Stubs, by what stands in place of a header before their code, or what their section is for (StubCodeBlockKind,
/// codeman.h).
enum DotNetStub {
    static func name(_ kind: UInt32) -> String {
        switch kind {
        case 1: "[stub: jump]"
        case 2: "[stub: precode]"
        case 3: "[stub: dynamic helper]"
        case 4: "[stub: precode of a method]"
        case 5: "[stub: fixup precode]"
        case 6: "[stub: interface dispatch]"
        case 7: "[stub: interface resolution]"
        case 8: "[stub: interface lookup]"
        case 9: "[stub: virtual call]"
        default: "[stub]"
        }
    }
}
