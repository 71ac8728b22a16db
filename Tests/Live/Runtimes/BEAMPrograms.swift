import Glibc
import LiveSupport

/// An Erlang that programs can be run with, with some options of its emulator.
struct BEAMInstallation: Sendable, CustomStringConvertible {
    /// The test bed's name for it.
    var name: String
    /// OTP's release.
    var release: Int
    /// What the emulator is told.
    var options: [String] = []
    var command: [String]

    var description: String { ([name] + options).joined(separator: " ") }

    /// One for each release.
    static let all: [BEAMInstallation] = [25, 27, 29].compactMap { release in
        installation(release, [])
    }

    /// With frame pointers; with code that is mapped once, writable, as can be told since 26.
    static let modes: [BEAMInstallation] = all.flatMap { erlang in
        [erlang]
            + [["+JPperf", "true"], ["+JMsingle", "true"]].compactMap { options in
                options[0] == "+JMsingle" && erlang.release < 26 ? nil : installation(erlang.release, options)
            }
    }

    private static func installation(_ release: Int, _ options: [String]) -> BEAMInstallation? {
        let name = "erlang\(release)"
        return TestBed.command(runtime: name, ["sh", "run.sh"] + options).map {
            BEAMInstallation(name: name, release: release, options: options, command: $0)
        }
    }
}

extension BEAMInstallation {
    private func program(_ file: String, _ roles: [ManagedProgram.Role]) -> ManagedProgram {
        ManagedProgram(name: "\(self) \(file)", source: "beam/\(file)", command: command, roles: roles)
    }

    private func frame(_ name: String, _ file: String, _ lines: ClosedRange<Int>) -> FramePattern {
        .managed(name, file: file, lines: lines)
    }

    /// What a process that the emulator was told to run at its start began with.
    private var start: [StackPattern.Element] {
        [
            .oneOrMore(.anyManaged), .one(frame("init:start_it/1", "", 0...0)),
            .one(frame("init:start_em/1", "", 0...0)), .one(frame("init:do_boot/3", "", 0...0)),
        ]
    }

    /// The emulator's own work ahead of the frames.
    private var leaf: [StackPattern.Element] { [.zeroOrMore(.kernel), .zeroOrMore(.native)] }

    /// Calls, recursion, functions without names, a list function, in two processes: each of the functions that the time
    /// goes to is the end of another way.
    var busy: ManagedProgram {
        let file = "busy.erl"
        let loop = StackPattern.Element.one(frame("busy:loop/1", file, 42...46))
        let map = frame("lists:map/2", "lists.erl", 1...9999), step = frame("lists:map_1/2", "lists.erl", 1...9999)
        func role(
            _ name: String, _ lines: ClosedRange<Int>, _ callers: [StackPattern.Element]
        ) -> ManagedProgram.Role {
            let work = frame(name, file, lines)
            return .init(
                busy: .managed(name, file: file, lines: 0...99), stack: StackPattern(leaf + [.one(work)] + callers))
        }
        return program(
            file,
            [
                role(
                    "busy:called/2", 6...8,
                    [
                        .one(frame("busy:c/1", file, 23...23)), .one(frame("busy:b/1", file, 26...26)),
                        .one(frame("busy:a/1", file, 29...29)), loop,
                    ] + start),
                // The last function of its module.
                role(
                    "busy:applied/2", 10...12,
                    [.one(frame("busy:-loop/1-fun-0-/1", file, 41...41)), loop] + start),
                // The function without a name is left when it calls.
                role("busy:mapped/2", 14...16, [.zeroOrMore(step), .one(map), loop] + start),
                role(
                    "busy:deep/2", 18...20,
                    [.times(20, frame("busy:rec/2", file, 34...34)), .one(frame("busy:worker/0", file, 37...37))]),
            ])
    }

    /// What precedes a function that calls one in C: that one, and fragments before and behind it.
    private var called: [StackPattern.Element] { leaf + [.zeroOrMore(.fragment)] }

    /// Functions in C do the work: one that Erlang calls, one that compiled code calls by itself, the garbage collector.
    var natives: ManagedProgram {
        let file = "natives.erl"
        func one(_ name: String, _ lines: ClosedRange<Int>) -> StackPattern.Element { .one(frame(name, file, lines)) }
        return program(
            file,
            [
                .init(
                    busy: .managed("natives:digest/1", file: file, lines: 0...99),
                    stack: StackPattern(
                        called + [one("natives:digest/1", 7...7), one("natives:digests/1", 23...23)] + start)),
                .init(
                    busy: .managed("natives:compare/2", file: file, lines: 0...99),
                    stack: StackPattern(
                        called + [
                            one("natives:compare/2", 10...10), one("natives:comparisons/2", 27...27),
                        ])),
                .init(
                    busy: .managed("natives:build/2", file: file, lines: 0...99),
                    stack: StackPattern(
                        called + [
                            one("natives:build/2", 14...16), one("natives:collect/0", 19...19),
                            one("natives:collections/0", 31...31),
                        ])),
            ])
    }

    /// Processes that wait for one another.
    var switching: ManagedProgram { program("switching.erl", []) }

    /// Modules that are made, loaded, run and purged.
    var churn: ManagedProgram { program("churn.erl", []) }

    /// Names that are not ASCII, and a module as Elixir names them.
    var größe: ManagedProgram {
        let file = "größe.erl"
        return program(
            file,
            [
                .init(
                    busy: .managed("Größe.Länge.höhe?/2", file: file, lines: 0...99),
                    stack: StackPattern(
                        leaf + [
                            .one(frame("Größe.Länge.höhe?/2", file, 5...7)),
                            .one(frame("Größe.Länge.日本語 a:b/c/1", file, 10...10)),
                            .one(frame("Größe.Länge.main/0", file, 13...13)),
                        ] + start))
            ])
    }
}

extension FramePattern {
    /// Code of Erlang's emulator that modules share.
    static let fragment = FramePattern.managedContaining("global::")
}
