import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport
import Synchronization

/// HotSpot, of JDK 8 and later: all that matters of a version is told by the tables that it exports for debuggers.
public struct JVMRuntime: Runtime {
    public init() {}

    public var kind: RuntimeKind {
        RuntimeKind(
            name: "HotSpot", frameType: "jvm", frameKind: UInt8(FRAME_JVM.rawValue), unwinder: UNWINDER_JVM.rawValue,
            objectName: "jvm", programName: "unwind_jvm", processesMapName: "jvm_processes")
    }

    public func inspect(_ file: ELFFile, path: String) -> (any RuntimeExecutable)? {
        let names = Set(VMStructs.Variable.allCases.map(\.rawValue))
        let symbols = file.exportedSymbols(named: names)
        guard symbols[VMStructs.Variable.structs.rawValue] != nil else { return nil }
        var variables: [VMStructs.Variable: UInt64] = [:]
        for (name, symbol) in symbols { variables[VMStructs.Variable(rawValue: name) ?? .structs] = symbol.value }
        return JVMExecutable(variables: variables, file: file)
    }
}

/// A library with HotSpot in it.
final class JVMExecutable: RuntimeExecutable {
    private struct Known {
        var structs: VMStructs
        var layout: JVMLayout
        /// ELF addresses of variables that hold stubs' addresses.
        var stubVariables: [(name: String, address: UInt64)]
    }

    /// ELF addresses.
    private let variables: [VMStructs.Variable: UInt64]
    private let file: ELFFile
    /// The same for all processes that run this file.
    private let known = Mutex<Known?>(nil)
    /// Times that the tables were not understood: while a library is being relocated they are incomplete.
    private let failures = Mutex(0)
    private static let failureLimit = 6

    init(variables: [VMStructs.Variable: UInt64], file: ELFFile) {
        self.variables = variables
        self.file = file
    }

    var version: String { "" }

    /// Its interpreter is code that it makes, too.
    var loop: [Range<UInt64>] { [] }

    func makesCode(in mapping: Mapping) -> Bool { mapping.kind == .anonymous }

    var tellsWhenReady: Bool { true }

    func attach(to process: InspectedProcess) throws(RuntimeError) -> any AttachedRuntime {
        let bias = process.module.bias
        let known: Known
        do throws(RuntimeError) {
            known = try self.known(bias: bias, memory: process.memory)
        } catch {
            let count = failures.withLock { count in
                count += 1
                return count
            }
            if error.kind == .unsupported, count < Self.failureLimit {
                throw RuntimeError(.notReady, error.description)
            }
            throw error
        }
        let heaps = try CodeHeaps(known.structs, bias: bias, memory: process.memory)
        let stubs = JVMStubs(known.stubVariables, bias: bias, heaps: heaps)
        return AttachedJVM(
            memory: process.memory, layout: known.layout, heaps: heaps, stubs: stubs, machine: file.machine)
    }

    private func known(bias: UInt64, memory: RemoteMemory) throws(RuntimeError) -> Known {
        if let known = known.withLock({ $0 }) { return known }
        let structs = try VMStructs(variables: variables, bias: bias, memory: memory)
        let major = try majorVersion(structs, bias: bias, memory: memory)
        var found = Known(
            structs: structs, layout: try JVMLayout(structs, major: major, machine: file.machine),
            stubVariables: structs.stubVariables)
        if structs.lacksStubs, let entry = VMStructs.entry(variables, bias: bias, memory: memory) {
            found.stubVariables += JVMCITable.stubVariables(file.segments, bias: bias, entry: entry, memory: memory)
        }
        known.withLock { $0 = found }
        return found
    }

    /// Of the JDK: until JDK 8 the virtual machine has a version of its own, and JDK_Version is not exported since JDK
    /// 22.
    private func majorVersion(_ structs: VMStructs, bias: UInt64, memory: RemoteMemory) throws(RuntimeError) -> Int {
        do throws(MemoryReadError) {
            var major = 0
            if let place = structs.statics["JDK_Version._current"] {
                major = Int(try memory.read(at: place &+ bias, as: UInt8.self))
            } else if let place = structs.statics["Abstract_VM_Version._vm_major_version"] {
                major = Int(try memory.read(at: place &+ bias, as: Int32.self))
            }
            guard major != 0 else { throw MemoryReadError(.unreadable, at: 0) }
            guard major > 6, major < 1000 else { throw MemoryReadError(.limitExceeded, at: 0) }
            return major
        } catch {
            if error.kind == .limitExceeded { throw RuntimeError(.unsupported, "its version is not known") }
            throw RuntimeError(error)
        }
    }
}
