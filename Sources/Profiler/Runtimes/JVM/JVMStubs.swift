import Processes
import RuntimeSupport
import Synchronization

/// The code that HotSpot makes for itself when it starts, and some of it later: arraycopy, cryptography, entries from
/// native code.
final class JVMStubs: Sendable {
    private struct Entries {
        /// Where each begins, process addresses, in their order.
        var list: [(address: UInt64, name: String)] = []
        var readings = 0
    }

    /// ELF addresses of variables that hold stubs' addresses.
    private let variables: [(name: String, address: UInt64)]
    private let bias: UInt64
    private let heaps: CodeHeaps
    private let entries = Mutex(Entries())
    /// As often the variables are read: while there are stubs that have no name.
    private static let readingsLimit = 16

    /// No stub is larger.
    private static let sizeLimit: UInt64 = 16 << 10
    private static let nameLimit = 128

    init(_ variables: [(name: String, address: UInt64)], bias: UInt64, heaps: CodeHeaps) {
        self.variables = variables
        self.bias = bias
        self.heaps = heaps
    }

    private func read<Memory: MemoryReader>(_ memory: Memory) -> [(address: UInt64, name: String)] {
        var found: [(address: UInt64, name: String)] = []
        for (name, variable) in variables {
            guard let address = try? memory.read(at: variable &+ bias, as: UInt64.self),
                heaps.heaps.contains(where: { $0.code.contains(address) })
            else { continue }
            found.append((address, name))
        }
        // Of several names of one stub always the same is taken.
        return found.sorted { ($0.address, $0.name) < ($1.address, $1.name) }
    }

    /// "StubRoutines (2) [sha256_implCompressMB]", or the blob's own name; nil when that cannot be read.
    ///
    /// - Parameters:
    ///   - place: from the code's start on.
    ///   - nameAt: where the blob's name lies.
    func name<Memory: MemoryReader>(
        blob: UInt64, place: UInt32, nameAt: UInt64, layout: JVMLayout, memory: Memory
    ) -> String? {
        guard let bytes = try? memory.readCString(at: nameAt, limit: Self.nameLimit), !bytes.isEmpty else { return nil }
        let name = String(decoding: bytes, as: UTF8.self)
        guard name.hasPrefix("StubRoutines"), let head = try? memory.readBytes(at: blob, count: layout.nmethodBytes),
            let begin = layout.codePlace(layout.blobCodeBegin, of: blob, head),
            let stub = stub(at: begin &+ UInt64(place), in: begin, memory)
        else { return name }
        return "\(name) [\(stub)]"
    }

    private func stub<Memory: MemoryReader>(at address: UInt64, in begin: UInt64, _ memory: Memory) -> String? {
        if let name = stub(entries.withLock { $0.list }, address, begin, memory) { return name }
        let isWorthAnother = entries.withLock { entries in
            entries.readings += 1
            return entries.readings <= Self.readingsLimit
        }
        guard isWorthAnother else { return nil }
        let list = read(memory)
        entries.withLock { $0.list = list }
        return stub(list, address, begin, memory)
    }

    private func stub<Memory: MemoryReader>(
        _ list: [(address: UInt64, name: String)], _ address: UInt64, _ begin: UInt64, _ memory: Memory
    ) -> String? {
        guard let index = list.lastIndex(where: { $0.address <= address }) else { return nil }
        let first = list.firstIndex { $0.address == list[index].address } ?? index
        let entry = list[first]
        guard entry.address >= begin, address - entry.address < Self.sizeLimit else { return nil }
        // One that has no name may lie between: stubs end in a return, or a jump, and padding up to the next one.
        guard let code = try? memory.readBytes(at: entry.address, count: Int(address - entry.address)),
            !Self.hasEnd(code, from: entry.address)
        else { return nil }
        return entry.name
    }

    /// Whether padding up to a multiple of 32 follows a return in x86_64's code, or one of 32 in arm64's.
    static func hasEnd(_ code: [UInt8], from address: UInt64) -> Bool {
        var end = 32 - Int(address & 31)
        while end <= code.count {
            if end >= 3, code[end - 1] == 0x90 {
                var last = end - 1
                while last > 0, code[last] == 0x90 { last -= 1 }
                if code[last] == 0xc3 { return true }
            }
            end += 32
        }
        return false
    }
}
