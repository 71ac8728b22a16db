import Glibc
import ObjectFiles
import Synchronization

/// Names kernel addresses with what the running kernel shows, and follows its changes.
///
/// Reading takes some 50 ms and blocks: load and reload on a thread of its own. Lookups may come from several threads.
public final class KernelSymbolizer: Sendable {
    /// Where the kernel shows its symbols; other folders in tests.
    public struct Paths: Sendable {
        public var symbols = "/proc/kallsyms"
        public var modules = "/proc/modules"
        public var kernelNotes = "/sys/kernel/notes"
        public var moduleFolder = "/sys/module"

        public init() {}
    }

    private struct State {
        var symbols: KernelSymbols
        var fingerprint: [UInt8]
        var loadTime: ContinuousClock.Instant
        /// Addresses without a name since the last load: new BPF programs do not appear among the modules.
        var misses: UInt64 = 0
        /// Loads one after the other that misses alone were the reason for.
        var loadsForMisses = 0
    }

    /// The interval between loads for misses doubles this often: 1 minute becomes 16. Some addresses never get a name.
    private static let maximumDoublings = 4

    private let paths: Paths
    private let state: Mutex<State>

    /// Reads the symbols. Throws `KernelSymbolsError` when there are none to be had.
    public init(paths: Paths = Paths()) throws(KernelSymbolsError) {
        self.paths = paths
        let fingerprint = (try? readAll(paths.modules, limitBytes: 1 << 20)) ?? []
        let symbols = try KernelSymbols(paths: paths)
        state = Mutex(State(symbols: symbols, fingerprint: fingerprint, loadTime: .now))
    }

    /// The symbols as they were last read.
    public var symbols: KernelSymbols { state.withLock { $0.symbols } }

    /// The symbol that holds a kernel address, which is a lookup address already (see `FrameAddress`).
    public func lookup(_ address: UInt64) -> KernelSymbolMatch? {
        state.withLock { state in
            let match = state.symbols.lookup(address)
            if match == nil { state.misses += 1 }
            return match
        }
    }

    /// Reads again when modules have come or gone, or when addresses had no name, the latter at most once within
    /// `missInterval` at first and more and more rarely then. Meant to be called every few seconds: without changes it
    /// reads `/proc/modules` only.
    /// - Returns: whether the symbols were read again. When reading fails, the earlier symbols stay.
    @discardableResult
    public func reloadIfChanged(missInterval: Duration = .seconds(60)) throws(KernelSymbolsError) -> Bool {
        let fingerprint = (try? readAll(paths.modules, limitBytes: 1 << 20)) ?? []
        let (isNeeded, loadsForMisses) = state.withLock { state -> (Bool, Int) in
            if state.fingerprint != fingerprint { return (true, 0) }
            let doublings = min(state.loadsForMisses, KernelSymbolizer.maximumDoublings)
            let isDue = state.loadTime.duration(to: .now) >= missInterval * (1 << doublings)
            return (state.misses > 0 && isDue, state.loadsForMisses + 1)
        }
        guard isNeeded else { return false }
        // Not under the lock, so that lookups go on meanwhile.
        let symbols = try KernelSymbols(paths: paths)
        state.withLock {
            $0 = State(
                symbols: symbols, fingerprint: fingerprint, loadTime: .now, loadsForMisses: loadsForMisses)
        }
        return true
    }
}

extension KernelSymbols {
    /// Reads `/proc/kallsyms`, and what the kernel tells of its modules.
    public init(paths: KernelSymbolizer.Paths = .init()) throws(KernelSymbolsError) {
        var parser = KernelSymbolsParser()
        parser.reserve(symbols: 160_000, nameBytes: 4 << 20)
        let path = paths.symbols
        do throws(ReadFailure) {
            try forEachChunk(path, chunkBytes: 1 << 20) { (chunk) throws(KernelSymbolsParser.Failure) in
                try parser.parse(chunk)
            }
            try parser.finishMapped()
        } catch {
            switch error {
            case .system(let code): throw KernelSymbolsError(kind: .unreadable(errno: code), path: path)
            case .limitExceeded: throw KernelSymbolsError(kind: .limitExceeded, path: path)
            }
        }
        if parser.lineCount == 0 { throw KernelSymbolsError(kind: .malformed, path: path) }
        if !parser.sawAddress { throw KernelSymbolsError(kind: .addressesHidden, path: path) }
        self.init(parser, facts: Self.facts(of: parser.moduleNames.dropFirst(), paths))
    }

    /// Addresses and sizes by `/proc/modules` ("name size references users state address"), build ids by the notes of
    /// each module; what cannot be read is left out. The kernel itself has the empty name.
    private static func facts(
        of modules: some Collection<String>, _ paths: KernelSymbolizer.Paths
    ) -> [String: ModuleFacts] {
        var facts: [String: ModuleFacts] = [:]
        facts[""] = ModuleFacts(buildID: buildID(paths.kernelNotes))
        for name in modules where KernelModule.Kind(moduleName: name) == .loadable && !name.contains("/") {
            facts[name] = ModuleFacts(
                buildID: buildID("\(paths.moduleFolder)/\(name)/notes/.note.gnu.build-id"))
        }
        let lines = (try? readAll(paths.modules, limitBytes: 1 << 20)) ?? []
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            let columns = line.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
            guard columns.count >= 6, facts[columns[0]] != nil, let address = UInt64(columns[5].dropFirst(2), radix: 16)
            else { continue }
            facts[columns[0]]?.start = address == 0 ? nil : address
            facts[columns[0]]?.sizeBytes = UInt64(columns[1])
        }
        return facts
    }

    private static func buildID(_ path: String) -> BuildID? {
        guard let bytes = try? readAll(path, limitBytes: 64 << 10) else { return nil }
        return ELFNote.parse(bytes).first {
            $0.owner == "GNU" && $0.type == 3 && (1...64).contains($0.descriptor.count)
        }
        .map { BuildID(bytes: $0.descriptor) }
    }
}

// MARK: - Files of the kernel, which have no size

private enum ReadFailure: Error {
    case system(errno: Int32)
    case limitExceeded
}

extension KernelSymbolsParser {
    fileprivate mutating func finishMapped() throws(ReadFailure) {
        do throws(Failure) { try finish() } catch { throw .limitExceeded }
    }
}

private func forEachChunk(
    _ path: String, chunkBytes: Int, _ body: (UnsafeRawBufferPointer) throws(KernelSymbolsParser.Failure) -> Void
) throws(ReadFailure) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(errno: errno) }
    defer { close(descriptor) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: chunkBytes, alignment: 16)
    defer { buffer.deallocate() }
    while true {
        let count = read(descriptor, buffer.baseAddress, buffer.count)
        if count < 0 {
            if errno == EINTR { continue }
            throw .system(errno: errno)
        }
        if count == 0 { return }
        do throws(KernelSymbolsParser.Failure) {
            try body(UnsafeRawBufferPointer(rebasing: buffer[0..<count]))
        } catch {
            throw .limitExceeded
        }
    }
}

private func readAll(_ path: String, limitBytes: Int) throws(ReadFailure) -> [UInt8] {
    var bytes: [UInt8] = []
    try forEachChunk(path, chunkBytes: 64 << 10) { (chunk) throws(KernelSymbolsParser.Failure) in
        if bytes.count + chunk.count > limitBytes { throw .limitExceeded }
        bytes.append(contentsOf: chunk)
    }
    return bytes
}
