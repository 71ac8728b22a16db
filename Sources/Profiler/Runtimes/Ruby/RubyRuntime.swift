import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport

/// CRuby 2.5 to 4.0.
public struct RubyRuntime: Runtime {
    public init() {}

    public var kind: RuntimeKind {
        RuntimeKind(
            name: "Ruby", frameType: "ruby", frameKind: UInt8(FRAME_RUBY.rawValue), unwinder: UNWINDER_RUBY.rawValue,
            objectName: "ruby", programName: "unwind_ruby", processesMapName: "ruby_processes")
    }

    /// What every build exports, for extensions.
    private static let exportedNames: Set<String> = [
        "ruby_version", "rb_thread_current", "ruby_native_thread_p", "rb_during_gc", "rb_vm_exec",
    ]

    public func inspect(_ file: ELFFile, path: String) -> (any RuntimeExecutable)? {
        let exported = file.exportedSymbols(named: RubyRuntime.exportedNames)
        guard let version = exported["ruby_version"], let threadCurrent = exported["rb_thread_current"] else { return nil }
        let text = (try? file.read(atAddress: version.value, count: 8)) ?? []
        return RubyExecutable(
            version: String(decoding: text.prefix { $0 != 0 }, as: UTF8.self), threadCurrent: threadCurrent,
            nativeThread: exported["ruby_native_thread_p"], duringCollection: exported["rb_during_gc"],
            places: RubyLoop.find(in: file, exported["rb_vm_exec"]), file: file)
    }
}

/// An executable or library with CRuby in it.
struct RubyExecutable: RuntimeExecutable {
    /// As `ruby_version` has it: "3.1.7".
    let version: String
    let threadCurrent: ELFSymbol
    let nativeThread: ELFSymbol?
    let duringCollection: ELFSymbol?
    let places: RubyLoop.Places
    let file: ELFFile

    var loop: [Range<UInt64>] { places.loop }

    /// YJIT, since 3.1, and its successors.
    func makesCode(in mapping: Mapping) -> Bool { mapping.kind == .anonymous }

    func attach(to process: InspectedProcess) throws(RuntimeError) -> any AttachedRuntime {
        guard let parsed = RubyVersion(version), let layout = RubyLayout(parsed) else {
            throw RuntimeError(.unsupported, "version \(version) is not known")
        }
        if loop.isEmpty { throw RuntimeError(.unsupported, "rb_vm_exec was not found") }
        var collectorFlags: UInt64 = 0
        if let duringCollection {
            switch RubyCollector.find(duringCollection, file, bias: process.module.bias, memory: process.memory) {
            case .notReady: throw RuntimeError(.notReady, "Ruby has not been initialised yet")
            case .found(let address): collectorFlags = address
            case .notUnderstood: break
            }
        }
        let context = try RubyContext.offsets(self, parsed, layout, process)
        return AttachedRuby(
            memory: process.memory, layout: layout, context: context, collectorFlags: collectorFlags, places: places,
            file: file, bias: process.module.bias)
    }
}
