import BPFObjects
import CBPFInterface
import CSnapshotUnwinding

/// Unwinds stack snapshots in user space, with the kernel side's own unwinders over what its maps hold.
///
/// Belongs to one thread.
final class SnapshotUnwinder {
    /// By number, like the kernel's array.
    var executables: [executable]
    /// As uploaded.
    var rules: [unwind_rule] = []
    private let blocks: BlockCache
    private let pointerMask: UInt64
    private let result: UnsafeMutablePointer<unwinding_result>

    init(executableCapacity: Int, tables: TableChunks, pointerMask: UInt64) {
        executables = [executable](repeating: executable(), count: executableCapacity)
        blocks = BlockCache(tables: tables)
        self.pointerMask = pointerMask
        result = .allocate(capacity: 1)
        result.initialize(to: unwinding_result())
    }

    deinit { result.deallocate() }

    /// Blocks may have been written since they were read.
    func forgetBlocks() {
        blocks.removeAll()
    }

    /// Unwinds and lends the result's words to `body`, with the stop reason.
    func unwind<Result>(
        _ snapshot: StackSnapshot, traceFlags: UInt16, mappings: [mapping],
        _ body: (_ frames: UnsafeBufferPointer<UInt64>, _ stopReason: UInt16) -> Result
    ) -> Result {
        snapshot.registers.withUnsafeBufferPointer { registers in
            snapshot.stack.withUnsafeBufferPointer { stack in
                mappings.withUnsafeBufferPointer { mappings in
                    executables.withUnsafeBufferPointer { executables in
                        rules.withUnsafeBufferPointer { rules in
                            var view = unwinding_view()
                            view.registers = registers.baseAddress
                            view.stack_start = registers[ABIFrame.stackPointerRegister] &- UInt64(ABI_RED_ZONE_BYTES)
                            view.stack = stack.baseAddress
                            view.stack_bytes = UInt64(stack.count)
                            view.trace_flags = UInt32(traceFlags)
                            view.pointer_mask = pointerMask
                            view.mappings = mappings.baseAddress
                            view.mapping_count = UInt32(mappings.count)
                            view.executables = executables.baseAddress
                            view.executable_count = UInt32(executables.count)
                            view.rules = rules.baseAddress
                            view.rule_count = UInt32(rules.count)
                            view.block = SnapshotUnwinder.readBlock
                            view.context = Unmanaged.passUnretained(blocks).toOpaque()
                            unwind_snapshot(&view, result)
                        }
                    }
                }
            }
        }
        let words = withUnsafeMutableBytes(of: &result.pointee.words) { bytes in
            UnsafeBufferPointer(
                start: UnsafePointer(bytes.baseAddress?.assumingMemoryBound(to: UInt64.self)),
                count: min(Int(result.pointee.word_count), Int(ABI_TRACE_WORDS)))
        }
        return body(words, UInt16(truncatingIfNeeded: result.pointee.stop_reason))
    }

    private static let readBlock: @convention(c) (UnsafeMutableRawPointer?, UInt32) -> UnsafePointer<table_block>? = {
        context, number in
        guard let context else { return nil }
        return Unmanaged<BlockCache>.fromOpaque(context).takeUnretainedValue().block(Int(number))
    }
}

/// The latest blocks of the table arena, read back from the kernel, which holds their only copy.
private final class BlockCache {
    private static let capacity = 64

    private let tables: TableChunks
    private var slots: [Int: Int] = [:]
    private var storage: UnsafeMutablePointer<table_block>
    private var next = 0
    private var numbers = [Int](repeating: -1, count: BlockCache.capacity)

    init(tables: TableChunks) {
        self.tables = tables
        storage = .allocate(capacity: BlockCache.capacity)
        storage.initialize(repeating: table_block(), count: BlockCache.capacity)
    }

    deinit { storage.deallocate() }

    func removeAll() {
        slots.removeAll(keepingCapacity: true)
        numbers = [Int](repeating: -1, count: BlockCache.capacity)
    }

    func block(_ number: Int) -> UnsafePointer<table_block>? {
        if let slot = slots[number] { return UnsafePointer(storage + slot) }
        let slot = next
        guard
            tables.read(
                block: number,
                into: UnsafeMutableRawBufferPointer(start: storage + slot, count: MemoryLayout<table_block>.size))
        else { return nil }
        next = (next + 1) % BlockCache.capacity
        if numbers[slot] >= 0 { slots[numbers[slot]] = nil }
        numbers[slot] = number
        slots[number] = slot
        return UnsafePointer(storage + slot)
    }
}
