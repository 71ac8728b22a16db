import Foundation
import LiveSupport

/// A .NET that programs can be run with, in one of the ways in which it compiles code.
struct DotNetInstallation: Sendable, CustomStringConvertible {
    /// The test bed's name for it: "dotnet8".
    var name: String
    /// Environment of the runtime: "TieredCompilation=0".
    var setting: String
    var command: [String]

    var description: String { setting.isEmpty ? name : "\(name) \(setting)" }

    /// Programs are compiled by Mono's compiler, which needs no development kit.
    private static let isCompilerInstalled = TestBed.command(runtime: "mcs", []) != nil

    /// 8.0.4, and 8.0.15 as an application brings it with it.
    private static let names = ["dotnet8", "dotnet8-selfcontained"]
    /// What the test bed's application with a runtime of its own is called, and where it lies.
    private static let application = "CredentialProvider.Microsoft"
    private static let applicationFolder = "artifacts_keyring/plugins/plugins/netcore/\(application)"
    private var isSelfContained: Bool { name == "dotnet8-selfcontained" }

    /// Every method compiled at once and fully; loops without replacing methods while they run; nothing compiled ahead of
    /// time; memory that is writable and executable at a time.
    private static let settings = [
        "TieredCompilation=0", "TC_QuickJitForLoops=0", "ReadyToRun=0", "EnableWriteXorExecute=0", "TieredPGO=0",
    ]

    static let all: [DotNetInstallation] = names.compactMap { installation($0, setting: "") }
    static let modes: [DotNetInstallation] = all + names.prefix(1).flatMap { name in
        settings.compactMap { installation(name, setting: $0) }
    }

    private static func installation(_ name: String, setting: String) -> DotNetInstallation? {
        guard isCompilerInstalled, let command = TestBed.command(runtime: name, []) else { return nil }
        return DotNetInstallation(name: name, setting: setting, command: command)
    }

    private static let runtimeConfiguration = """
        { "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "8.0.0" },
          "rollForward": "Major", "configProperties": { "System.Globalization.Invariant": true } } }
        """

    /// The program of a source file: compiled into a folder of its own.
    func program(
        _ file: String, in folder: URL, options: [String] = [], _ roles: [ManagedProgram.Role]
    ) throws -> ManagedProgram {
        let stem = (file as NSString).deletingPathExtension
        let assembly = folder.appendingPathComponent("\(stem).dll").path
        if !FileManager.default.fileExists(atPath: assembly) {
            try FileManager.default.copyItem(
                atPath: "\(ManagedProgram.folder)/dotnet/\(file)", toPath: folder.appendingPathComponent(file).path)
            try Self.runtimeConfiguration.write(
                to: folder.appendingPathComponent("\(stem).runtimeconfig.json"), atomically: true, encoding: .utf8)
            let compiler = TestBed.command(runtime: "mcs", ["mcs", "-nologo", "-optimize+", "-out:\(stem).dll", file]) ?? []
            _ = try Command.runBlocking(compiler, folder: folder.path)
        }
        let assignment = setting.isEmpty ? "" : "DOTNET_\(setting) "
        let program =
            isSelfContained ? "'\(try Self.application(of: assembly, folder))'" : "dotnet '\(assembly)'"
        let script = "echo ready $$; \(assignment)exec \(program) \"$@\""
        return ManagedProgram(
            name: ([description, file] + options).joined(separator: " "), source: "dotnet/\(file)", command: command + ["sh", "-c", script], arguments: options,
            roles: roles)
    }
}

extension DotNetInstallation {
    /// The test bed's application with an assembly in place of its own.
    private static func application(of assembly: String, _ folder: URL) throws -> String {
        let copy = folder.appendingPathComponent("application").path
        if !FileManager.default.fileExists(atPath: copy) {
            let root = TestBed.root(runtime: "dotnet8-selfcontained") ?? ""
            _ = try Command.runBlocking(["cp", "-a", "\(root)/\(applicationFolder)", copy])
            _ = try Command.runBlocking(["cp", "--remove-destination", assembly, "\(copy)/\(application).dll"])
        }
        return "\(copy)/\(application)"
    }

    private func pattern(_ name: String) -> FramePattern { .managed("Demo.Busy.\(name)", file: "busy.dll", lines: 0...0) }
    private func frame(_ name: String) -> StackPattern.Element { .one(pattern(name)) }

    private func role(
        _ busy: String, _ frames: [StackPattern.Element], above root: [StackPattern.Element]
    ) -> ManagedProgram.Role {
        // At calls and returns the runtime's own code or a stub may be what is running.
        .init(
            busy: pattern(busy),
            stack: StackPattern([.zeroOrMore(.kernel), .zeroOrMore(.native), .zeroOrMore(.managedStub)] + frames + root))
    }

    /// A chain of calls, a generic class, overloads, interfaces, a lambda, a handler, and a call back out of the class library.
    func busy(in folder: URL) throws -> ManagedProgram {
        let main: [StackPattern.Element] = [frame("Main"), .oneOrMore(.native)]
        return try program(
            "busy.cs", in: folder,
            [
                role("C", [.zeroOrMore(pattern("Leaf")), frame("C"), frame("B"), frame("A")], above: main),
                role("Main.lambda_0", [.zeroOrMore(pattern("Leaf")), frame("Main.lambda_0")], above: main),
                role("Nested<T>.Gen(int)", [.zeroOrMore(.anyManaged), frame("Nested<T>.Gen(int)")], above: main),
                role(
                    "Nested<T>.Gen(int, T[], string)",
                    [.zeroOrMore(pattern("Leaf")), frame("Nested<T>.Gen(int, T[], string)")], above: main),
                role("Square.Area", [.zeroOrMore(pattern("Leaf")), frame("Square.Area")], above: main),
                role("Circle.Area", [.zeroOrMore(pattern("Leaf")), frame("Circle.Area")], above: main),
                role(
                    "Finally", [.zeroOrMore(pattern("Leaf")), .one(pattern("Finally")), .zeroOrMore(pattern("Finally"))],
                    above: main),
                role(
                    "Compare", [.zeroOrMore(pattern("Leaf")), frame("Compare"), .oneOrMore(.managedLibrary)], above: main),
            ])
    }

    /// Recursion in a thread, whose first method the class library calls or jumps to.
    func worker(in folder: URL) throws -> ManagedProgram {
        let stack = [frame("Leaf"), .times(21, pattern("Rec")), frame("Main.lambda_1"), .zeroOrMore(.managedLibrary)]
        return try program(
            "busy.cs", in: folder, options: ["worker"], [role("Leaf", stack, above: [.oneOrMore(.native)])])
    }

    /// Statements in lines of their own, of an assembly with its symbols beside it or within it. The lines of callers are
    /// those that .NET prints of the same program, as it does once.
    func lines(in folder: URL, symbolsWithin: Bool) throws -> ManagedProgram {
        let corpus = "\(ManagedProgram.folder)/../../../Fuzz/Corpus"
        let own = folder.appendingPathComponent(symbolsWithin ? "symbols-within" : "symbols-beside")
        if !FileManager.default.fileExists(atPath: own.path) {
            try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
            try Self.runtimeConfiguration.write(
                to: own.appendingPathComponent("lines.runtimeconfig.json"), atomically: true, encoding: .utf8)
            let copies =
                symbolsWithin
                ? [("dotnet-assembly/embedded.dll", "lines.dll")]
                : [("dotnet-assembly/lines.dll", "lines.dll"), ("dotnet-symbols/lines.pdb", "lines.pdb")]
            for (from, to) in copies {
                try FileManager.default.copyItem(
                    atPath: "\(corpus)/\(from)", toPath: own.appendingPathComponent(to).path)
            }
        }
        func at(_ name: String, _ lines: ClosedRange<Int>) -> FramePattern {
            .managed("Demo.\(name)", file: "lines.cs", lines: lines)
        }
        func role(_ call: Int) -> ManagedProgram.Role {
            .init(
                busy: at("Lines<T>.Calls", call...call),
                stack: StackPattern([
                    .zeroOrMore(.kernel), .zeroOrMore(.native), .zeroOrMore(.managedStub),
                    .zeroOrMore(at("Lines<T>.Loop", 10...14)), .one(at("Lines<T>.Calls", call...call)),
                    .one(at("Program.Recurse", 41...41)), .times(5, at("Program.Recurse", 43...43)),
                    .one(at("Program.Main.lambda_0", 53...53)), .one(at("Program.Main", 57...57)), .oneOrMore(.native),
                ]))
        }
        let assignment = setting.isEmpty ? "" : "DOTNET_\(setting) "
        let script = "echo ready $$; \(assignment)exec dotnet '\(own.appendingPathComponent("lines.dll").path)' \"$@\""
        return ManagedProgram(
            name: "\(description) lines.cs\(symbolsWithin ? ", symbols within" : "")", source: "dotnet/lines.cs",
            command: command + ["sh", "-c", script], roles: [role(20), role(22)])
    }

    func programs(in folder: URL) throws -> [ManagedProgram] {
        var programs = [try busy(in: folder), try worker(in: folder)]
        if !isSelfContained { programs.append(try lines(in: folder, symbolsWithin: false)) }
        if !isSelfContained, setting.isEmpty { programs.append(try lines(in: folder, symbolsWithin: true)) }
        return programs
    }
}

extension FramePattern {
    /// Code of the class library.
    fileprivate static var managedLibrary: FramePattern { .functionContaining("System.") }
    fileprivate static var managedStub: FramePattern { .functionContaining("[stub") }
}
