import CBPFInterface
import ObjectFiles
import Processes
import RuntimeSupport

/// Perl 5.28 to 5.42.
public struct PerlRuntime: Runtime {
    public init() {}

    public var kind: RuntimeKind {
        RuntimeKind(
            name: "Perl", frameType: "perl", frameKind: UInt8(FRAME_PERL.rawValue), unwinder: UNWINDER_PERL.rawValue,
            objectName: "perl", programName: "unwind_perl", processesMapName: "perl_processes")
    }

    private static let loopName = "Perl_runops_standard"
    /// The loop of `perl -D`.
    private static let debugLoopName = "Perl_runops_debug"
    private static let versionNames = ["PL_revision", "PL_version", "PL_subversion"]

    private static let symbolNames = Set(
        versionNames + [
            loopName, debugLoopName, "PL_thr_key", "PL_curinterp", "PL_op", "PL_curcop", "PL_curstackinfo",
            "PL_top_env",
        ])

    public func inspect(_ file: ELFFile, path: String) -> (any RuntimeExecutable)? {
        let fileName = path.split(separator: "/").last ?? ""
        // Perl is embedded under any name; where nothing is exported, the name has to tell.
        var symbols = file.exportedSymbols(named: PerlRuntime.symbolNames)
        if symbols[PerlRuntime.loopName] == nil, fileName.contains("perl") {
            symbols = file.symbols(named: PerlRuntime.symbolNames)
        }
        guard let loop = symbols[PerlRuntime.loopName], loop.size > 0 else { return nil }
        let numbers = PerlRuntime.versionNames.compactMap { name in
            symbols[name].flatMap { try? file.read(atAddress: $0.value, count: 1) }?.first
        }
        guard numbers.count == 3 else { return nil }
        let loops = [loop, symbols[PerlRuntime.debugLoopName]].compactMap { $0 }.compactMap(PerlRuntime.range)
        return PerlExecutable(
            stated: PerlVersion(revision: numbers[0], version: numbers[1], subversion: numbers[2]),
            addresses: symbols.mapValues(\.value), loop: loops)
    }

    private static func range(_ symbol: ELFSymbol) -> Range<UInt64>? {
        let (end, overflow) = symbol.value.addingReportingOverflow(symbol.size)
        return overflow || symbol.size == 0 ? nil : symbol.value..<end
    }
}

/// An executable or library with Perl in it.
struct PerlExecutable: RuntimeExecutable {
    let stated: PerlVersion
    /// ELF addresses of symbols.
    let addresses: [String: UInt64]
    let loop: [Range<UInt64>]

    var version: String { "\(stated)" }

    func attach(to process: InspectedProcess) throws(RuntimeError) -> any AttachedRuntime {
        guard let layout = PerlLayout(stated) else {
            throw RuntimeError(.unsupported, "version \(stated) is not known")
        }
        let interpreter = PerlInterpreter(memory: process.memory, layout: layout)
        let bias = process.module.bias
        let places: AttachedPerl<RemoteMemory>.Places
        if let key = addresses["PL_thr_key"], let current = addresses["PL_curinterp"] {
            places = try threaded(process, layout, interpreter, key: key &+ bias, current: current &+ bias)
        } else if let op = addresses["PL_op"], let cop = addresses["PL_curcop"],
            let stack = addresses["PL_curstackinfo"]
        {
            try interpreter.check(stackInfo: stack &+ bias, currentCop: cop &+ bias)
            places = .init(
                interpreter: [], op: op &+ bias, currentCop: cop &+ bias, stackInfo: stack &+ bias,
                topEnvironment: addresses["PL_top_env"].map { $0 &+ bias } ?? 0)
        } else {
            throw RuntimeError(.unsupported, "neither PL_thr_key nor PL_curstackinfo is among its symbols")
        }
        return AttachedPerl(memory: process.memory, layout: layout, places: places)
    }

    /// - Parameters:
    ///   - key: process address of `PL_thr_key`, by which a thread has its interpreter.
    ///   - current: process address of `PL_curinterp`: the first one.
    private func threaded(
        _ process: InspectedProcess, _ layout: PerlLayout, _ interpreter: PerlInterpreter<RemoteMemory>, key: UInt64,
        current: UInt64
    ) throws(RuntimeError) -> AttachedPerl<RemoteMemory>.Places {
        let first: UInt64
        let number: UInt32
        do {
            first = try process.memory.read(at: current, as: UInt64.self)
            number = try process.memory.read(at: key, as: UInt32.self)
        } catch {
            throw RuntimeError(error)
        }
        guard first != 0 else { throw RuntimeError(.notReady, "Perl has not been initialised yet") }
        let stackInfo = UInt64(layout.interpreterStackInfo), cop = UInt64(layout.interpreterCurrentCop)
        try interpreter.check(stackInfo: first &+ stackInfo, currentCop: first &+ cop)
        guard let offsets = try ThreadSpecificData.find(in: process).offsets(of: number) else {
            throw RuntimeError(.unsupported, "thread-specific key \(number) is out of range")
        }
        return .init(
            interpreter: offsets, op: UInt64(layout.interpreterOp), currentCop: cop, stackInfo: stackInfo,
            topEnvironment: interpreter.topEnvironmentOffset(of: first))
    }
}
