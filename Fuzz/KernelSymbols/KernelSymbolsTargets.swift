import Symbolization

enum KernelSymbolsTargets {
    static let all = [
        FuzzTarget("kallsyms", seeds: { Corpus.procFile("/proc/kallsyms", limitBytes: 8 << 10) }) { bytes in
            guard let symbols = KernelSymbols(parsing: bytes) else { return }
            for address in [0, 0xffff_ffff_8100_0000, .max] as [UInt64] {
                _ = symbols.lookup(address)
                _ = symbols.module(containing: address)
            }
        }
    ]
}
