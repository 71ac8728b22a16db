import CBPFInterface

/// What the kernel side must know of an emulator in a process: `struct beam_process`. Addresses are process addresses.
struct BEAMFacts: Sendable {
    /// Offsets from the thread pointer.
    var currentProcess: [Int64]
    var ranges: UInt64
    /// 0 where it is not known.
    var codeIndex: UInt64 = 0
    var normalExit: UInt64
    var shared: [code_range]
    var schedulerCode: Range<UInt64>
    var scheduler: BEAMScheduler
    var digestOffset: Int
    var text = code_range()

    func bytes(attachment: UInt32) -> [UInt8] {
        var facts = beam_process()
        withUnsafeMutableBytes(of: &facts.current_process.offsets) { bytes in
            for (index, offset) in currentProcess.prefix(Int(THREAD_VALUE_STEPS)).enumerated() {
                bytes.storeBytes(of: offset, toByteOffset: index * 8, as: Int64.self)
            }
        }
        facts.current_process.count = UInt32(min(currentProcess.count, Int(THREAD_VALUE_STEPS)))
        facts.ranges = ranges
        facts.code_index = codeIndex
        facts.normal_exit = normalExit
        // One that is not there must not widen what all of them take up.
        let first = shared.first ?? code_range()
        facts.shared = (first, shared.dropFirst().first ?? first)
        facts.scheduler = code_range(start: schedulerCode.lowerBound, length: UInt64(schedulerCode.count))
        facts.text = text
        facts.attachment = attachment
        facts.scheduler_frame_bytes = UInt32(clamping: scheduler.frameBytes)
        facts.process_stop = UInt16(clamping: scheduler.stop)
        facts.module_digest = UInt16(clamping: digestOffset)
        facts.registers = UInt16(clamping: scheduler.registers)
        return withUnsafeBytes(of: facts) { Array($0) }
    }
}
