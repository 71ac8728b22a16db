import Processes
import RuntimeSupport

/// A function of WebAssembly is known by its number in its module only: V8 keeps its code outside of its heap, in structs
/// of C++ that it describes nowhere. They are found by what they hold, from the instance on that is in the frame, and
/// each step is checked:
///
/// - The instance (WasmInstanceObject, WasmTrustedInstanceData) has the address of the module's table of jumps, one for each
///   of its own functions, and leads to the module (WasmModuleObject).
/// - That leads, by a pointer with an owner (Foreign, Managed), to the NativeModule, which has a pointer to the module as
///   it was loaded ("\0asm"), and one to the table of its functions' code (WasmCode, src/wasm/wasm-code-manager.h).
/// - A jump's target, that code's beginning and its size must agree, so that code which has been replaced gets no name.
struct V8WebAssembly<Memory: MemoryReader & Sendable>: Sendable {
    private let heap: V8Heap<Memory>
    private let moduleType: UInt16
    private let instanceType: UInt16?

    /// Nil for a version that does not say how modules are recognised.
    init?(_ heap: V8Heap<Memory>) {
        guard let module = heap.layout.types.webAssemblyModule else { return nil }
        self.heap = heap
        moduleType = module
        instanceType = heap.layout.types.webAssemblyInstance
    }

    /// Words of the objects and structs that are looked at.
    private static var instanceWords: Int { 48 }
    private static var moduleWords: Int { 8 }
    private static var nativeModuleWords: Int { 96 }
    private static var codeWords: Int { 8 }
    /// A module's code lies in one piece of memory of at most this size.
    private static var codeSpanBytes: UInt64 { 1 << 32 }
    private static var codeLimitBytes: UInt64 { 16 << 20 }

    /// The name of the function that the code at an address belongs to; nil where that cannot be told.
    ///
    /// - Parameters:
    ///   - address: of a byte of the code.
    ///   - instance: the object that the frame has.
    ///   - known: modules by the address of what they were loaded from.
    func function(at address: UInt64, instance: UInt64, known: inout [UInt64: V8WebAssemblyNames]) -> String? {
        guard let words = longest(V8Heap<Memory>.start(instance), Self.instanceWords),
            let jumps = words.first(where: { isJumpTable($0, near: address) }),
            let module = module(words), let native = nativeModule(module)
        else { return nil }
        let names: V8WebAssemblyNames
        if let found = known[native.bytes], found.sizeBytes == native.count {
            names = found
        } else {
            guard let read = V8WebAssemblyNames(heap.memory, at: native.bytes, count: native.count) else { return nil }
            let held = known.values.reduce(read.memoryBytes) { $0 + $1.memoryBytes }
            if held > V8WebAssemblyNames.limitBytes { known = [:] }
            known[native.bytes] = read
            names = read
        }
        guard let table = V8JumpTable(heap.memory, at: jumps, count: names.functionCount),
            let found = table.last(atMost: address), let size = codeSize(native, found), address - found.target < size
        else { return nil }
        return names.name(ofFunction: UInt64(names.importCount) + UInt64(found.index))
    }

    /// As many words as can be read, up to `count`: an object may be the last one of its page.
    private func longest(_ address: UInt64, _ count: Int) -> [UInt64]? {
        var count = count
        while count >= 4 {
            if let bytes = try? heap.memory.readBytes(at: address, count: count * 8) {
                return (0..<count).map { index in
                    bytes.withUnsafeBytes {
                        UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
                    }
                }
            }
            count /= 2
        }
        return nil
    }

    private func isJumpTable(_ word: UInt64, near address: UInt64) -> Bool {
        let distance = word > address ? word - address : address - word
        guard word & 63 == 0, distance < Self.codeSpanBytes else { return false }
        return V8JumpTable<Memory>.begins(heap.memory, at: word)
    }

    private func module(_ words: [UInt64]) -> UInt64? {
        if let module = words.first(where: { heap.has($0, type: moduleType) }) { return module }
        guard let instanceType, let instance = words.first(where: { heap.has($0, type: instanceType) }),
            let inner = longest(V8Heap<Memory>.start(instance), 16)
        else { return nil }
        return inner.first { heap.has($0, type: moduleType) }
    }

    private struct NativeModule {
        var address: UInt64
        var words: [UInt64]
        /// The module as it was loaded.
        var bytes: UInt64
        var count: UInt64
    }

    private func nativeModule(_ module: UInt64) -> NativeModule? {
        for object in longest(V8Heap<Memory>.start(module), Self.moduleWords) ?? [] where V8Heap<Memory>.isObject(object) {
            // Foreign: what it points to, at 8. That is a ManagedPtrDestructor, whose fourth word is the owning pointer's
            // address: to the struct, and to its count of references.
            guard let pointer = heap.word(object, 8), let destructor = pointed(pointer, 6) else { continue }
            for owner in destructor {
                guard let pair = pointed(owner, 2), let address = pair.first, address & 7 == 0,
                    let words = pointed(address, Self.nativeModuleWords)
                else { continue }
                for word in words {
                    guard let vector = pointed(word, 2), vector[1] >= 8, vector[1] < 1 << 30,
                        V8WebAssemblyNames.isModule(heap.memory, at: vector[0])
                    else { continue }
                    return NativeModule(address: address, words: words, bytes: vector[0], count: vector[1])
                }
            }
        }
        return nil
    }

    private func pointed(_ word: UInt64, _ count: Int) -> [UInt64]? {
        guard word & 7 == 0, word > 0xffff, word < 1 << 47, let words = longest(word, max(4, count)),
            words.count >= min(count, 4)
        else { return nil }
        return Array(words.prefix(count))
    }

    /// As far as a word tells that may also be two numbers, a size and one that is smaller.
    private static func isPointer(_ word: UInt64) -> Bool {
        word >> 32 >= 0x1000 || word >> 32 == 0 && word >= codeLimitBytes
    }

    /// WasmCode: its module, where its instructions begin; behind other data their size, and slots of their frame.
    private func codeSize(_ native: NativeModule, _ jump: (index: Int, target: UInt64)) -> UInt64? {
        for table in native.words where table & 7 == 0 && table > 0xffff && table < 1 << 47 {
            guard let code = try? heap.memory.read(at: table &+ UInt64(jump.index) &* 8, as: UInt64.self),
                let words = pointed(code, Self.codeWords), words.count == Self.codeWords,
                words[0] == native.address, words[1] == jump.target
            else { continue }
            guard let data = words[2..<5].firstIndex(where: Self.isPointer),
                let numbers = words[data...].first(where: { !Self.isPointer($0) })
            else { continue }
            let size = numbers & 0xffff_ffff
            return size > 0 && size < Self.codeLimitBytes ? size : nil
        }
        return nil
    }
}

/// A module's table of jumps to its functions' code (src/wasm/jump-table-assembler.h).
struct V8JumpTable<Memory: MemoryReader> {
    private let targets: [UInt64]

    private static var lineBytes: Int { 64 }
    private static var jump: UInt8 { 0xe9 }

    /// Whether the first of a table's jumps is there, of x86_64 or of arm64.
    static func begins(_ memory: Memory, at address: UInt64) -> Bool {
        guard let bytes = try? memory.readBytes(at: address, count: 8) else { return false }
        return bytes[0] == jump || target(ofBranch: CodeBytes.word(bytes, at: 0), at: address) != nil
    }

    /// - Parameter count: of functions.
    init?(_ memory: Memory, at address: UInt64, count: Int) {
        guard count > 0, count <= 1 << 20,
            let bytes = try? memory.readBytes(at: address, count: (count / 8 + 1) * Self.lineBytes)
        else { return nil }
        if bytes[0] == Self.jump {
            // Jumps of 5 bytes, as many as a cache line holds; since 13.x each has 8.
            let stride = count > 1 && bytes[5] == Self.jump ? 5 : 8
            let inLine = Self.lineBytes / stride
            targets = (0..<count).map { index in
                let at = index / inLine * Self.lineBytes + index % inLine * stride
                guard bytes[safe: at] == Self.jump else { return 0 }
                return address &+ UInt64(at) &+ 5 &+ UInt64(bitPattern: Int64(CodeBytes.signed32(bytes, at: at + 1)))
            }
        } else {
            targets = (0..<count).map { index in
                Self.target(
                    ofBranch: CodeBytes.word(bytes, at: index * 4), at: address &+ UInt64(index * 4)) ?? 0
            }
        }
    }

    /// `b`, in bits 0 to 25 the distance in instructions.
    private static func target(ofBranch word: UInt32, at address: UInt64) -> UInt64? {
        guard word >> 26 == 0b000101 else { return nil }
        return address &+ UInt64(bitPattern: Int64(Int32(bitPattern: word << 6) >> 6) * 4)
    }

    /// The function whose code begins last before an address, or at it.
    func last(atMost address: UInt64) -> (index: Int, target: UInt64)? {
        var found: (index: Int, target: UInt64)?
        for (index, target) in targets.enumerated() where target != 0 && target <= address && target >= found?.target ?? 0 {
            found = (index, target)
        }
        return found
    }
}
