import CBPFInterface
import Processes
import RuntimeSupport

/// Where HotSpot's code lies in a process: reserved when it starts, and never moved.
struct CodeHeaps: Sendable, Hashable {
    struct Heap: Sendable, Hashable {
        /// Process addresses.
        var code: Range<UInt64>
        /// Process address of the map of segments.
        var segments: UInt64
    }

    var heaps: [Heap]
    /// Bits that a segment's number is shifted by.
    var segmentShift: Int
    /// Process addresses of code that is known to be the interpreter's: while HotSpot starts it may have more soon.
    var interpreter: Range<UInt64>
}

extension CodeHeaps {
    /// No JVM reserves more.
    private static let reservationLimit: UInt64 = 1 << 35

    /// - Throws: `.notReady` while HotSpot starts.
    init<Memory: MemoryReader>(_ structs: VMStructs, bias: UInt64, memory: Memory) throws(RuntimeError) {
        do throws(MemoryReadError) {
            let places = try Self.places(structs, bias, memory)
            guard let memoryAt = structs.first("CodeHeap._memory"), let segmentsAt = structs.first("CodeHeap._segmap"),
                let shiftAt = structs.first("CodeHeap._log2_segment_size"),
                let low = structs.first("VirtualSpace._low_boundary"),
                let high = structs.first("VirtualSpace._high_boundary")
            else { throw MemoryReadError(.limitExceeded, at: 0) }
            heaps = []
            segmentShift = 0
            for place in places where place != 0 {
                let start: UInt64 = try memory.read(at: place &+ UInt64(memoryAt + low))
                let end: UInt64 = try memory.read(at: place &+ UInt64(memoryAt + high))
                let segments: UInt64 = try memory.read(at: place &+ UInt64(segmentsAt + low))
                let shift: Int32 = try memory.read(at: place &+ UInt64(shiftAt))
                guard start < end, end - start < Self.reservationLimit, segments != 0, shift >= 4, shift < 16 else {
                    throw MemoryReadError(.unreadable, at: place)
                }
                heaps.append(Heap(code: start..<end, segments: segments))
                segmentShift = Int(shift)
            }
            try Self.check(heaps, structs, bias, memory)
            interpreter = try Self.interpreter(structs, bias, memory)
        } catch {
            if error.kind == .limitExceeded {
                throw RuntimeError(.unsupported, "HotSpot's tables do not say where its code is")
            }
            throw RuntimeError(error)
        }
        guard !heaps.isEmpty else {
            throw RuntimeError(.notReady, "HotSpot has no code yet")
        }
        guard heaps.count <= Int(JVM_CODE_HEAPS) else {
            throw RuntimeError(.unsupported, "HotSpot has \(heaps.count) code heaps")
        }
    }

    /// Addresses of `CodeHeap`s: one until JDK 8, an array of them since then.
    private static func places<Memory: MemoryReader>(
        _ structs: VMStructs, _ bias: UInt64, _ memory: Memory
    ) throws(MemoryReadError) -> [UInt64] {
        guard let list = structs.statics["CodeCache._heaps"] else {
            guard let heap = structs.statics["CodeCache._heap"] else { return [] }
            return [try memory.read(at: heap &+ bias)]
        }
        let array: UInt64 = try memory.read(at: list &+ bias)
        guard array != 0, let lengthAt = structs.first("GrowableArrayBase._len", "GenericGrowableArray._len"),
            let dataAt = structs.first("GrowableArray<int>._data")
        else { return [] }
        let length: Int32 = try memory.read(at: array &+ UInt64(lengthAt))
        let data: UInt64 = try memory.read(at: array &+ UInt64(dataAt))
        var places: [UInt64] = []
        for index in 0..<UInt64(max(0, min(length, 16))) { places.append(try memory.read(at: data &+ index &* 8)) }
        return places
    }

    /// Several heaps are made one after the other, in what was reserved for all of them.
    private static func check<Memory: MemoryReader>(
        _ heaps: [Heap], _ structs: VMStructs, _ bias: UInt64, _ memory: Memory
    ) throws(MemoryReadError) {
        guard let low = structs.statics["CodeCache._low_bound"], let high = structs.statics["CodeCache._high_bound"]
        else { return }
        let start: UInt64 = try memory.read(at: low &+ bias)
        let end: UInt64 = try memory.read(at: high &+ bias)
        guard heaps.reduce(0, { $0 + UInt64($1.code.count) }) == end &- start else {
            throw MemoryReadError(.unreadable, at: low)
        }
    }

    private static func interpreter<Memory: MemoryReader>(
        _ structs: VMStructs, _ bias: UInt64, _ memory: Memory
    ) throws(MemoryReadError) -> Range<UInt64> {
        guard let code = structs.statics["AbstractInterpreter._code"],
            let bufferAt = structs.first("StubQueue._stub_buffer"), let endAt = structs.first("StubQueue._queue_end")
        else { return 0..<0 }
        let queue: UInt64 = try memory.read(at: code &+ bias)
        guard queue != 0 else { return 0..<0 }
        let start: UInt64 = try memory.read(at: queue &+ UInt64(bufferAt))
        let count: Int32 = try memory.read(at: queue &+ UInt64(endAt))
        guard start != 0, count > 0, start < 1 << 56 else { return 0..<0 }
        return start..<(start + UInt64(count))
    }
}
