import BEAMRuntime
import CBPFInterface
import DotNetRuntime
import JVMRuntime
import ObjectFiles
import PerlRuntime
import PHPRuntime
import PythonRuntime
import RubyRuntime
import RuntimeSupport
import V8Runtime

/// The one list of managed runtimes.
let managedRuntimes: [any Runtime] = [
    BEAMRuntime(),
    DotNetRuntime(),
    JVMRuntime(),
    PerlRuntime(),
    PHPRuntime(),
    PythonRuntime(),
    RubyRuntime(),
    V8Runtime(),
]

/// A runtime that an executable holds.
struct FoundRuntime: Sendable {
    var kind: RuntimeKind
    var executable: any RuntimeExecutable

    /// Nil when the file holds none of those known.
    init?(in file: ELFFile, path: String) {
        for runtime in managedRuntimes {
            guard let executable = runtime.inspect(file, path: path) else { continue }
            kind = runtime.kind
            self.executable = executable
            return
        }
        return nil
    }

    /// Fills in what the kernel side must know of the executable.
    func describe(in record: inout executable) {
        record.unwinder = UInt8(truncatingIfNeeded: kind.unwinder)
        let ranges = executable.loop.prefix(2).map { code_range(start: $0.lowerBound, length: UInt64($0.count)) }
        record.loop = (ranges.first ?? code_range(), ranges.dropFirst().first ?? code_range())
    }
}

extension RuntimeKind {
    /// Its bit in `struct process`.
    var bit: UInt32 { 1 << unwinder }
}

/// A frame of a managed runtime, as the kernel side records it.
struct RuntimeFrame: Hashable, Sendable {
    /// `enum frame_kind`.
    var kind: UInt8
    var attachment: UInt32
    var words: [UInt64]
}
