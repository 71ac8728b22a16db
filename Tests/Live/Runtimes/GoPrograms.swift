import LiveSupport

/// A tool chain of Go's that the test bed has, and a way to build with it.
struct GoInstallation: Sendable, CustomStringConvertible {
    enum Mode: String, Sendable, CaseIterable {
        case plain
        /// Without symbols and DWARF.
        case stripped
        /// At an address of the kernel's choice.
        case pie

        var options: String {
            switch self {
            case .plain: ""
            case .stripped: "-ldflags '-s -w'"
            case .pie: "-buildmode=pie"
            }
        }
    }

    /// The test bed's name for it.
    var name: String
    /// 1.27 is 27.
    var version: Int
    var mode: Mode

    var description: String { "\(name) \(mode)" }

    static let all: [GoInstallation] = [15, 19, 21, 24, 27].compactMap { version in
        let name = "go1.\(version)"
        guard TestBed.command(runtime: name, []) != nil else { return nil }
        return GoInstallation(name: name, version: version, mode: .plain)
    }

    static let modes: [GoInstallation] = all.flatMap { installation in
        Mode.allCases.map { GoInstallation(name: installation.name, version: installation.version, mode: $0) }
    }
}

extension GoInstallation {
    /// A command of the shell that builds a program; it leaves the path of Go's tool in `$go`.
    func build(_ source: String, as binary: String, usesC: Bool) -> String {
        // What is built runs as any program does: only Go is the test bed's.
        let root = TestBed.root(runtime: name) ?? ""
        return """
            go=$(ls -d \(root)/usr/lib/go-*/bin/go \(root)/go/bin/go 2>/dev/null | head -n 1) && \
            GOFLAGS= GOTOOLCHAIN=local GO111MODULE=off CGO_ENABLED=\(usesC ? 1 : 0) \
            "$go" build \(mode.options) -o \(binary) \(source) >&2
            """
    }

    /// Builds the program, and runs it.
    private func program(_ name: String, usesC: Bool, _ roles: [ManagedProgram.Role]) -> ManagedProgram {
        let binary = "/tmp/otelcol-\(self.name)-\(mode)-\(name)"
        return ManagedProgram(
            name: "\(self) \(name)", source: "go/\(name).go",
            command: ["sh", "-c", build("$0", as: binary, usesC: usesC) + " && exec \(binary)"], roles: roles)
    }

    private func frame(_ name: String, _ file: String, _ lines: ClosedRange<Int>) -> StackPattern.Element {
        .one(.nativeAt(name, file: file, lines: lines))
    }

    private var above: [StackPattern.Element] {
        // A signal that asks a goroutine to give way can come at any place: its handler's frames lie above.
        [
            .zeroOrMore(.kernel),
            .zeroOrMore(.either(.functionContaining("runtime."), .functionContaining("internal/"))),
        ]
    }

    /// Where goroutines begin.
    private var below: [StackPattern.Element] { [.one(.function("runtime.goexit"))] }

    /// Functions that are inlined, a leaf without a frame, recursion, a closure, two goroutines.
    var chain: ManagedProgram {
        let file = "chain.go"
        let leaf = frame("main.leaf", file, 15...20)
        let main: [StackPattern.Element] = [.one(.function("runtime.main"))] + below
        func role(
            _ busy: FramePattern, _ callers: [StackPattern.Element], _ end: [StackPattern.Element]
        ) -> ManagedProgram.Role {
            .init(busy: busy, stack: StackPattern(above + [leaf] + callers + end))
        }
        let apply = FramePattern.nativeAt("main.apply", file: file, lines: 52...52)
        return program(
            "chain", usesC: false,
            [
                role(
                    .function("main.c"),
                    [
                        frame("main.inlined", file, 24...24), frame("main.c", file, 29...29),
                        frame("main.b", file, 34...34), frame("main.a", file, 39...39),
                        frame("main.main", file, 65...65),
                    ], main),
                role(
                    .function("main.rec"),
                    [frame("main.rec", file, 45...45), .times(20, .nativeAt("main.rec", file: file, lines: 47...47))],
                    [
                        .one(.nativeAt("main.work", file: file, lines: 57...57)),
                        .one(.functionContaining("runtime/pprof.Do")), .zeroOrMore(.functionContaining("main.main")),
                    ] + below),
                role(
                    apply,
                    [.one(.functionContaining("main.main.func")), .one(apply), frame("main.main", file, 66...66)], main),
            ])
    }

    /// Go calls C, which calls Go.
    var callbacks: ManagedProgram {
        let file = "callbacks.go"
        let main: [StackPattern.Element] = [
            .oneOrMore(.functionContaining("main.")), .one(.function("runtime.main")),
        ] + below
        return program(
            "callbacks", usesC: true,
            [
                .init(
                    busy: .function("c_inner"),
                    stack: StackPattern(
                        above + [
                            .one(.function("c_inner")), .one(.function("c_outer")), .zeroOrMore(.native),
                            .one(.functionContaining("main.outer")),
                        ] + main)),
                .init(
                    busy: .nativeAt("main.inner", file: file, lines: 0...99),
                    stack: StackPattern(
                        above + [
                            frame("main.inner", file, 27...31), .one(.functionContaining("main.goCallback")),
                            .zeroOrMore(.native), .one(.function("c_outer")), .zeroOrMore(.native),
                            .one(.functionContaining("main.outer")),
                        ] + main)),
            ])
    }

    /// A goroutine whose labels are rewritten at random: they lead to themselves, to nothing, to the kernel's memory.
    var hostile: ManagedProgram {
        let file = "hostile.go"
        return program(
            "hostile", usesC: false,
            [
                .init(
                    busy: .function("main.leaf"),
                    stack: StackPattern(
                        above + [
                            frame("main.leaf", file, 20...25), frame("main.spin", file, 44...44),
                            frame("main.main", file, 57...57), .one(.function("runtime.main")),
                        ] + below))
            ])
    }

    var programs: [ManagedProgram] { mode == .plain ? [chain, callbacks, hostile] : [chain] }
}
