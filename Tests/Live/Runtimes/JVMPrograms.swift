import LiveSupport

/// A JDK that programs can be run with, in one of the ways that HotSpot runs them.
struct JVMInstallation: Sendable, CustomStringConvertible {
    enum Mode: String, Sendable, CaseIterable {
        /// Interpreted first, then compiled by C1, then by C2.
        case tiered
        case interpreted
        /// C1 only.
        case quick
        /// C2 only, nothing inlined, in one code heap.
        case plain
        case framePointers
        /// Loops without places to stop in them, and more of what runs described.
        case serial

        var options: [String] {
            switch self {
            case .tiered: []
            case .interpreted: ["-Xint"]
            case .quick: ["-XX:TieredStopAtLevel=1"]
            case .plain: ["-XX:-TieredCompilation", "-XX:-Inline", "-XX:ReservedCodeCacheSize=64m"]
            case .framePointers: ["-XX:+PreserveFramePointer"]
            case .serial: ["-XX:+UseSerialGC", "-XX:+UnlockDiagnosticVMOptions", "-XX:+DebugNonSafepoints"]
            }
        }
    }

    /// The test bed's name for it.
    var name: String
    var version: Int
    var mode: Mode

    var description: String { "\(name) \(mode)" }

    /// One for each version.
    static let all: [JVMInstallation] = [8, 11, 17, 21, 25, 26].compactMap { version in
        let name = "jdk\(version)"
        guard TestBed.command(runtime: name, []) != nil else { return nil }
        return JVMInstallation(name: name, version: version, mode: .tiered)
    }

    static let modes: [JVMInstallation] = all.flatMap { installation in
        Mode.allCases.map { JVMInstallation(name: installation.name, version: installation.version, mode: $0) }
    }
}

extension JVMInstallation {
    /// Until JDK 9 loops that count have no place to stop in, so that nothing says which inlined method they belong to.
    private var descriptions: [String] {
        version < 10 ? ["-XX:+UnlockDiagnosticVMOptions", "-XX:+DebugNonSafepoints"] : []
    }

    /// Compiles the program where that was not done yet, and runs it; its process id is its argument.
    private func program(_ name: String, _ roles: [ManagedProgram.Role]) -> ManagedProgram {
        let classes = "/tmp/otelcol-classes-\(self.name)"
        let script = """
            mkdir -p \(classes) && { [ \(classes)/\(name).class -nt $0 ] || javac -nowarn -d \(classes) $0; } && \
            exec java \((mode.options + descriptions).joined(separator: " ")) -cp \(classes) \(name) $$
            """
        return ManagedProgram(
            name: "\(self) \(name)", source: "jvm/\(name).java",
            command: TestBed.command(runtime: self.name, ["sh", "-c", script]) ?? [], roles: roles)
    }

    private func frame(_ name: String, _ file: String, _ lines: ClosedRange<Int>) -> StackPattern.Element {
        .one(.managed(name, file: file, lines: lines))
    }

    /// A thread's root: HotSpot's entry from native code.
    private var root: [StackPattern.Element] { [.functionContaining("StubRoutines"), .oneOrMore(.native)] }

    private func stack(_ elements: [StackPattern.Element]) -> StackPattern {
        StackPattern([.zeroOrMore(.kernel)] + elements + root)
    }

    private func role(
        _ name: String, _ file: String, _ lines: ClosedRange<Int>, _ callers: [StackPattern.Element]
    ) -> ManagedProgram.Role {
        let leaf = FramePattern.managed(name, file: file, lines: 0...999)
        return .init(
            busy: leaf,
            stack: stack([.zeroOrMore(.native), frame(name, file, lines)] + callers))
    }

    var busy: ManagedProgram {
        let file = "Busy.java"
        func main(_ line: Int) -> StackPattern.Element {
            frame("void Busy.main(java.lang.String[])", file, line...line)
        }
        return program(
            "Busy",
            [
                role(
                    "long Busy.leaf(int)", file, 19...21,
                    [
                        frame("long Busy.c(int)", file, 23...23), frame("long Busy.b(int)", file, 25...25),
                        frame("long Busy.a(int)", file, 27...27), main(59),
                    ]),
                role(
                    "long Busy.ofLambda(int)", file, 30...32,
                    [
                        frame("long Busy.lambda$main$0(long)", file, 52...52),
                        .functionContaining("long Busy$$Lambda"), main(60),
                    ]),
                role(
                    "long Busy.ofShape(int)", file, 13...15,
                    [
                        .one(
                            .either(
                                .managed("double Busy$Square.area(int)", file: file, lines: 8...8),
                                .either(
                                    .managed("double Busy$Circle.area(int)", file: file, lines: 9...9),
                                    .managed("double Busy$Triangle.area(int)", file: file, lines: 10...10)))),
                        main(61),
                    ]),
                role(
                    "long Busy.deepest(int)", file, 36...38,
                    [
                        .times(21, .managed("long Busy.rec(int, int)", file: file, lines: 40...40)),
                        frame("void Busy$Worker.run()", file, 45...45),
                    ]),
            ])
    }

    var between: ManagedProgram {
        let file = "Between.java"
        let stub = FramePattern.functionContaining("StubRoutines")
        return program(
            "Between",
            [
                role(
                    "long Between$Initialised.work()", file, 9...11,
                    [
                        frame("void Between$Initialised.<clinit>()", file, 15...15), .one(stub), .oneOrMore(.native),
                        .one(.functionContaining("java.lang.Class java.lang.Class.forName0")),
                        .oneOrMore(.functionContaining("java.lang.Class java.lang.Class.forName(")),
                        frame("void Between.main(java.lang.String[])", file, 62...62),
                    ]),
                .init(
                    busy: .functionContaining("java.util.zip.Deflater.deflateBytes"),
                    stack: stack([
                        .zeroOrMore(.native), .one(.functionContaining("java.util.zip.Deflater.deflateBytes")),
                        .oneOrMore(.functionContaining("int java.util.zip.Deflater.deflate(")),
                        frame("int Between$Compressor.compress(byte[], byte[])", file, 25...25),
                        frame("void Between$Compressor.run()", file, 34...34),
                    ])),
                .init(
                    busy: .managed("void Between$Copier.copy(byte[], byte[])", file: file, lines: 0...99),
                    stack: stack([
                        .zeroOrMore(.native), .optional(stub), .zeroOrMore(.native),
                        .optional(.functionContaining("void java.lang.System.arraycopy")),
                        frame("void Between$Copier.copy(byte[], byte[])", file, 41...42),
                        frame("void Between$Copier.run()", file, 49...49),
                    ])),
            ])
    }

    var virtual: ManagedProgram {
        let file = "Virtual.java"
        return program(
            "Virtual",
            [
                role(
                    "long Virtual.leaf(int)", file, 6...8,
                    [
                        .oneOrMore(.managed("void Virtual.deep(int)", file: file, lines: 12...18)),
                        .zeroOrMore(.anyManaged), .one(.functionContaining("jdk.internal.vm.Continuation.run()")),
                        .one(.functionContaining("java.lang.VirtualThread.runContinuation()")), .oneOrMore(.anyManaged),
                    ])
            ])
    }

    /// Classes that are made, compiled and unloaded.
    var churn: ManagedProgram { program("Churn", []) }

    var hasVirtualThreads: Bool { version >= 21 }

    var programs: [ManagedProgram] {
        mode == .tiered ? [busy, between] + (hasVirtualThreads ? [virtual] : []) : [busy]
    }
}
