import CBPFInterface
import Processes
import RuntimeSupport
import Synchronization

/// Erlang's emulator in one process.
final class AttachedBEAM<Memory: MemoryReader & Sendable>: AttachedRuntime {
    private struct State {
        var code: BEAMCodeList<Memory>
        var modules = BEAMModuleCache()
    }

    private let memory: Memory
    private let known: BEAMFacts
    private let state: Mutex<State>

    init(memory: Memory, facts: BEAMFacts, code: BEAMCodeList<Memory>) {
        self.memory = memory
        known = facts
        state = Mutex(State(code: code))
    }

    func facts(attachment: UInt32) -> [UInt8] { known.bytes(attachment: attachment) }

    func functions(of words: [UInt64]) -> [RuntimeFunction] {
        guard words.count >= 2 else { return [] }
        let isCall = words[1] & UInt64(BEAM_FRAME_IS_CALL.rawValue) != 0
        let address = isCall ? words[0] &- 1 : words[0]
        let checksum = UInt32(truncatingIfNeeded: words[1] >> 32)
        guard let place = state.withLock({ place(of: address, checksum, &$0) }) else { return [] }
        return [
            RuntimeFunction(
                name: BEAMNames.function(place.name), fileName: place.fileName, line: place.line,
                startLine: place.startLine)
        ]
    }

    private func place(of address: UInt64, _ checksum: UInt32, _ state: inout State) -> BEAMModule.Place? {
        // It may have been purged since.
        if let module = state.modules[address, checksum] { return module.place(of: address) }
        // Without an answer what is known of the list has to do.
        _ = try? state.code.refresh()
        guard let entry = state.code.entry(for: address), let module = module(entry, checksum) else { return nil }
        state.modules.keep(module, entry.code, checksum)
        return module.place(of: address)
    }

    /// What an entry says of the code that was sampled, and nothing of what lay there before or after.
    private func module(_ entry: BEAMCodeList<Memory>.Entry, _ checksum: UInt32) -> BEAMModule? {
        guard isAsSampled(entry, checksum), let module = BEAMModule(entry.start, entry.sizeBytes, memory),
            module.base == entry.code.lowerBound
        else { return nil }
        // The list has an entry for as long as the code is there. Both were there before and after, so this is true.
        let isCurrent = BEAMCodeList(descriptor: 0, memory: memory).isCurrent(entry)
        return isCurrent && isAsSampled(entry, checksum) ? module : nil
    }

    /// 0: the code belongs to no module, or the kernel side could not read its digest.
    private func isAsSampled(_ entry: BEAMCodeList<Memory>.Entry, _ checksum: UInt32) -> Bool {
        if checksum == 0 { return true }
        let base = entry.code.lowerBound
        return BEAMModuleHeader.checksum(of: base, digestOffset: known.digestOffset, memory) == checksum
    }
}

/// Modules by where they lie and by their checksum.
struct BEAMModuleCache {
    private struct Kept {
        var module: BEAMModule
        var code: Range<UInt64>
        var checksum: UInt32
    }

    /// The process decides how large its modules are, so it is bytes that are bounded.
    static let limitBytes = 8 << 20

    /// By start of their code.
    private var kept: [Kept] = []
    private(set) var sizeBytes = 0

    var count: Int { kept.count }

    /// The module that has code at the address.
    ///
    /// - Parameter checksum: that it must have; with 0 any does.
    subscript(address: UInt64, checksum: UInt32) -> BEAMModule? {
        var index = firstIndex(startingAfter: address)
        while index > 0, kept[index - 1].code.contains(address) {
            index -= 1
            if kept[index].checksum == checksum || checksum == 0 { return kept[index].module }
        }
        return nil
    }

    /// When there is no room, all are forgotten: what is still in use is read again.
    mutating func keep(_ module: BEAMModule, _ code: Range<UInt64>, _ checksum: UInt32) {
        guard module.sizeBytes <= BEAMModuleCache.limitBytes else { return }
        if sizeBytes + module.sizeBytes > BEAMModuleCache.limitBytes { self = BEAMModuleCache() }
        // Of those that lie there, one that was purged is asked for a little while longer.
        let index = firstIndex(startingAfter: code.lowerBound)
        kept.insert(Kept(module: module, code: code, checksum: checksum), at: index)
        sizeBytes += module.sizeBytes
    }

    private func firstIndex(startingAfter address: UInt64) -> Int {
        var low = 0
        var high = kept.count
        while low < high {
            let middle = (low + high) / 2
            if kept[middle].code.lowerBound <= address { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
