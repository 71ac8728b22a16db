import CBPFInterface
import Unwinding

extension UnwindCase {
    /// The case as an input of `BPF/usermode/fuzz.c`: its `struct fuzz_input` and the arrays behind it.
    public func fuzzInput() throws(TableArena.Full) -> [UInt8] {
        let maps = try maps()
        let mappings = kernelMappings
        var bytes: [UInt8] = []
        func append<Value: FixedWidthInteger>(_ value: Value) {
            withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
        }
        registers.forEach { append($0) }
        append(stackStart)
        append(pointerMask)
        append(traceFlags)
        for count in [stack.count, mappings.count, maps.executables.count, maps.rules.count, maps.blocks.count] {
            append(UInt32(count))
        }
        bytes += stack
        mappings.withUnsafeBytes { bytes += $0 }
        maps.executables.withUnsafeBytes { bytes += $0 }
        maps.rules.withUnsafeBytes { bytes += $0 }
        maps.blocks.withUnsafeBytes { bytes += $0 }
        return bytes
    }
}
