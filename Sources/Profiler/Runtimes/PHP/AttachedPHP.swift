import Processes
import RuntimeSupport
import Synchronization

/// PHP in one process.
final class AttachedPHP<Memory: MemoryReader & Sendable>: AttachedRuntime {
    private let memory: Memory
    private let known: PHPFacts
    private let functions = Mutex(PHPFunctionCache())

    init(memory: Memory, facts: PHPFacts) {
        self.memory = memory
        known = facts
    }

    func facts(attachment: UInt32) -> [UInt8] { known.bytes(attachment: attachment) }

    func functions(of words: [UInt64]) -> [RuntimeFunction] {
        guard words.count >= 2 else { return [] }
        let address = words[0], checksum = UInt32(truncatingIfNeeded: words[1])
        let line = UInt32(truncatingIfNeeded: words[1] >> 32)
        guard let function = function(at: address, checksum) else { return [] }
        return [
            RuntimeFunction(
                name: function.name, fileName: function.fileName, line: line, startLine: function.firstLine)
        ]
    }

    private func function(at address: UInt64, _ checksum: UInt32) -> PHPFunction? {
        if let function = functions.withLock({ $0[address, checksum] }) { return function }
        guard let function = PHPFunction(at: address, layout: known.layout, memory: memory),
            function.checksum == checksum || checksum == 0
        else { return nil }
        functions.withLock { $0.keep(function, at: address) }
        return function
    }
}

/// Functions by their addresses. A function lies where it is until its request ends; then another one may.
struct PHPFunctionCache {
    /// The process decides how long its names are, so it is bytes that are bounded.
    static let limitBytes = 2 << 20

    private var byAddress: [UInt64: PHPFunction] = [:]
    private(set) var sizeBytes = 0

    var count: Int { byAddress.count }

    /// - Parameter checksum: that the function must have; 0: the kernel side could not read it, any will do.
    subscript(address: UInt64, checksum: UInt32) -> PHPFunction? {
        guard let known = byAddress[address], known.checksum == checksum || checksum == 0 else { return nil }
        return known
    }

    /// When there is no room, all are forgotten: what is still in use is read again.
    mutating func keep(_ function: PHPFunction, at address: UInt64) {
        if sizeBytes + function.sizeBytes > PHPFunctionCache.limitBytes { self = PHPFunctionCache() }
        if let replaced = byAddress.updateValue(function, forKey: address) { sizeBytes -= replaced.sizeBytes }
        sizeBytes += function.sizeBytes
    }
}
