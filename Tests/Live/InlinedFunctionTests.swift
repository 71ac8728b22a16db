import Engine
import Foundation
import LiveSupport
import Synchronization
import Testing

extension LiveSuite {
    /// A program whose hot loop is in a function that is inlined two levels deep: the profile has all three functions at
    /// one address, innermost first, with the file and the line of each.
    @Suite struct InlinedFunctionTests {
        private static let source = ProofProgram.sources + "/inlined.c"

        @Test(
            .enabled(if: try Live.has(.architecture("x86_64"), .tool("gcc"), .tool("objcopy"))),
            .enabled(if: try Live.has(EngineProfile.requirements)),
            arguments: [["-gdwarf-4"], ["-gdwarf-5"], ["-gdwarf-5", "-gz"], ["-gdwarf-5", "-gsplit-dwarf"]])
        func framesHaveFilesAndLines(_ flags: [String]) async throws {
            let folder = try TemporaryFolder()
            let program = folder.path(of: "inlined")
            // Split units are written beside the program.
            try await Command.run(
                ["gcc", "-O2", "-g", "-fno-optimize-sibling-calls", "-pthread", Self.source, "-o", program] + flags)
            let functions = Mutex<[[ProfileFunction]]>([])
            var options = EngineOptions()
            options.samplesPerSecond = 199
            options.reportIntervalNanoseconds = 1_000_000_000
            let pid = Mutex<Int32>(0)
            let engine = Engine(options: options, log: { _, _ in }) { interval in
                let wanted = pid.withLock { $0 }
                for sample in interval.samples where sample.pid == wanted {
                    let frames = interval.traces[sample.trace].frames.map { interval.frames[$0] }
                    functions.withLock { $0.append(frames.filter { $0.kind == .native }.flatMap(\.functions)) }
                }
            }
            try await onThread { try engine.start() }
            do {
                let child = try ChildProcess([program, "4"])
                pid.withLock { $0 = child.pid }
                #expect(try await onThread({ try child.readLine() })?.hasPrefix("ready ") ?? false)
                #expect(try await onThread { child.wait() } == .code(0))
            } catch {
                try await onThread { engine.stop() }
                throw error
            }
            try await onThread { engine.stop() }

            let wanted = try ["hot_inner", "hot_middle", "hot_outer", "main"].map { name in
                "\(name) \(Self.source):\(try Self.line("/* \(name)'s line */"))"
            }
            // Some samples hit the loop around it.
            let stacks = functions.withLock { $0 }.map { stack in
                stack.prefix(4).map { "\($0.name) \($0.file):\($0.line)" }
            }
            let busy = stacks.filter { $0.first?.hasPrefix("hot_inner ") ?? false }
            let right = busy.filter { $0 == wanted }
            #expect(stacks.count > 50 && Double(busy.count) > 0.2 * Double(stacks.count))
            #expect(Double(right.count) >= 0.99 * Double(busy.count), "\(busy.first { $0 != wanted } ?? [])")
        }

        /// The line of the source that has the text.
        private static func line(_ text: String) throws -> Int {
            let lines = try String(contentsOfFile: source, encoding: .utf8).components(separatedBy: "\n")
            return try #require(lines.firstIndex { $0.contains(text) }) + 1
        }
    }
}
