import ObjectFiles
import RuntimeSupport

/// The function that has an activation for each time that C code enters the interpreter: rb_vm_exec (vm.c; vm_exec in 2.5).
/// It calls vm_exec_core, the loop proper, and code that was compiled at run time.
enum RubyLoop {
    /// Instructions that every version has; the next longest table, of the regular expressions, has some 100 entries.
    private static let instructions = 150

    /// ELF addresses.
    struct Places: Hashable, Sendable {
        /// rb_vm_exec: one range or two; none when it is not found.
        var loop: [Range<UInt64>] = []
        /// vm_exec_core.
        var core: Range<UInt64>?
    }

    /// - Parameter exported: rb_vm_exec, where the file exports it.
    static func find(in file: ELFFile, _ exported: ELFSymbol?) -> Places {
        var places = Places()
        places.core = LabelTable.function(in: file, atLeast: instructions)
        if let symbol = exported ?? file.symbols(named: ["rb_vm_exec"])["rb_vm_exec"], symbol.size > 0 {
            let (end, overflow) = symbol.value.addingReportingOverflow(symbol.size)
            if !overflow { places.loop = withColdPart(symbol.value..<end, file) }
        } else if let core = places.core {
            places.loop = caller(of: core, file).map { withColdPart($0, file) } ?? []
        }
        return places
    }

    /// As in a file that does not export it.
    static func caller(of core: Range<UInt64>, _ file: ELFFile) -> Range<UInt64>? {
        let callers = Callers.functions(calling: core.lowerBound, in: file).filter { $0 != core }
        guard callers.count > 1 else { return callers.first }
        // What handles exceptions may have become a function of its own: then it is called by the one wanted.
        let outer = callers.first { caller in
            callers.contains { $0 != caller && Callers.functions(calling: $0.lowerBound, in: file).contains(caller) }
        }
        return outer ?? callers.first
    }

    private static func withColdPart(_ hot: Range<UInt64>, _ file: ELFFile) -> [Range<UInt64>] {
        [hot] + (ColdPart.find(of: hot, in: file).map { [$0] } ?? [])
    }
}
