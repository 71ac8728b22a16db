import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport
import Synchronization

/// HotSpot in one process.
final class AttachedJVM<Memory: MemoryReader & Sendable>: AttachedRuntime {
    private struct Caches {
        /// By the address of the Method.
        var methods = BoundedCache<JVMMethod>(limitBytes: 4 << 20)
        /// By the address of the nmethod.
        var compiled = BoundedCache<CompiledMethod>(limitBytes: 4 << 20)
    }

    let memory: Memory
    let layout: JVMLayout
    let heaps: CodeHeaps
    private let stubs: JVMStubs
    private let machine: ELFMachine
    /// Of a method's code that is looked at for where it goes.
    private static var codeLimit: Int { 1 << 18 }
    private let caches = Mutex(Caches())

    init(memory: Memory, layout: JVMLayout, heaps: CodeHeaps, stubs: JVMStubs, machine: ELFMachine) {
        self.memory = memory
        self.layout = layout
        self.heaps = heaps
        self.stubs = stubs
        self.machine = machine
    }

    func facts(attachment: UInt32) -> [UInt8] {
        var facts = jvm_process()
        withUnsafeMutableBytes(of: &facts.heaps) { bytes in
            let stride = MemoryLayout<jvm_code_heap>.stride
            for (index, heap) in heaps.heaps.prefix(Int(JVM_CODE_HEAPS)).enumerated() {
                let code = code_range(start: heap.code.lowerBound, length: UInt64(heap.code.count))
                bytes.storeBytes(
                    of: jvm_code_heap(code: code, segments: heap.segments), toByteOffset: index * stride,
                    as: jvm_code_heap.self)
            }
        }
        facts.interpreter = code_range(
            start: heaps.interpreter.lowerBound, length: UInt64(heaps.interpreter.count))
        facts.attachment = attachment
        facts.flags = layout.hasCodeOffsets ? UInt16(JVM_HAS_CODE_OFFSETS.rawValue) : 0
        facts.segment_shift = UInt8(clamping: heaps.segmentShift)
        func ofBlock(_ offset: Int) -> UInt16 { UInt16(clamping: offset + layout.heapBlockBytes) }
        facts.block_header_bytes = UInt8(clamping: layout.heapBlockBytes)
        facts.block_used = UInt16(clamping: layout.heapBlockUsed)
        facts.block_name = ofBlock(layout.blobName)
        facts.block_frame_complete = ofBlock(layout.blobFrameComplete)
        facts.block_frame_size = ofBlock(layout.blobFrameSize)
        facts.block_code_begin = ofBlock(layout.blobCodeBegin)
        facts.block_code_end = ofBlock(layout.blobCodeEnd)
        facts.block_method = ofBlock(layout.nmethodMethod)
        facts.block_deoptimize = layout.nmethodDeoptimize.map(ofBlock) ?? 0
        facts.block_deoptimize_handle = layout.nmethodDeoptimizeHandle.map(ofBlock) ?? 0
        facts.compilation = UInt16(clamping: layout.nmethodCompilation)
        facts.original_pc = UInt16(clamping: layout.nmethodOriginalPC)
        facts.method_const_method = UInt16(clamping: layout.methodConstMethod)
        facts.const_method_bytes = UInt16(clamping: layout.constMethodBytes)
        facts.bytecode_slot = UInt16(clamping: layout.bytecodeSlot)
        return withUnsafeBytes(of: facts) { Array($0) }
    }

    // MARK: - Names

    func functions(of words: [UInt64]) -> [RuntimeFunction] {
        guard words.count >= 3 else { return [] }
        let address = words[0] & ~7
        let place = UInt32(truncatingIfNeeded: words[1] >> 32), mark = UInt32(truncatingIfNeeded: words[1])
        switch jvm_frame(rawValue: UInt32(words[0] & 7)) {
        case JVM_FRAME_COMPILED: return compiled(address, place: place, compilation: mark, method: words[2])
        case JVM_FRAME_INTERPRETED:
            guard let method = method(at: address), method.constMethod == words[2] else { return [] }
            let isKnown = place < UInt32(JVM_PLACE_UNKNOWN)
            return [method.function(at: isKnown ? Int(place) : 0)]
        case JVM_FRAME_STUB:
            guard let name = stubs.name(blob: address, place: place, nameAt: words[2], layout: layout, memory: memory)
            else { return [] }
            return [RuntimeFunction(name: name)]
        default: return []
        }
    }

    private func compiled(
        _ address: UInt64, place: UInt32, compilation: UInt32, method: UInt64
    ) -> [RuntimeFunction] {
        var known = caches.withLock { $0.compiled[address] }
        if known?.compilation != compilation {
            known = CompiledMethodReader(layout: layout, memory: memory).read(address, compilation: compilation)
            if let known { caches.withLock { $0.compiled.keep(known, at: address, bytes: known.sizeBytes) } }
        }
        guard let known else {
            // The code is gone, but not what it was made of.
            guard let method = self.method(at: method) else { return [] }
            return [RuntimeFunction(name: method.name, fileName: method.fileName, startLine: method.lines.firstLine)]
        }
        var functions: [RuntimeFunction] = []
        for scope in scopes(at: Int32(truncatingIfNeeded: place), in: known) {
            guard let method = self.method(at: scope.method) else { continue }
            functions.append(method.function(at: scope.bytecode))
        }
        return functions
    }

    /// The methods that run at a place in compiled code: those of the described place that the program comes to next.
    /// Code that returns before it comes to one is taken for that of the method that was compiled, by what ran last.
    private func scopes(at place: Int32, in method: CompiledMethod) -> [(method: UInt64, bytecode: Int)] {
        guard place >= 0, !method.isDescribed(place), method.code.count <= Self.codeLimit,
            Int(place) < method.code.count,
            let code = try? memory.readBytes(at: method.code.lowerBound, count: method.code.count)
        else { return method.scopes(at: place) }
        let flow = CodeFlow(code: code, machine: machine)
        switch flow.next(from: Int(place), where: { method.isDescribed(Int32(truncatingIfNeeded: $0)) }) {
        case .place(let next): return method.scopes(at: Int32(truncatingIfNeeded: next))
        case .return:
            guard let next = method.index(at: place), next > 0 else { return [(method.method, 0)] }
            return Array(method.scopes(at: method.places[next - 1].offset).suffix(1))
        case .unknown: return method.scopes(at: place)
        }
    }

    private func method(at address: UInt64) -> JVMMethod? {
        let reader = JVMMethodReader(layout: layout, memory: memory)
        if let known = caches.withLock({ $0.methods[address] }), reader.constMethod(of: address) == known.constMethod {
            return known
        }
        guard let method = reader.read(address) else { return nil }
        caches.withLock { $0.methods.keep(method, at: address, bytes: method.sizeBytes) }
        return method
    }
}

/// Values by address, bounded in bytes, because the process decides how large they are.
struct BoundedCache<Value: Sendable>: Sendable {
    let limitBytes: Int
    private var values: [UInt64: (value: Value, bytes: Int)] = [:]
    private(set) var sizeBytes = 0

    init(limitBytes: Int) {
        self.limitBytes = limitBytes
    }

    var count: Int { values.count }

    subscript(address: UInt64) -> Value? { values[address]?.value }

    /// When there is no room, all are forgotten: what is still in use is read again.
    mutating func keep(_ value: Value, at address: UInt64, bytes: Int) {
        if sizeBytes + bytes > limitBytes {
            values.removeAll()
            sizeBytes = 0
            if bytes > limitBytes { return }
        }
        if let replaced = values.updateValue((value, bytes), forKey: address) { sizeBytes -= replaced.bytes }
        sizeBytes += bytes
    }
}
