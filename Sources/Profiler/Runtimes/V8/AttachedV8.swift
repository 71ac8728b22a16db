import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport
import Synchronization

/// V8 in one process, with all of its isolates.
final class AttachedV8<Memory: MemoryReader & Sendable>: AttachedRuntime {
    private let heap: V8Heap<Memory>
    private let builtins: V8Builtins?
    private let sizes: V8BytecodeSizes?
    private let frameTypes: [UInt8: String]
    private let registers: V8Registers
    private let machine: ELFMachine
    private let webAssembly: V8WebAssembly<Memory>?
    /// The type of frames of WebAssembly's functions.
    private let webAssemblyFrame: UInt8?
    private let cache = Mutex(V8Cache())

    init(
        heap: V8Heap<Memory>, builtins: V8Builtins?, sizes: V8BytecodeSizes?, frameTypes: [UInt8: String],
        registers: V8Registers, machine: ELFMachine
    ) {
        self.heap = heap
        self.builtins = builtins
        self.sizes = sizes
        self.frameTypes = frameTypes
        self.registers = registers
        self.machine = machine
        webAssembly = V8WebAssembly(heap)
        webAssemblyFrame = frameTypes.first { ["WasmFrame", "WasmCompiledFrame"].contains($0.value) }?.key
    }

    func facts(attachment: UInt32) -> [UInt8] {
        var facts = v8_process()
        let layout = heap.layout
        facts.attachment = attachment
        facts.bytecode_array_type = layout.types.bytecodeArray
        facts.frame_bytecode_array = UInt16(clamping: layout.frameBytecodeArray)
        facts.function_shared = UInt16(clamping: layout.functionShared)
        facts.shared_script = UInt16(clamping: layout.sharedScript)
        facts.shared_number = UInt16(clamping: layout.sharedNumber)
        facts.script_number = UInt16(clamping: layout.scriptNumber)
        facts.register_bytecode = registers.bytecode
        facts.register_offset = registers.offset
        facts.webassembly_frame = webAssemblyFrame ?? 0
        return withUnsafeBytes(of: facts) { Array($0) }
    }

    // MARK: - Names

    func functions(of words: [UInt64]) -> [RuntimeFunction] {
        guard words.count >= 4 else { return [] }
        let number = words[0] & (1 << UInt64(V8_FRAME_RETURN_ADDRESS_SHIFT) - 1)
        let isReturnAddress = words[0] >> UInt64(V8_FRAME_RETURN_ADDRESS_SHIFT) & 1 == 1
        let identity = words[2], bytecode = words[3]
        switch v8_frame(rawValue: UInt32(words[0] >> UInt64(V8_FRAME_KIND_SHIFT))) {
        case V8_FRAME_BUILTIN:
            return [RuntimeFunction(name: builtinName(at: number, type: UInt8(truncatingIfNeeded: words[1])))]
        case V8_FRAME_STUB:
            let type = UInt8(truncatingIfNeeded: words[1])
            if type == webAssemblyFrame,
                let name = webAssemblyName(at: isReturnAddress ? number &- 1 : number, instance: identity)
            {
                return [RuntimeFunction(name: name, fileName: "wasm")]
            }
            return [RuntimeFunction(name: typeName(type))]
        case V8_FRAME_INTERPRETED:
            return interpreted(words[1], identity, bytecode, offset: number)
        case V8_FRAME_COMPILED:
            return compiled(words[1], identity, bytecode, address: number, isReturnAddress: isReturnAddress)
        case V8_FRAME_BUILTIN_FUNCTION:
            return builtinFunction(words[1], identity, at: number)
        default:
            return []
        }
    }

    private func typeName(_ type: UInt8) -> String { "V8::\(frameTypes[type] ?? "UnknownFrame")" }

    private func webAssemblyName(at address: UInt64, instance: UInt64) -> String? {
        guard let webAssembly else { return nil }
        var known = cache.withLock { $0.webAssembly }
        let name = webAssembly.function(at: address, instance: instance, known: &known)
        cache.withLock { $0.webAssembly = known }
        return name
    }

    /// As V8's own log names them; without symbols the frame's type has to do.
    private func builtinName(at address: UInt64, type: UInt8) -> String {
        if let name = builtins?.name(at: address) { return "Builtin:\(name)" }
        return type == 0 ? "V8::Builtin" : typeName(type)
    }

    private func builtinFunction(_ object: UInt64, _ identity: UInt64, at address: UInt64) -> [RuntimeFunction] {
        if let function = function(at: object, identity), !function.name.isEmpty {
            return [named(function, position: nil)]
        }
        return [RuntimeFunction(name: builtinName(at: address, type: 0))]
    }

    private func interpreted(
        _ object: UInt64, _ identity: UInt64, _ bytecode: UInt64, offset: UInt64
    ) -> [RuntimeFunction] {
        guard let function = function(at: object, identity) else { return [] }
        // Counted from the object's address with its tag.
        let first = heap.layout.bytecodeData - 1
        let index = Int(clamping: offset) - first
        return [named(function, position: position(inBytecode: bytecode, at: index))]
    }

    private static var tableLimit: Int { 4 << 20 }

    private func position(inBytecode bytecode: UInt64, at index: Int) -> Int? {
        guard bytecode != 0, heap.has(bytecode, type: heap.layout.types.bytecodeArray),
            let object = heap.word(bytecode, heap.layout.bytecodePositions),
            let table = heap.bytes(ofArray: object, limit: Self.tableLimit)
        else { return nil }
        return V8Positions.position(
            in: table, at: max(index, 0), hasFlags: heap.layout.positionsHaveFlags)?.offset
    }

    private func compiled(
        _ object: UInt64, _ identity: UInt64, _ bytecode: UInt64, address: UInt64, isReturnAddress: Bool
    ) -> [RuntimeFunction] {
        let address = isReturnAddress ? address &- 1 : address
        var maps = cache.withLock { $0.instructionMaps }
        let code = heap.code(at: address, maps: &maps)
        cache.withLock { $0.instructionMaps = maps }
        guard let code else {
            return function(at: object, identity).map { [named($0, position: nil)] } ?? []
        }
        let offset = Int(clamping: address - code.start)
        if let baseline = heap.layout.baselineKind, code.kind == baseline {
            return baselineCode(code, object, identity, bytecode, offset)
        }
        if code.kind == heap.layout.middleKind,
            isReturnAddress || heap.arrayLength(code.positions, limit: Self.tableLimit) == 0,
            let functions = middleCode(code, offset, isReturnAddress)
        {
            return functions
        }
        if let activations = heap.activations(in: code, at: offset) {
            let functions = activations.compactMap { activation in
                // Before the first statement it is where the function begins.
                function(at: activation.function, 0).map { named($0, position: activation.position ?? $0.start) }
            }
            // While the collector moves objects one cannot be read: all of them are asked for again.
            return functions.count == activations.count ? functions : []
        }
        if let function = function(at: object, identity) { return [named(function, position: nil)] }
        return [RuntimeFunction(name: code.kind == Self.regularExpressionKind ? "RegExp" : "V8::Code")]
    }

    /// Nil when it is not known what was at work.
    private func middleCode(_ code: V8Code, _ offset: Int, _ isReturnAddress: Bool) -> [RuntimeFunction]? {
        guard let activations = heap.bytecodeActivations(
            in: code, at: isReturnAddress ? offset + 1 : offset, isReturnAddress: isReturnAddress, machine: machine)
        else { return nil }
        let functions = activations.compactMap { activation in
            function(at: activation.function, 0).map {
                let isEntered = activation.offset < 0
                return named(
                    $0, position: isEntered ? $0.start : position(inBytecode: activation.bytecode, at: activation.offset))
            }
        }
        // While the collector moves objects one cannot be read: all of them are asked for again.
        return functions.count == activations.count ? functions : []
    }

    private static var regularExpressionKind: UInt32 { 3 }

    private func baselineCode(
        _ code: V8Code, _ object: UInt64, _ identity: UInt64, _ frameBytecode: UInt64, _ offset: Int
    ) -> [RuntimeFunction] {
        guard let function = function(at: object, identity) else { return [] }
        // What was interrupted before it had a frame is known from a register, which may hold something else.
        // SharedFunctionInfo: function_data, since 12.4 trusted_function_data, at 8.
        if frameBytecode == 0, heap.word(object, 8) != code.object { return [RuntimeFunction(name: "V8::Code")] }
        let bytecode = heap.has(code.deoptimization, type: heap.layout.types.bytecodeArray)
            ? code.deoptimization : frameBytecode
        guard let sizes, bytecode != 0,
            let length = heap.arrayLength(bytecode, limit: Self.tableLimit),
            let instructions = try? heap.memory.readBytes(
                at: V8Heap<Memory>.start(bytecode) &+ UInt64(heap.layout.bytecodeData), count: length),
            let table = heap.bytes(ofArray: code.positions, limit: Self.tableLimit),
            let index = V8Positions.bytecodeOffset(in: table, at: offset, bytecode: instructions, sizes: sizes)
        else { return [named(function, position: nil)] }
        return [named(function, position: position(inBytecode: bytecode, at: index))]
    }

    // MARK: - What is known

    /// - Parameter identity: that the function must have; 0: any.
    private func function(at object: UInt64, _ identity: UInt64) -> V8Function? {
        guard V8Heap<Memory>.isObject(object) else { return nil }
        let known = cache.withLock { $0.functions[object] }
        let header = heap.header(ofFunction: object)
        if let known, identity == 0 || known.identity == identity {
            guard let header else { return identity == 0 ? nil : known }
            if header == (known.nameOrScopeInfo, known.script, known.identity) { return known }
        }
        guard header != nil, let function = heap.function(at: object), identity == 0 || function.identity == identity
        else { return nil }
        cache.withLock { $0.keep(function, at: object) }
        return function
    }

    private func script(of function: V8Function) -> V8Script? {
        let known = cache.withLock { $0.scripts[function.script] }
        let header = heap.header(ofScript: function.script)
        if let known, known.number == UInt32(truncatingIfNeeded: function.identity >> 32) {
            guard let header else { return known }
            if header.nameObject == known.nameObject, header.number == known.number { return known }
        }
        guard header != nil, let script = heap.script(at: function.script) else { return nil }
        cache.withLock { $0.keep(script, at: function.script) }
        return script
    }

    /// - Parameter position: offset in the script's source.
    private func named(_ function: V8Function, position: Int?) -> RuntimeFunction {
        guard let script = script(of: function) else {
            return RuntimeFunction(name: function.name.isEmpty ? "<anonymous>" : function.name)
        }
        return RuntimeFunction(
            name: function.name.isEmpty ? "<anonymous>" : function.name, fileName: script.fileName,
            line: position.map(script.line) ?? 0, startLine: function.start.map(script.line) ?? 0)
    }
}

/// What was read of functions and scripts, by their addresses. The process decides how long names and sources are, so it is
/// bytes that are bounded.
struct V8Cache {
    static let functionsLimitBytes = 2 << 20
    static let scriptsLimitBytes = 8 << 20

    private(set) var functions: [UInt64: V8Function] = [:]
    private(set) var scripts: [UInt64: V8Script] = [:]
    private(set) var functionsBytes = 0
    private(set) var scriptsBytes = 0
    var instructionMaps: Set<UInt64> = []
    /// By the address of what they were loaded from.
    var webAssembly: [UInt64: V8WebAssemblyNames] = [:]

    /// When there is no room, all are forgotten: what is still in use is read again.
    mutating func keep(_ function: V8Function, at address: UInt64) {
        if functionsBytes + function.sizeBytes > Self.functionsLimitBytes { (functions, functionsBytes) = ([:], 0) }
        if let replaced = functions.updateValue(function, forKey: address) { functionsBytes -= replaced.sizeBytes }
        functionsBytes += function.sizeBytes
    }

    mutating func keep(_ script: V8Script, at address: UInt64) {
        if scriptsBytes + script.sizeBytes > Self.scriptsLimitBytes { (scripts, scriptsBytes) = ([:], 0) }
        if let replaced = scripts.updateValue(script, forKey: address) { scriptsBytes -= replaced.sizeBytes }
        scriptsBytes += script.sizeBytes
    }
}
