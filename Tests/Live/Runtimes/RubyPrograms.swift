import LiveSupport

/// A CRuby that programs can be run with.
struct RubyInstallation: Sendable, CustomStringConvertible {
    /// The test bed's name for it: "ruby3.3".
    var name: String
    var major: Int
    var minor: Int
    /// Runs the script that is appended to it.
    var command: [String]

    var description: String { name }

    static let all: [RubyInstallation] = [(2, 7), (3, 1), (3, 3), (3, 4)].compactMap { major, minor in
        let name = "ruby\(major).\(minor)"
        return TestBed.command(runtime: name, [name, "-W0"]).map {
            RubyInstallation(name: name, major: major, minor: minor, command: $0)
        }
    }

    func isAtLeast(_ major: Int, _ minor: Int) -> Bool { (self.major, self.minor) >= (major, minor) }
}

extension RubyInstallation {
    func program(_ file: String, options: [String] = [], _ roles: [ManagedProgram.Role]) -> ManagedProgram {
        ManagedProgram(name: "\(name) \(file)", source: "ruby/\(file)", command: command + options, roles: roles)
    }

    /// Since 3.3 methods have the names of their classes; `*` says where, if not at the start.
    private func pattern(
        _ text: String, of classPrefix: String, _ file: String, _ lines: ClosedRange<Int>
    ) -> FramePattern {
        let prefix = isAtLeast(3, 3) ? classPrefix : ""
        let parts = text.split(separator: "*", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.count == 2 ? parts[0] + prefix + parts[1] : prefix + text
        return .managed(String(name), file: file, lines: lines)
    }

    private func frame(
        _ text: String, of classPrefix: String = "", _ file: String, _ lines: ClosedRange<Int>
    ) -> StackPattern.Element {
        .one(pattern(text, of: classPrefix, file, lines))
    }

    private func cFunction(_ text: String, of classPrefix: String) -> StackPattern.Element {
        frame(text, of: classPrefix, "<cfunc>", 0...0)
    }

    private var native: StackPattern.Element { .oneOrMore(.native) }

    private func stack(_ elements: [StackPattern.Element]) -> StackPattern {
        StackPattern([.zeroOrMore(.kernel), .zeroOrMore(.native)] + elements + [.oneOrMore(.native)])
    }

    /// Methods, a class's own method, a block that a C function calls, recursion.
    var calls: ManagedProgram {
        let file = "calls.rb"
        return program(
            file,
            [
                .init(
                    busy: pattern("leaf", of: "Foo#", file, 1...99),
                    stack: stack([
                        frame("leaf", of: "Foo#", file, 3...3), frame("a", of: "Foo#", file, 4...4),
                        frame("sm", of: "Foo.", file, 5...5), frame("block in *c", of: "Object#", file, 8...8), native,
                        cFunction("each", of: "Array#"), frame("c", of: "Object#", file, 8...8),
                        frame("c", of: "Object#", file, 9...9), frame("c", of: "Object#", file, 9...9),
                        frame("<main>", file, 11...11),
                    ]))
            ])
    }

    /// A C function that calls nobody back.
    var cLeaf: ManagedProgram {
        let file = "leaf_c.rb"
        return program(
            file,
            [
                .init(
                    busy: pattern("sum", of: "String#", "<cfunc>", 0...0),
                    stack: stack([
                        cFunction("sum", of: "String#"), frame("leaf_c", of: "Object#", file, 2...2),
                        frame("a", of: "Object#", file, 3...3), frame("<main>", file, 4...4),
                    ]))
            ])
    }

    /// Two threads that share the interpreter's lock.
    var threads: ManagedProgram {
        let file = "threads.rb"
        return program(
            file,
            [
                .init(
                    busy: pattern("first", of: "Object#", file, 1...99),
                    stack: stack([
                        frame("spin", of: "Object#", file, 2...2), frame("first", of: "Object#", file, 3...3),
                        frame("block in <main>", file, 5...5),
                    ])),
                .init(
                    busy: pattern("second", of: "Object#", file, 1...99),
                    stack: stack([
                        frame("spin", of: "Object#", file, 2...2), frame("second", of: "Object#", file, 4...4),
                        frame("<main>", file, 6...6),
                    ])),
            ])
    }

    /// A fiber, in which an exception has been rescued.
    var fibers: ManagedProgram {
        let file = "fibers.rb"
        return program(
            file,
            [
                .init(
                    busy: pattern("busy", of: "Work.", file, 1...99),
                    stack: stack([
                        frame("busy", of: "Work.", file, 3...3), frame("rescue in *risky", of: "Object#", file, 9...9),
                        frame("risky", of: "Object#", file, 5...6), frame("block (2 levels) in <main>", file, 14...14),
                        native, cFunction("map", of: "Array#"), frame("block in <main>", file, 14...14),
                    ]))
            ])
    }

    /// Methods of modules, of a class itself, made of blocks, under another name, calling the ancestor's; `eval`; C functions
    /// that call each other.
    var definitions: ManagedProgram {
        let file = "definitions.rb"
        let evaluated = isAtLeast(3, 3) ? "(eval at definitions.rb:17)" : "(eval)"
        // Calling a method that was made of a block leaves the loop until 3.2.
        let blockCall: StackPattern.Element = isAtLeast(3, 3) ? .times(0, .native) : native
        return program(
            file,
            [
                .init(
                    busy: pattern("inner", of: "Base.", file, 1...99),
                    stack: stack([
                        frame("inner", of: "Base.", file, 8...8), frame("block in <class:Base>", file, 10...10), blockCall,
                        frame("block (3 levels) in <main>", evaluated, 1...1), frame("shared", of: "Shared#", file, 3...3),
                        frame("block (2 levels) in <main>", evaluated, 1...1), native, cFunction("each", of: "Array#"),
                        cFunction("each_with_index", of: "Enumerable#"),
                        frame(isAtLeast(3, 4) ? "<compiled>" : "block in <main>", evaluated, 1...1), native,
                        cFunction("eval", of: "Kernel#"), frame("block in <main>", file, 17...17),
                        frame("shared", of: "Shared#", file, 3...3), frame("shared", of: "Derived#", file, 14...14),
                        frame("<main>", file, 17...17),
                    ]))
            ])
    }

    /// Names and a file name that are not ASCII.
    var unicode: ManagedProgram {
        let file = "größe.rb"
        return program(
            file,
            [
                .init(
                    busy: pattern("größe", of: "Länge#", file, 1...99),
                    stack: stack([
                        frame("größe", of: "Länge#", file, 5...5), frame("测量", of: "Länge#", file, 7...7),
                        frame("<main>", file, 9...9),
                    ]))
            ])
    }

    /// 702 frames in one activation.
    var recursion: ManagedProgram {
        let file = "recursion.rb"
        let descend = pattern("descend", of: "Object#", file, 2...7)
        return program(
            file, [.init(busy: descend, stack: stack([.times(701, descend), frame("<main>", file, 9...9)]))])
    }

    /// The garbage collector at work.
    var collector: ManagedProgram {
        let file = "collector.rb"
        let collecting = FramePattern.managed("(garbage collection)", file: "<gc>", lines: 0...0)
        return program(
            file,
            [
                .init(
                    busy: collecting,
                    stack: stack([
                        .one(.anyManaged), .one(collecting), .zeroOrMore(.either(.native, .anyManaged)),
                        frame("churn", of: "Object#", file, 2...2), frame("<main>", file, 3...3),
                    ]))
            ])
    }

    /// Two threads at once, each with an interpreter's lock of its own.
    var ractors: ManagedProgram {
        let file = "ractors.rb"
        return program(
            file,
            [
                .init(
                    busy: pattern("inside", of: "Object#", file, 1...99),
                    stack: stack([
                        frame("spin", of: "Object#", file, 2...2), frame("inside", of: "Object#", file, 3...3),
                        frame("block in <main>", file, 4...4),
                    ])),
                .init(
                    busy: .managed("<main>", file: file, lines: 1...99),
                    stack: stack([frame("spin", of: "Object#", file, 2...2), frame("<main>", file, 5...5)])),
            ])
    }

    /// Methods that YJIT has compiled, and between them a C function that calls a block.
    var compiled: ManagedProgram {
        let file = "compiled.rb"
        let jump = StackPattern.Element.zeroOrMore(.native)
        return program(
            file, options: ["--yjit", "--yjit-call-threshold=2"],
            [
                .init(
                    busy: pattern("leaf", of: "Work#", file, 1...99),
                    stack: stack([
                        frame("leaf", of: "Work#", file, 3...11), jump, frame("middle", of: "Work#", file, 12...12), jump,
                        frame("block in *each_one", of: "Work#", file, 13...13), native, cFunction("each", of: "Array#"),
                        jump, frame("each_one", of: "Work#", file, 13...13), jump, frame("<main>", file, 16...16),
                    ]))
            ])
    }

    /// Methods that are made, run and freed all the time: each has its own name in a file of its own.
    var churn: ManagedProgram { program("churn.rb", []) }

    /// As in a container; nil for interpreters that the test bed does not have.
    var contained: ManagedProgram? {
        guard let command = TestBed.command(runtime: name, isContained: true, [name, "-W0"]) else { return nil }
        var program = calls
        program.name += " contained"
        program.command = command
        return program
    }

    /// Rewrites its control frames while they are followed.
    var hostile: ManagedProgram { program("hostile.rb", []) }

    /// Those whose every frame is known.
    var programs: [ManagedProgram] {
        [calls, cLeaf, threads, fibers, definitions, unicode, recursion, collector]
            + (isAtLeast(3, 1) ? [ractors] : []) + (name == "ruby3.1" ? [compiled] : [])
    }
}
