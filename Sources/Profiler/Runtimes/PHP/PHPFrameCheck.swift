import Processes
import RuntimeSupport

/// Whether a layout fits what a process has: where a function runs, its frame must lead to its operations and its names.
struct PHPFrameCheck<Memory: MemoryReader> {
    let layout: PHPLayout
    let memory: Memory

    /// Frames that are looked at, and times that a running process gets to be seen at rest.
    private static var frameLimit: Int { 16 }
    private static var attempts: Int { 8 }

    /// - Parameter address: of `current_execute_data`; NULL, when nothing runs, fits anything.
    /// - Throws: `.unsupported` when it does not fit; `.notReady` when the process cannot be read there yet.
    func check(currentFrameAt address: UInt64) throws(RuntimeError) {
        var looked = false
        for _ in 0..<Self.attempts {
            let frame: UInt64
            do {
                frame = try memory.read(at: address, as: UInt64.self)
            } catch {
                throw RuntimeError(error)
            }
            if frame == 0 { return }
            switch fits(frame) {
            case true?: return
            case false?: looked = true
            case nil: break
            }
        }
        // Only C functions, as while PHP starts, tell nothing about functions of programs.
        if looked { throw RuntimeError(.unsupported, "its functions are not laid out as those of its version") }
    }

    /// Whether the first function of a program in the chain is laid out as expected; nil when there is none.
    private func fits(_ youngest: UInt64) -> Bool? {
        var frame = youngest
        for _ in 0..<Self.frameLimit where frame != 0 {
            guard let function = word(frame &+ 24), let previous = word(frame &+ 48) else {
                return false
            }
            if function != 0 {
                guard let type = try? memory.read(at: function, as: UInt8.self) else { return false }
                // ZEND_USER_FUNCTION, ZEND_EVAL_CODE (Zend/zend_compile.h).
                if type == 2 || type == 4 { return isFunction(function) }
                if type != 1 { return false }
            }
            frame = previous
        }
        return nil
    }

    private func isFunction(_ function: UInt64) -> Bool {
        guard let ops = word(function &+ UInt64(layout.functionOps)),
            let count = try? memory.read(at: function &+ UInt64(layout.functionOpCount), as: UInt32.self),
            let file = word(function &+ UInt64(layout.functionFileName)),
            let first = try? memory.read(at: function &+ UInt64(layout.functionFirstLine), as: UInt32.self),
            let last = try? memory.read(at: function &+ UInt64(layout.functionFirstLine) &+ 4, as: UInt32.self)
        else { return false }
        return count > 0 && count < 1 << 24 && first <= last && word(ops) != nil
            && PHPStrings(memory: memory).text(at: file, limit: 4096) != nil
    }

    private func word(_ address: UInt64) -> UInt64? { try? memory.read(at: address, as: UInt64.self) }
}
