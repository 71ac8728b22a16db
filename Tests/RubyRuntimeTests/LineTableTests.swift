import Foundation
import LiveSupport
import Processes
import Testing

@testable import RubyRuntime

/// What is read of code in a process, against what Ruby says there of the same code: labels, files, and the line of each
/// instruction.
@Suite struct LineTableTests {
    /// Prints the address of each body of a file of the standard library, and for the place behind each instruction its
    /// line.
    private static let script = """
        require "fiddle"
        WORD = lambda { |at| Fiddle::Pointer.new(at)[0, 8].unpack1("Q") }
        $kept = []
        def body_of(code)
          data = WORD.(Fiddle.dlwrap(code) + 32)
          data = WORD.(data) unless WORD.(data) & 0xf01f == 0x701a
          WORD.(data + 16)
        end
        def visit(code)
          $kept << code
          position = 0
          line = nil
          pairs = []
          code.to_a[13].each do |part|
            case part
            when Integer then line = part
            when Array
              position += part.size
              pairs << "#{position}:#{line}" if line
            end
          end
          path = code.absolute_path || code.path
          puts [body_of(code), code.first_lineno, code.label, code.base_label, path, pairs.join(",")].join("\\t")
          code.each_child { |child| visit(child) }
        end
        puts $$, RUBY_VERSION
        file = $LOAD_PATH.map { |folder| "#{folder}/optparse.rb" }.find { |path| File.exist?(path) }
        visit(RubyVM::InstructionSequence.compile_file(file))
        puts "end"
        $stdout.flush
        sleep
        """

    static let rubies = ["ruby2.7", "ruby3.1", "ruby3.3", "ruby3.4"].filter {
        TestBed.command(runtime: $0, [$0]) != nil
    }

    @Test(.enabled(if: try Live.has(.root) && !rubies.isEmpty), arguments: rubies)
    func everyInstructionHasTheLineThatRubySays(_ name: String) async throws {
        let command = try #require(TestBed.command(runtime: name, [name, "-W0"]))
        let folder = try TemporaryFolder()
        try Self.script.write(toFile: folder.path(of: "script.rb"), atomically: true, encoding: .utf8)
        let child = try ChildProcess(command + ["script.rb"], folder: folder.path)
        let lines = try await onThread {
            var lines: [String] = []
            while let line = try child.readLine(), line != "end" { lines.append(line) }
            return lines
        }
        let pid = try #require(lines.first.flatMap { Int32($0) })
        defer { kill(pid, SIGKILL) }
        let layout = try #require(lines.dropFirst().first.flatMap { RubyVersion($0) }.flatMap { RubyLayout($0) })
        let reader = RubyCodeReader(objects: RubyObjects(memory: RemoteMemory(pid: pid), layout: layout))
        var checked = 0
        for line in lines.dropFirst(2) {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 6, let address = UInt64(fields[0]) else { continue }
            let body = try #require(reader.bytes(at: address))
            let code = try #require(reader.code(body, at: address))
            #expect([code.label, code.baseLabel, code.fileName] == Array(fields[2...4]))
            #expect(code.firstLine == UInt32(fields[1]))
            for pair in fields[5].split(separator: ",") {
                let parts = pair.split(separator: ":")
                guard parts.count == 2, let place = UInt32(parts[0]), let expected = UInt32(parts[1]) else { continue }
                #expect(reader.line(at: place, body) == expected, "place \(place) of \(code.label)")
                checked += 1
            }
        }
        #expect(checked > 5000)
    }
}
