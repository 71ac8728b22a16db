import Processes

/// What is read of an nmethod once: which methods are inlined where in its code.
struct CompiledMethod: Sendable {
    /// No other code of the process ever has this number.
    var compilation: UInt32
    /// Address of the Method that was compiled.
    var method: UInt64
    /// Sorted by `offset`, from the code's start on; `scope` is where the scope is described, 0: nowhere.
    var places: [(offset: Int32, scope: Int32)]
    var scopes: [UInt8]
    /// Methods that scopes refer to, by their number - 1.
    var methods: [UInt64]
    var excludesZeroByte: Bool
    /// Process addresses.
    var code: Range<UInt64> = 0..<0

    var sizeBytes: Int { 128 + places.count * 8 + scopes.count + methods.count * 8 }

    private static let depthLimit = 64

    /// The first described place at or behind an offset in the code.
    func index(at place: Int32) -> Int? {
        var low = 0, high = places.count
        while low < high {
            let middle = (low + high) / 2
            if places[middle].offset < place { low = middle + 1 } else { high = middle }
        }
        return low < places.count ? low : nil
    }

    /// Process addresses of a method's code; nil where they cannot be that.
    static func code(from begin: UInt64, to end: UInt64) -> Range<UInt64>? {
        begin <= end && end - begin <= 1 << 31 ? begin..<end : nil
    }

    func isDescribed(_ place: Int32) -> Bool { index(at: place).map { places[$0].offset == place } ?? false }

    /// The methods at a place in the code, the innermost first, each with the place among its bytecodes.
    ///
    /// HotSpot describes only places where it can stop, so what runs is described by the next one that it comes to.
    func scopes(at place: Int32) -> [(method: UInt64, bytecode: Int)] {
        guard let index = index(at: place) else { return [(method, 0)] }
        var offset = Int(places[index].scope)
        var found: [(method: UInt64, bytecode: Int)] = []
        while offset > 0, offset < scopes.count, found.count < Self.depthLimit {
            var stream = Unsigned5(scopes[offset...], excludesZeroByte: excludesZeroByte)
            guard let sender = stream.next(), let number = stream.next(), let bytecode = stream.next() else { break }
            guard number > 0, Int(number) <= methods.count else { break }
            // One is added to it, for -1 is the method's entry.
            found.append((methods[Int(number) - 1], max(0, Int(bytecode) - 1)))
            // Callers are described before what they inline.
            guard Int(sender) < offset else { break }
            offset = Int(sender)
        }
        return found.isEmpty ? [(method, 0)] : found
    }
}

/// Reads nmethods of a process.
struct CompiledMethodReader<Memory: MemoryReader> {
    let layout: JVMLayout
    let memory: Memory

    /// More than the largest methods have.
    private static var tableLimit: Int { 4 << 20 }

    /// Ranges of process addresses.
    private struct Tables {
        var places: Range<UInt64>
        var scopes: Range<UInt64>
        var methods: Range<UInt64>
    }

    /// Nil when it cannot be read, is another compilation, or changes meanwhile.
    func read(_ address: UInt64, compilation: UInt32) -> CompiledMethod? {
        guard let head = head(address, compilation), let method = Words(head).word(layout.nmethodMethod)
        else { return nil }
        var result = CompiledMethod(
            compilation: compilation, method: method, places: [], scopes: [], methods: [],
            excludesZeroByte: layout.excludesZeroByte)
        if let tables = tables(address, head), let places = bytes(tables.places), let scopes = bytes(tables.scopes),
            let methods = bytes(tables.methods)
        {
            result.scopes = scopes
            let places = Words(places), methods = Words(methods)
            for offset in stride(from: 0, to: methods.bytes.count - 7, by: 8) {
                result.methods.append(methods.word(offset) ?? 0)
            }
            for offset in stride(from: 0, to: places.bytes.count - layout.pcDescBytes + 1, by: layout.pcDescBytes) {
                guard let place = places.int(offset + layout.pcDescOffset),
                    let scope = places.int(offset + layout.pcDescScope), place >= result.places.last?.offset ?? .min
                else { break }
                result.places.append((place, scope))
            }
        }
        if let begin = layout.codePlace(layout.blobCodeBegin, of: address, head),
            let end = layout.codePlace(layout.blobCodeEnd, of: address, head),
            let code = CompiledMethod.code(from: begin, to: end)
        {
            result.code = code
        }
        // The same compilation still lies there, so what was read is its own.
        return head == self.head(address, compilation).map { stable($0, like: head) } ? result : nil
    }

    private func head(_ address: UInt64, _ compilation: UInt32) -> [UInt8]? {
        guard let head = try? memory.readBytes(at: address, count: layout.nmethodBytes),
            Words(head).int(layout.nmethodCompilation).map({ UInt32(bitPattern: $0) }) == compilation
        else { return nil }
        return head
    }

    /// A head with everything but what tells compilations apart made equal: counters in it change all the time.
    private func stable(_ head: [UInt8], like other: [UInt8]) -> [UInt8] {
        Words(head).word(layout.nmethodMethod) == Words(other).word(layout.nmethodMethod) ? other : head
    }

    private func bytes(_ range: Range<UInt64>) -> [UInt8]? {
        guard range.count <= Self.tableLimit else { return nil }
        return try? memory.readBytes(at: range.lowerBound, count: range.count)
    }

    /// Where its tables lie; nil where what it says of them is not possible.
    private func tables(_ address: UInt64, _ head: [UInt8]) -> Tables? {
        let head = Words(head)
        func range(_ base: UInt64, _ start: Int32?, _ end: Int32?) -> Range<UInt64>? {
            guard let start, let end, start >= 0, start <= end, base != 0, base < 1 << 56 else { return nil }
            return (base + UInt64(start))..<(base + UInt64(end))
        }
        switch layout.debugInformation {
        case .within(let scopes, let isPointer, let pcs, let pcsEnd, let metadata):
            var scopesStart = head.int(scopes)
            if isPointer {
                guard let pointer = head.word(scopes), pointer >= address, pointer - address < 1 << 31
                else { return nil }
                scopesStart = Int32(pointer - address)
            }
            guard let places = range(address, head.int(pcs), head.int(pcsEnd)),
                let scopes = range(address, scopesStart, head.int(pcs)),
                let methods = range(address, head.int(metadata), scopesStart)
            else { return nil }
            return Tables(places: places, scopes: scopes, methods: methods)
        case .apart(let data, let size, let pcs, let scopes, let referenceCount, let metadata):
            guard let base = head.word(data), let size = head.int(size),
                let places = range(base, head.int(pcs), head.int(scopes)),
                let scopes = range(base, head.int(scopes), referenceCount.map { head.int($0) } ?? size),
                places.upperBound <= base + UInt64(max(size, 0))
            else { return nil }
            let methods: Range<UInt64>?
            switch metadata {
            case .inBlob(let dataOffset, let offset):
                let start = head.int(dataOffset), within = head.half(offset), end = head.int(layout.blobSize)
                methods = start.flatMap { start in within.flatMap { range(address, start &+ Int32($0), end) } }
            case .apart(let data, let size, let relocationSize):
                methods = head.word(data).flatMap { range($0, head.int(relocationSize), head.int(size)) }
            }
            guard let methods else { return nil }
            return Tables(places: places, scopes: scopes, methods: methods)
        }
    }
}
