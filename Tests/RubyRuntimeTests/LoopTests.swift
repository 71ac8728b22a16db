import Foundation
import LiveSupport
import ObjectFiles
import Testing

@testable import RubyRuntime

/// Finding the loop in files without symbols, against those that export it.
@Suite struct LoopTests {
    static let rubies = ["ruby2.7", "ruby3.1", "ruby3.3", "ruby3.4"].filter {
        TestBed.command(runtime: $0, [$0]) != nil
    }

    private static func library(_ name: String) async throws -> String {
        let command = try #require(TestBed.command(runtime: name, ["sh", "-c", "ls -1 /usr/lib/*/libruby-*.so.*.*.*"]))
        let inside = try await Command.run(command, includingStandardError: false)
        let folder = try #require(TestBed.folder)
        let root = try await Command.run(["\(folder)/runtimes", "path", name], includingStandardError: false)
        return root.trimmingCharacters(in: .whitespacesAndNewlines)
            + (inside.split(separator: "\n").first.map(String.init) ?? "")
    }

    @Test(.enabled(if: try Live.has(.root) && !rubies.isEmpty), arguments: rubies)
    func itIsTheCallerOfTheOneWithTheTable(_ name: String) async throws {
        let path = try await Self.library(name)
        let file = try ELFFile(try FileReader(path: path))
        let exported = file.exportedSymbols(named: ["rb_vm_exec"])["rb_vm_exec"]
        let places = RubyLoop.find(in: file, exported)
        let core = try #require(places.core)
        #expect(core.count > 10_000)
        let caller = try #require(RubyLoop.caller(of: core, file))
        #expect(places.loop.first?.lowerBound == caller.lowerBound)
        #expect(!core.overlaps(caller))
        // Later versions do not export it.
        #expect((exported == nil) == (name == "ruby3.3" || name == "ruby3.4"))
        if let exported {
            #expect(caller.lowerBound == exported.value)
            // Between two functions there is space for alignment.
            #expect(caller.upperBound - exported.value - exported.size < 32)
        }
    }
}
