import Processes
import RuntimeSupport

/// What HotSpot tells debuggers of its own types: the tables behind `gHotSpotVMStructs` and `gHotSpotVMTypes`
/// (runtime/vmStructs.hpp), which it fills in before it runs anything.
struct VMStructs: Sendable {
    /// The variables that lead to the tables and say how their entries are laid out; all are 64-bit words.
    enum Variable: String, CaseIterable {
        case structs = "gHotSpotVMStructs"
        case structStride = "gHotSpotVMStructEntryArrayStride"
        case structTypeName = "gHotSpotVMStructEntryTypeNameOffset"
        case structFieldName = "gHotSpotVMStructEntryFieldNameOffset"
        case structOffset = "gHotSpotVMStructEntryOffsetOffset"
        case structAddress = "gHotSpotVMStructEntryAddressOffset"
        case types = "gHotSpotVMTypes"
        case typeStride = "gHotSpotVMTypeEntryArrayStride"
        case typeName = "gHotSpotVMTypeEntryTypeNameOffset"
        case typeSize = "gHotSpotVMTypeEntrySizeOffset"
    }

    /// Of those that name stubs and tables: what is of use of them.
    static let typeNames: Set<String> = [
        "AbstractInterpreter", "Abstract_VM_Version", "CodeBlob", "CodeCache", "CodeHeap", "CompiledMethod",
        "ConstMethod", "ConstantPool", "GenericGrowableArray", "GrowableArray<int>", "GrowableArrayBase", "HeapBlock",
        "HeapBlock::Header", "InstanceKlass", "JDK_Version", "Klass", "Method", "PcDesc", "StubQueue", "StubRoutines",
        "Symbol", "VirtualSpace", "nmethod",
    ]

    /// Bytes from an object's start to a field, by "Type.field".
    private(set) var offsets: [String: Int] = [:]
    /// ELF addresses of static fields, by "Type.field".
    private(set) var statics: [String: UInt64] = [:]
    /// In bytes, by type.
    private(set) var sizes: [String: Int] = [:]

    private static let entryLimit = 1 << 14
    private static let strideLimit: UInt64 = 256
    /// No struct of HotSpot's that is of use here is larger.
    private static let sizeLimit: UInt64 = 1 << 16
    private static let nameLimit = 256

    /// - Parameters:
    ///   - variables: ELF addresses, by `Variable`.
    ///   - bias: process address - ELF address.
    /// - Throws: `.notReady` while the tables are not filled in, `.unsupported` when they are not understood.
    init<Memory: MemoryReader>(variables: [Variable: UInt64], bias: UInt64, memory: Memory) throws(RuntimeError) {
        do {
            try read(variables, bias, PageCache(memory))
        } catch let error as RuntimeError {
            throw error
        } catch let error as MemoryReadError {
            throw RuntimeError(error)
        } catch {
            throw RuntimeError(.unsupported, "\(error)")
        }
        guard !offsets.isEmpty, !sizes.isEmpty else { throw RuntimeError(.notReady, "HotSpot's tables are empty") }
    }

    /// How entries of tables of fields are laid out; nil when that cannot be read.
    static func entry<Memory: MemoryReader>(
        _ variables: [Variable: UInt64], bias: UInt64, memory: Memory
    ) -> JVMCITable.Entry? {
        func value(_ variable: Variable) -> UInt64? {
            variables[variable].flatMap { try? memory.read(at: $0 &+ bias, as: UInt64.self) }.flatMap {
                $0 <= strideLimit ? $0 : nil
            }
        }
        guard let stride = value(.structStride), let type = value(.structTypeName), let field = value(.structFieldName),
            let address = value(.structAddress)
        else { return nil }
        return JVMCITable.Entry(stride: stride, typeName: type, fieldName: field, address: address)
    }

    /// Made up, for tests.
    init(offsets: [String: Int], statics: [String: UInt64], sizes: [String: Int]) {
        self.offsets = offsets
        self.statics = statics
        self.sizes = sizes
    }

    private mutating func read<Memory: MemoryReader>(
        _ variables: [Variable: UInt64], _ bias: UInt64, _ memory: Memory
    ) throws {
        var values: [Variable: UInt64] = [:]
        for (variable, address) in variables { values[variable] = try memory.read(at: address &+ bias) }
        func value(_ variable: Variable, limit: UInt64 = VMStructs.strideLimit) throws(RuntimeError) -> UInt64 {
            guard let value = values[variable] else {
                throw RuntimeError(.unsupported, "it does not export \(variable.rawValue)")
            }
            guard value <= limit else {
                // A library is mapped in several steps: something else may lie there for a moment.
                throw RuntimeError(.notReady, "\(variable.rawValue) is \(value)")
            }
            return value
        }
        let structs = try value(.structs, limit: .max), types = try value(.types, limit: .max)
        let structStride = try value(.structStride), typeStride = try value(.typeStride)
        guard structs != 0, types != 0, structStride != 0, typeStride != 0 else {
            throw RuntimeError(.notReady, "HotSpot has not filled in its tables yet")
        }
        for index in 0..<UInt64(Self.entryLimit) {
            let entry = structs &+ index &* structStride
            let name: UInt64 = try memory.read(at: entry &+ value(.structTypeName))
            if name == 0 { break }
            guard let type = try Self.text(at: name, memory), Self.typeNames.contains(type),
                let field = try Self.text(at: memory.read(at: entry &+ value(.structFieldName)), memory)
            else { continue }
            let address: UInt64 = try memory.read(at: entry &+ value(.structAddress))
            let key = "\(type).\(field)"
            if address != 0 {
                if statics[key] == nil { statics[key] = address &- bias }
            } else {
                let offset: UInt64 = try memory.read(at: entry &+ value(.structOffset))
                if offset < Self.sizeLimit, offsets[key] == nil { offsets[key] = Int(offset) }
            }
        }
        for index in 0..<UInt64(Self.entryLimit) {
            let entry = types &+ index &* typeStride
            let name: UInt64 = try memory.read(at: entry &+ value(.typeName))
            if name == 0 { break }
            guard let type = try Self.text(at: name, memory), Self.typeNames.contains(type) else { continue }
            let size: UInt64 = try memory.read(at: entry &+ value(.typeSize))
            if size < Self.sizeLimit { sizes[type] = Int(size) }
        }
    }

    private static func text<Memory: MemoryReader>(at address: UInt64, _ memory: Memory) throws -> String? {
        guard address != 0, let bytes = try? memory.readCString(at: address, limit: nameLimit) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: - Looking things up

    /// The offset of the first of these fields ("Type.field") that there is.
    func first(_ names: String...) -> Int? {
        for name in names { if let offset = offsets[name] { return offset } }
        return nil
    }

    /// As `first`; what is not there makes this HotSpot one that is not understood.
    func require(_ names: String...) throws(RuntimeError) -> Int {
        for name in names { if let offset = offsets[name] { return offset } }
        throw RuntimeError(.unsupported, "HotSpot's tables have no \(names.joined(separator: " or "))")
    }

    func size(of types: String...) throws(RuntimeError) -> Int {
        for type in types { if let size = sizes[type], size > 0 { return size } }
        throw RuntimeError(.unsupported, "HotSpot's tables have no size of \(types.joined(separator: " or "))")
    }

    /// ELF addresses of variables that hold addresses of stubs, by name without the leading underscore.
    var stubVariables: [(name: String, address: UInt64)] {
        statics.compactMap { key, address in
            guard key.hasPrefix("StubRoutines._") else { return nil }
            let name = key.dropFirst("StubRoutines._".count)
            return Self.namesCode(name) ? (String(name), address) : nil
        }
    }

    /// Variables of numbers and of tables stand among those of code.
    static func namesCode(_ name: some StringProtocol) -> Bool { !name.contains("table") && !name.contains("count") }

    /// Fewer names of stubs than these are not all that there are.
    var lacksStubs: Bool { stubVariables.count < 16 }
}
