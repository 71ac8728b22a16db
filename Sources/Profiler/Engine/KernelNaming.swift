import ObjectFiles
import Symbolization

/// Names kernel addresses. Belongs to the naming thread.
final class KernelNaming {
    struct Place {
        /// The kernel or the module; nil for code that belongs to neither, such as BPF programs.
        var executable: ProfileExecutable?
        /// Distance from the executable's start, or from the symbol's where there is no executable.
        var offset: UInt64
        var function: String?
    }

    private let symbolizer: KernelSymbolizer?

    /// Reads the kernel's symbols. Where it shows none, frames stay without names, which is said once.
    init(log: Engine.Log) {
        do throws(KernelSymbolsError) {
            symbolizer = try KernelSymbolizer()
        } catch {
            symbolizer = nil
            log(.warning, "\(error)")
        }
    }

    /// Follows modules that came and went.
    func prepareForInterval() {
        _ = try? symbolizer?.reloadIfChanged()
    }

    func place(of address: UInt64) -> Place? {
        guard let match = symbolizer?.lookup(address) else { return nil }
        switch match.module.kind {
        case .kernel, .loadable:
            let module = match.module
            return Place(
                executable: ProfileExecutable(
                    fileName: module.name, fileID: module.fileID.hex, gnuBuildID: module.buildID?.hex),
                offset: address &- module.start, function: match.name)
        case .bpf, .builtIn:
            return Place(executable: nil, offset: address &- match.start, function: match.name)
        }
    }
}
