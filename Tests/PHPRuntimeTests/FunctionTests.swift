import CBPFInterface
import Processes
import RuntimeSupport
import Testing

@testable import PHPRuntime

/// Functions read from recorded memory, against what PHP itself said about the same stack.
@Suite struct FunctionTests {
    @Test func everyRecordingIsThere() { #expect(Recording.all.count == 4) }

    @Test(arguments: Recording.all) func namesAreThoseOfTheBacktrace(_ recording: Recording) throws {
        let layout = try #require(PHPLayout(recording.version))
        let read = recording.functions.map { PHPFunction(at: $0.address, layout: layout, memory: recording.memory) }
        // usleep, called after the backtrace was taken, then what the backtrace has, then the script.
        let names = ["usleep"] + recording.backtrace.map(\.name) + ["<top-level>"]
        #expect(read.map { $0?.name } == names)
        // The line of a frame is that from which the one before it was called.
        for (index, call) in recording.backtrace.enumerated() where !call.fileName.isEmpty {
            let caller = try #require(read[index + 2])
            #expect(caller.fileName == (call.fileName.hasPrefix("/") ? call.fileName : "/w/\(call.fileName)"))
            #expect(recording.functions[index + 2].line == call.line)
            #expect(caller.firstLine <= call.line)
        }
        #expect(read[0]?.fileName == "")
    }

    @Test(arguments: Recording.all) func layoutFitsItsOwnVersionOnly(_ recording: Recording) throws {
        for minor in 3...5 { // 7.3 to 8.5
            for major in [7, 8] {
                guard let layout = PHPLayout(PHPVersion(major: major, minor: minor)) else { continue }
                let check = PHPFrameCheck(layout: layout, memory: recording.memory)
                let own = try #require(PHPLayout(recording.version))
                let isSame =
                    layout.functionOps == own.functionOps && layout.functionFileName == own.functionFileName
                if isSame {
                    #expect(throws: Never.self) { try check.check(currentFrameAt: recording.currentFrame) }
                } else {
                    #expect(throws: RuntimeError.self) { try check.check(currentFrameAt: recording.currentFrame) }
                }
            }
        }
    }

    @Test(arguments: Recording.all) func framesAreNamedWhenTheirChecksumFits(_ recording: Recording) throws {
        let layout = try #require(PHPLayout(recording.version))
        let attached = AttachedPHP(
            memory: recording.memory,
            facts: PHPFacts(layout: layout, currentFrame: .global(0), code: PHPFacts.MachineCode()))
        let (address, line) = recording.functions[1]
        let function = try #require(PHPFunction(at: address, layout: layout, memory: recording.memory))
        let words = [address, UInt64(line) << 32 | UInt64(function.checksum)]
        // Twice: read, then remembered.
        for _ in 0..<2 {
            #expect(
                attached.functions(of: words) == [
                    RuntimeFunction(name: "App\\P::leaf", fileName: "/w/recorded.php", line: line, startLine: 4)
                ])
        }
        #expect(attached.functions(of: [address, UInt64(function.checksum ^ 1)]).isEmpty)
        #expect(attached.functions(of: [address ^ 8, 0]).isEmpty)
        #expect(attached.functions(of: [address]).isEmpty)
        #expect(attached.functions(of: []).isEmpty)
    }

    /// A name whose memory was given to somebody else is no longer what its hash says.
    @Test(arguments: Recording.all) func overwrittenNamesAreNotGiven(_ recording: Recording) throws {
        let layout = try #require(PHPLayout(recording.version))
        var memory = RecordedMemory()
        for segment in recording.segments {
            var bytes = segment.bytes
            if String(decoding: bytes.dropFirst(24), as: UTF8.self) == "leaf" { bytes[24] = UInt8(ascii: "b") }
            memory.add(bytes, at: segment.address)
        }
        #expect(PHPFunction(at: recording.functions[1].address, layout: layout, memory: memory) == nil)
        #expect(PHPFunction(at: recording.functions[2].address, layout: layout, memory: memory) != nil)
    }

    @Test(arguments: Recording.all) func damagedMemoryDoesNoHarm(_ recording: Recording) throws {
        let layout = try #require(PHPLayout(recording.version))
        var refused = 0
        for seed in 1...300 as ClosedRange<UInt64> {
            let memory = recording.damaged(seed: seed)
            try? PHPFrameCheck(layout: layout, memory: memory).check(currentFrameAt: recording.currentFrame)
            for (address, _) in recording.functions {
                let function = PHPFunction(at: address, layout: layout, memory: memory)
                if function == nil { refused += 1 }
                #expect((function?.sizeBytes ?? 0) < 8192)
            }
        }
        #expect(refused > 0)
    }

    @Test func rememberedFunctionsAreBoundedInBytes() {
        var cache = PHPFunctionCache()
        let long = String(repeating: "x", count: 4096)
        for address in 0..<2000 as Range<UInt64> {
            cache.keep(PHPFunction(checksum: 7, name: long, fileName: long, firstLine: 1), at: address)
            #expect(cache.sizeBytes <= PHPFunctionCache.limitBytes)
        }
        #expect(cache.count < 300)
        #expect(cache[1999, 7] != nil)
        #expect(cache[1999, 0] != nil)
        #expect(cache[1999, 8] == nil)
        cache.keep(PHPFunction(checksum: 8, name: "", fileName: "", firstLine: 1), at: 1999)
        #expect(cache[1999, 7] == nil)
    }

    @Test func hashesAreThoseOfPHP() {
        // The hash of "array_map" as PHP 8.2 has it in memory.
        #expect(PHPStrings<RecordedMemory>.hashes(Array("array_map".utf8)) == [0x8377_c204_7d0b_24c1, 0x8377_c204_7d0b_24c1])
    }

    @Test func hugeStringsAreNotRead() {
        var memory = RecordedMemory()
        var head = [UInt8](repeating: 0, count: 24)
        head.replaceSubrange(16..<24, with: [UInt8](repeating: 0xff, count: 8))
        memory.add(head + [1, 2, 3], at: 0x1000)
        #expect(PHPStrings(memory: memory).text(at: 0x1000, limit: 4096) == nil)
        #expect(PHPStrings(memory: memory).text(at: 0, limit: 4096) == nil)
        #expect(PHPStrings(memory: memory).text(at: .max - 4, limit: 4096) == nil)
    }
}
