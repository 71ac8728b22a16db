import CBPFInterface
import Processes
import RuntimeSupport

/// What a method's header leads to (MethodDesc, method.hpp).
struct MethodDescription: Sendable, Hashable {
    enum Kind: UInt16, Sendable {
        case intermediateLanguage, runtimeCall, platformInvoke, runtimeImplemented, array, instantiated, interoperation,
            dynamic
    }

    /// Process address.
    var address: UInt64
    var kind: Kind
    /// Row of the metadata's table of methods; 0: none.
    var row: UInt32
    /// Process address of the module's record.
    var module: UInt64
    var debugInfo: UInt64
}

/// Reads headers of methods.
struct MethodReader<Memory: MemoryReader> {
    let memory: Memory
    let layout: DotNetLayout

    /// The header and, as the kernel side makes it, its checksum.
    func header(at address: UInt64) -> (bytes: [UInt8], checksum: UInt32)? {
        guard address > 0xffff, address & 7 == 0, let bytes = try? memory.readBytes(at: address, count: DOTNET_HEADER_BYTES)
        else { return nil }
        var sum = Words.word(bytes, layout.headerMethod)
        sum = sum &* 31 &+ Words.word(bytes, layout.headerDebugInfo)
        sum = sum &* 31 &+ UInt64(CodeBytes.word(bytes, at: layout.headerFunctions + 4))
        return (bytes, UInt32(truncatingIfNeeded: sum ^ sum >> 32))
    }

    /// Nil for what is no method.
    func description(_ header: [UInt8]) -> MethodDescription? {
        let address = Words.word(header, layout.headerMethod)
        guard address & 7 == 0, address > 0xffff, let method = try? memory.readBytes(at: address, count: 16),
            layout.methodFlags + 2 <= 16, layout.methodToken + 2 <= 16, layout.methodChunkIndex < 16
        else { return nil }
        let index = UInt64(method[layout.methodChunkIndex])
        let chunk = address &- index &* UInt64(layout.methodAlignment) &- UInt64(layout.chunkBytes)
        let bits = UInt32(layout.tokenRemainderBits)
        guard let kind = MethodDescription.Kind(rawValue: Words.half(method, layout.methodFlags) & 7),
            let table = try? memory.read(at: chunk &+ UInt64(layout.chunkMethodTable), as: UInt64.self),
            let range = try? memory.read(at: chunk &+ UInt64(layout.chunkTokenRange), as: UInt16.self),
            let module = try? memory.read(at: table &+ UInt64(layout.tableModule), as: UInt64.self)
        else { return nil }
        let low = UInt32(Words.half(method, layout.methodToken)) & (1 << bits - 1)
        let high = UInt32(range) & (1 << (24 - bits) - 1)
        return MethodDescription(
            address: address, kind: kind, row: high << bits | low, module: module,
            debugInfo: Words.word(header, layout.headerDebugInfo))
    }

    /// The name that the runtime gave code that is in no metadata.
    func dynamicName(_ method: MethodDescription) -> String? {
        guard let offset = layout.dynamicMethodName,
            let pointer = try? memory.read(at: method.address &+ UInt64(offset), as: UInt64.self), pointer > 0xffff,
            let text = try? memory.readCString(at: pointer, limit: 512), !text.isEmpty,
            let name = String(validating: text, as: UTF8.self), name.unicodeScalars.allSatisfy({ $0.value >= 32 })
        else { return nil }
        return name
    }

    /// Process address of the module's name, which lies in its image.
    func simpleName(ofModule module: UInt64) -> UInt64? {
        guard module > 0xffff,
            let address = try? memory.read(at: module &+ UInt64(layout.moduleSimpleName), as: UInt64.self),
            address > 0xffff
        else { return nil }
        return address
    }
}

extension MethodReader: Sendable where Memory: Sendable {}

extension Words {
    /// Two bytes; 0 where there are fewer.
    static func half(_ bytes: [UInt8], _ offset: Int) -> UInt16 {
        guard let low = bytes[safe: offset], let high = bytes[safe: offset + 1] else { return 0 }
        return UInt16(low) | UInt16(high) << 8
    }
}
