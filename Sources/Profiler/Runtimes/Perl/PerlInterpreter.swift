import CBPFInterface
import Processes
import RuntimeSupport

/// The process's first interpreter, read to make sure that the layout is the one this build has.
struct PerlInterpreter<Memory: MemoryReader> {
    let memory: Memory
    let layout: PerlLayout

    /// A process that runs may change what is being read.
    private static var attempts: Int { 3 }
    /// Stacks that are followed, contexts that are looked at, and environments in a chain.
    private static var stackLimit: Int { 64 }
    private static var contextLimit: Int { 64 }
    private static var environmentLimit: Int { 256 }
    /// Where `PL_top_env` is looked for in the interpreter: its place depends on how the build was configured.
    private static var environmentOffsets: StrideTo<Int> { stride(from: 0x200, to: 0x500, by: 8) }

    /// Checks that what lies at the addresses can be what it should be.
    ///
    /// - Parameters:
    ///   - stackInfo: of `PL_curstackinfo`.
    ///   - currentCop: of `PL_curcop`.
    /// - Throws: `RuntimeError`: `.notReady` where there is no interpreter yet, `.unsupported` where the layout
    ///   does not fit.
    func check(stackInfo: UInt64, currentCop: UInt64) throws(RuntimeError) {
        var misfit: Misfit?
        for _ in 0..<PerlInterpreter.attempts {
            do {
                var stack = try memory.read(at: stackInfo, as: UInt64.self)
                let cop = try memory.read(at: currentCop, as: UInt64.self)
                guard stack != 0, cop != 0 else { throw RuntimeError(.notReady, "Perl has not been initialised yet") }
                try require(isReadable(cop, Int(PERL_COP_BYTES)), "its statement")
                for _ in 0..<PerlInterpreter.stackLimit where stack != 0 { stack = try checkStack(stack) }
                return
            } catch let error as Misfit {
                misfit = error
            } catch let error as MemoryReadError {
                // What an initialised interpreter refers to is there.
                guard error.kind == .unreadable, error.address != stackInfo, error.address != currentCop else {
                    throw RuntimeError(error)
                }
                misfit = Misfit(what: "what its stack leads to")
            } catch {
                throw error as? RuntimeError ?? RuntimeError(.unreadable, "\(error)")
            }
        }
        throw RuntimeError(.unsupported, "\(misfit?.what ?? "its state") is not where this version has it")
    }

    /// - Returns: the address of the stack that it was pushed onto; 0 for the first.
    private func checkStack(_ stack: UInt64) throws -> UInt64 {
        try require(isReadable(stack, Int(PERL_STACK_INFO_BYTES)), "its stack")
        let previous = try memory.read(at: stack &+ UInt64(layout.stackInfoPrevious), as: UInt64.self)
        let contexts = try memory.read(at: stack &+ UInt64(layout.stackInfoContexts), as: UInt64.self)
        let last = try memory.read(at: stack &+ UInt64(layout.stackInfoContext), as: Int32.self)
        let type = try memory.read(at: stack &+ UInt64(layout.stackInfoType), as: Int32.self)
        // PERLSI_UNKNOWN to PERLSI_CONSTRUCTOR; the first stack is PERLSI_MAIN.
        try require((-1...15).contains(type) && (previous != 0 || type == 1), "the kind of its stack")
        try require((-1..<(1 << 28)).contains(last) && contexts & 7 == 0, "its contexts")
        guard last >= 0 else { return previous }
        // The last one may be being made.
        for index in 0..<min(Int(last), PerlInterpreter.contextLimit) {
            let context = contexts &+ UInt64(index * layout.contextBytes)
            let kind = try memory.read(at: context, as: UInt8.self) & 15
            try require(kind <= 13, "the kind of a context")
            let isSubstitution = kind == 12
            let cop = try memory.read(at: context &+ UInt64(layout.contextOldCop), as: UInt64.self)
            let isStatement = cop & 7 == 0 && isReadable(cop, Int(PERL_COP_BYTES))
            try require(isSubstitution || isStatement, "a context's statement")
        }
        return previous
    }

    private func isReadable(_ address: UInt64, _ count: Int) -> Bool {
        (try? memory.readBytes(at: address, count: count)) != nil
    }

    private func require(_ condition: Bool, _ what: String) throws {
        if !condition { throw Misfit(what: what) }
    }

    /// Offset of `PL_top_env` in the interpreter, 0 when it is not found: the innermost of the environments that `die`
    /// jumps to, each of which leads to the one around it, up to one in the interpreter, right behind that pointer.
    func topEnvironmentOffset(of interpreter: UInt64) -> UInt64 {
        for offset in PerlInterpreter.environmentOffsets {
            let outermost = interpreter &+ UInt64(offset + 8)
            guard var environment = try? memory.read(at: interpreter &+ UInt64(offset), as: UInt64.self)
            else { return 0 }
            for _ in 0..<PerlInterpreter.environmentLimit where environment & 7 == 0 && environment != 0 {
                if environment == outermost {
                    let isLast = (try? memory.read(at: environment, as: UInt64.self)) == 0
                    if isLast { return UInt64(offset) }
                    break
                }
                environment = (try? memory.read(at: environment, as: UInt64.self)) ?? 0
            }
        }
        return 0
    }
}

/// What cannot be as the layout has it.
private struct Misfit: Error {
    var what: String
}
