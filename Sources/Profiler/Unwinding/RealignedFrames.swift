import CBPFInterface
import DWARF
import ObjectFiles

/// Functions of x86_64 that align the stack and find their frame by rbx, which unwinding does not follow: those by
/// which the dynamic loader binds functions when they are first called (`_dl_runtime_resolve_xsavec` and its siblings).
///
/// What such a function calls saves rbx first of all, at a place that its first instructions tell. So a frame that has
/// called needs a rule of its own only: CFA = *(SP - where it was saved) + offset. It holds for the call's bytes but
/// the first, which are looked up for return addresses alone.
enum RealignedFrames {
    private static let rbx: UInt8 = 3
    private static let functionLimitBytes: UInt64 = 4096
    private static let prologueLimitBytes = 64

    static func isNeeded(_ rows: UnsafeBufferPointer<CallFrameRow>) -> Bool {
        rows.contains { $0.state.cfa.register == rbx && $0.state.cfa.kind == .registerOffset }
    }

    static func add(
        _ rows: UnsafeBufferPointer<CallFrameRow>, _ function: CallFrameFunction, _ file: ELFFile,
        to builder: inout UnwindTableBuilder
    ) {
        guard function.end - function.start <= functionLimitBytes,
            let code = try? file.read(atAddress: function.start, count: Int(function.end - function.start))
        else { return }
        code.withUnsafeBufferPointer { add(rows, function, file, $0, to: &builder) }
    }

    private static func add(
        _ rows: UnsafeBufferPointer<CallFrameRow>, _ function: CallFrameFunction, _ file: ELFFile,
        _ code: UnsafeBufferPointer<UInt8>, to builder: inout UnwindTableBuilder
    ) {
        var row = rows.startIndex
        var position = 0
        while position < code.count, let instruction = X86Instruction(code, at: position) {
            let address = function.start + UInt64(position)
            while row + 1 < rows.endIndex, rows[row + 1].address <= address { row += 1 }
            position += instruction.length
            let state = rows[row].state
            guard case .call(let target?) = instruction.effect, state.cfa.register == rbx,
                state.cfa.kind == .registerOffset, state.returnAddress.kind == .atCFAOffset,
                let distance = savedDistance(
                    file, function.start &+ UInt64(truncatingIfNeeded: target))
            else { continue }
            var rule = unwind_rule(state, architecture: .x86_64)
            rule.kind = UInt8(UNWIND_CFA_DEREFERENCED.rawValue)
            rule.cfa_register = UInt8(X86_RSP)
            rule.cfa_added = state.cfa.offset
            rule.cfa_offset = -distance
            builder.add(rule, (address + 1)..<(function.start + UInt64(position)), .certain)
        }
    }

    /// How far below the caller's stack pointer the function at `address` saves rbx; nil where its first instructions
    /// do not say.
    private static func savedDistance(_ file: ELFFile, _ address: UInt64) -> Int32? {
        guard let place = file.fileRange(ofAddress: address),
            let code = try? file.read(atAddress: address, count: Int(min(place.count, UInt64(prologueLimitBytes))))
        else { return nil }
        return code.withUnsafeBufferPointer { savedDistance($0) }
    }

    static func savedDistance(_ code: UnsafeBufferPointer<UInt8>) -> Int32? {
        var distance: Int32 = 8
        var position = 0
        while let instruction = X86Instruction(code, at: position) {
            switch instruction.effect {
            case .push(let register):
                distance += 8
                if register == rbx { return distance }
            case .none, .padding, .copyStack, .store: break
            default: return nil
            }
            position += instruction.length
        }
        return nil
    }
}
