import CBPFInterface

/// What the kernel side must know of PHP in a process: `struct php_process`.
struct PHPFacts: Sendable {
    /// Where `executor_globals.current_execute_data` is.
    enum CurrentFrame: Hashable, Sendable {
        case global(UInt64)
        /// Offsets from the thread pointer to a thread's block, and from there on.
        case inThread(block: [Int64], offset: UInt64)
    }

    /// How to get from machine code that PHP made to the loop's frame; addresses are process addresses.
    struct MachineCode: Sendable {
        var loop = code_range()
        var callers = code_range()
        /// ELF addresses of functions that prepare a call from C.
        var calls: [code_range] = []
        /// 0 when it is not known.
        var dispatch: UInt64 = 0
        var frameBytes = 0
        var sharesFrame = false
        var hasFramePointer = false
    }

    var layout: PHPLayout
    var currentFrame: CurrentFrame
    var code: MachineCode

    func bytes(attachment: UInt32) -> [UInt8] {
        var facts = php_process()
        var flags: UInt32 = 0
        switch currentFrame {
        case .global(let address): facts.current_frame = address
        case .inThread(let block, let offset):
            flags |= PHP_HAS_THREADS.rawValue
            facts.current_frame = offset
            withUnsafeMutableBytes(of: &facts.thread_block.offsets) { bytes in
                for (index, offset) in block.prefix(Int(THREAD_VALUE_STEPS)).enumerated() {
                    bytes.storeBytes(of: offset, toByteOffset: index * 8, as: Int64.self)
                }
            }
            facts.thread_block.count = UInt32(min(block.count, Int(THREAD_VALUE_STEPS)))
        }
        if code.sharesFrame { flags |= PHP_CODE_SHARES_FRAME.rawValue }
        if code.hasFramePointer { flags |= PHP_LOOP_HAS_FRAME_POINTER.rawValue }
        facts.flags = UInt16(truncatingIfNeeded: flags)
        facts.attachment = attachment
        facts.loop = code.loop
        facts.callers = code.callers
        facts.calls = (code.calls.first ?? code_range(), code.calls.dropFirst().first ?? code_range())
        facts.loop_dispatch = code.dispatch
        facts.loop_frame_bytes = UInt16(clamping: code.frameBytes)
        facts.function_ops = UInt16(clamping: layout.functionOps)
        facts.function_op_count = UInt16(clamping: layout.functionOpCount)
        facts.function_file_name = UInt16(clamping: layout.functionFileName)
        facts.function_first_line = UInt16(clamping: layout.functionFirstLine)
        facts.generator_frame = UInt16(clamping: layout.generatorFrame)
        facts.generator_parent = UInt16(clamping: layout.generatorParent)
        return withUnsafeBytes(of: facts) { Array($0) }
    }
}
