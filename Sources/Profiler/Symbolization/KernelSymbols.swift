import ObjectFiles

/// Code of the kernel with a name of its own: the kernel itself, a module, compiled BPF programs.
public struct KernelModule: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case kernel
        case loadable
        /// Compiled BPF programs, which share one "module"; they have no file.
        case bpf
        /// Trampolines that ftrace and kprobes write at run time (`__builtin__ftrace`); they have no file.
        case builtIn
    }

    public var kind: Kind
    /// `vmlinux` for the kernel; otherwise the module's name.
    public var name: String
    /// First address, and the address after the last one, in the kernel's address space.
    public var start: UInt64
    public var end: UInt64
    public var buildID: BuildID?
    /// By FNV-1a of the build id's text, as other profilers identify kernels.
    public var fileID: FileID
}

/// The symbol that holds a kernel address.
public struct KernelSymbolMatch: Hashable, Sendable {
    public var name: String
    /// Address of the symbol.
    public var start: UInt64
    public var module: KernelModule
}

/// Why the kernel's symbols could not be read.
public struct KernelSymbolsError: Error, Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Equatable, Sendable {
        case unreadable(errno: Int32)
        /// The kernel shows every address as 0.
        case addressesHidden
        /// No line has the form of a symbol.
        case malformed
        /// More symbols or text than this reader is willing to hold.
        case limitExceeded
    }

    public var kind: Kind
    public var path: String

    public var description: String {
        switch kind {
        case .unreadable(let code): "\(path) cannot be read: errno \(code); kernel frames stay without names"
        case .addressesHidden:
            "\(path) hides addresses; kernel frames stay without names: run as root or with CAP_SYSLOG, and set "
                + "sysctl kernel.kptr_restrict to 0 or 1"
        case .malformed: "\(path) has no symbols; kernel frames stay without names"
        case .limitExceeded: "\(path) has more symbols than expected; kernel frames stay without names"
        }
    }
}

/// The names of the kernel's code at one moment, eight bytes and a name per symbol.
public struct KernelSymbols: Sendable {
    struct Symbol {
        /// Distance from the start of its group, in bytes.
        var offset: UInt32
        /// Where its name begins in `names`.
        var name: UInt32
    }

    /// Symbols of one module that follow each other in memory.
    struct Group {
        var start: UInt64
        /// The address after the last one that belongs to the group.
        var end: UInt64
        var firstSymbol: UInt32
        var symbolCount: UInt32
        var module: UInt32
    }

    let groups: [Group]
    let symbols: [Symbol]
    /// NUL-terminated.
    let names: [UInt8]
    public let modules: [KernelModule]

    /// How many addresses have a name.
    public var count: Int { symbols.count }
    public var sizeBytes: Int {
        symbols.count * MemoryLayout<Symbol>.stride + groups.count * MemoryLayout<Group>.stride + names.count
    }

    /// The symbol that holds `address`; nil outside of known code.
    public func lookup(_ address: UInt64) -> KernelSymbolMatch? {
        guard let group = group(of: address) else { return nil }
        let distance = address - group.start
        var low = Int(group.firstSymbol)
        var high = low + Int(group.symbolCount)
        let first = low
        while low < high {
            let middle = (low + high) / 2
            if UInt64(symbols[middle].offset) <= distance { low = middle + 1 } else { high = middle }
        }
        guard low > first else { return nil }
        let symbol = symbols[low - 1]
        let name = names[Int(symbol.name)...].prefix { $0 != 0 }
        return KernelSymbolMatch(
            name: String(decoding: name, as: UTF8.self), start: group.start + UInt64(symbol.offset),
            module: modules[Int(group.module)])
    }

    /// The module whose code holds `address`.
    public func module(containing address: UInt64) -> KernelModule? {
        group(of: address).map { modules[Int($0.module)] }
    }

    /// The kernel's own code from `_stext` to `_etext`; nil where `/proc/kallsyms` names neither.
    public var textRange: Range<UInt64>? {
        modules.first { $0.kind == .kernel }.map { $0.start..<max($0.start, $0.end) }
    }

    private func group(of address: UInt64) -> Group? {
        var low = 0
        var high = groups.count
        while low < high {
            let middle = (low + high) / 2
            if groups[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        guard low > 0, address < groups[low - 1].end else { return nil }
        return groups[low - 1]
    }
}
