import CBPFInterface
import Processes
import RuntimeSupport
import Synchronization
import Testing

@testable import BEAMRuntime

/// What emulators tell debuggers, as recorded from three releases, against what the same emulators wrote for perf.
@Suite struct CodeListTests {
    private static func list(
        _ recording: Recording, _ memory: RecordedMemory? = nil
    ) throws -> BEAMCodeList<RecordedMemory> {
        var list = BEAMCodeList(descriptor: recording.descriptor, memory: memory ?? recording.memory)
        try list.refresh()
        return list
    }

    @Test func everyReleaseWasRecorded() {
        #expect(Recording.all.map(\.release) == [25, 27, 29])
        #expect(Recording.all.allSatisfy { $0.map.count > 100 })
    }

    /// Every address of the code has the name that the emulator gave it.
    @Test(arguments: Recording.all)
    func namesAreThoseOfThePerfMap(_ recording: Recording) throws {
        let list = try Self.list(recording)
        var modules: [UInt64: BEAMModule] = [:]
        for line in recording.map {
            for address in line.code {
                let entry = try #require(list.entry(for: address))
                if modules[entry.start] == nil {
                    modules[entry.start] = BEAMModule(entry.start, entry.sizeBytes, recording.memory)
                }
                let place = try #require(modules[entry.start]?.place(of: address))
                // perf maps mark compiled code by a dollar.
                #expect(place.name == line.name.dropFirst())
            }
        }
    }

    /// `busy.erl` says which lines its functions have.
    @Test(arguments: Recording.all)
    func linesAreThoseOfTheSource(_ recording: Recording) throws {
        let list = try Self.list(recording)
        let entry = try #require(list.entries.first { $0.name == "busy" })
        let module = try #require(BEAMModule(entry.start, entry.sizeBytes, recording.memory))
        var checked = 0
        for (name, lines) in [("busy:c/1", 22...23), ("busy:rec/2", 31...34), ("busy:'-loop/1-fun-0-'/1", 41...41)] {
            for line in recording.map where ["$\(name)", "$\(name)-CodeInfoPrologue"].contains(line.name) {
                for address in line.code {
                    let place = try #require(module.place(of: address))
                    #expect(place.fileName == "busy.erl")
                    // A release before 27 may begin the next function's first line a few bytes early.
                    let isEnd = recording.release < 27 && line.code.upperBound - address < 8
                    #expect(lines.contains(Int(place.line)) || isEnd && place.line > lines.upperBound, "\(place)")
                    checked += 1
                }
            }
        }
        #expect(checked > 300)
    }

    @Test(arguments: Recording.all)
    func theEmulatorsOwnCodeIsFound(_ recording: Recording) throws {
        let list = try Self.list(recording)
        let shared = try list.sharedCode()
        #expect(shared.scheduler == recording.scheduler)
        #expect(shared.ranges.count == 2)
        let exit = try #require(list.normalExit)
        let named = recording.map.first { $0.code.contains(exit) }
        #expect(named?.name == "$erts_beamasm:normal_exit/0")
    }

    /// Variables that are not exported are found by what they hold.
    @Test(arguments: Recording.all)
    func variablesAreFoundByWhatTheyHold(_ recording: Recording) throws {
        for (address, bytes) in recording.segments where address == recording.descriptor {
            let around = [UInt8](repeating: 0xff, count: 64)
            let variables = BEAMVariables(around + bytes + around, at: address - 64)
            let found = try BEAMCodeList.find(symbol: nil, variables, recording.memory)
            #expect(found.descriptor == recording.descriptor)
        }
        let list = try Self.list(recording)
        for (address, bytes) in recording.segments where address == recording.ranges {
            let around = [UInt8](repeating: 0, count: 64)
            let variables = BEAMVariables(around + bytes + around, at: address - 64)
            let found = try BEAMModuleRanges.find(in: variables, modules: list.bases, recording.memory)
            #expect(found == recording.ranges)
        }
    }

    /// Where the header has its digest: beam_code.h of each release.
    @Test(arguments: Recording.all)
    func headersAreUnderstood(_ recording: Recording) throws {
        let list = try Self.list(recording)
        let expected = [25: 80, 27: 120, 29: 136][recording.release]
        #expect(BEAMModuleHeader.digestOffset(of: list.bases, recording.memory) == expected)
    }

    /// The list is read anew only when something was loaded, and what was loaded takes the place of what lay there.
    @Test func theListIsFollowed() throws {
        let recording = try #require(Recording.all.first)
        var list = try Self.list(recording)
        #expect(try !list.refresh())
        let busy = try #require(list.entries.first { $0.name == "busy" })
        #expect(list.isCurrent(busy))
        #expect(list.entry(for: busy.code.upperBound - 1) == busy)
        #expect(list.entries.map(\.code.lowerBound) == list.entries.map(\.code.lowerBound).sorted())
    }

    /// Memory that counts how often it is read.
    private final class CountedMemory: MemoryReader, Sendable {
        private let memory: RecordedMemory
        private let count = Mutex(0)

        init(_ memory: RecordedMemory) { self.memory = memory }

        var readings: Int { count.withLock { $0 } }

        func read(at address: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(MemoryReadError) {
            count.withLock { $0 += 1 }
            try memory.read(at: address, into: buffer)
        }
    }

    private static func words(_ values: [UInt64]) -> [UInt8] { values.flatMap { CodeBytes.bytes($0) } }

    /// Two entries, each of which follows the other one.
    @Test func aListWithoutEndIsReadOnce() throws {
        var memory = RecordedMemory()
        memory.add(Self.words([1, 0, 0x2000]), at: 0x1000)
        memory.add(Self.words([0x2020, 0, 0x3000, 64, 0x2000, 0x2000, 0x3100, 64]), at: 0x2000)
        for (address, base) in [(0x3000, 0x7000), (0x3100, 0x8000)] as [(UInt64, UInt64)] {
            memory.add(Self.words([1, base, 0x100 << 32, 0, 0, 0, 0, 0]), at: address)
        }
        let counted = CountedMemory(memory)
        var list = BEAMCodeList(descriptor: 0x1000, memory: counted)
        #expect(try list.refresh())
        #expect(list.entries.map(\.code) == [0x7000..<0x7100, 0x8000..<0x8100])
        #expect(counted.readings < 16)
    }

    /// Of modules that lie where others lay, the latest is kept, however they overlap.
    @Test func theLatestOfThoseThatOverlapIsKept() throws {
        // The latest first; where the code begins, and its length.
        let codes: [(UInt64, UInt64)] = [(0x8000, 0x100), (0x7080, 0x1000), (0x7000, 0x100), (0x9000, 0x100), (0x6fff, 2)]
        var memory = RecordedMemory()
        memory.add(Self.words([1, 0, 0x2000]), at: 0x1000)
        for (number, code) in codes.enumerated() {
            let link = 0x2000 + UInt64(number) * 32, described = 0x3000 + UInt64(number) * 64
            memory.add(Self.words([number + 1 < codes.count ? link + 32 : 0, 0, described, 64]), at: link)
            memory.add(Self.words([1, code.0, code.1 << 32, 0, 0, 0, 0, 0]), at: described)
        }
        var list = BEAMCodeList(descriptor: 0x1000, memory: memory)
        try list.refresh()
        #expect(list.entries.map(\.code.lowerBound) == [0x8000, 0x9000])
    }

    /// Damaged memory is refused, or gives other names; it never stops the profiler, or makes it read without end.
    @Test(arguments: Recording.all)
    func damagedMemoryHarmsNobody(_ recording: Recording) throws {
        for seed in 0..<200 {
            let memory = recording.damaged(seed: UInt64(seed))
            guard let list = try? Self.list(recording, memory) else { continue }
            _ = try? list.sharedCode()
            for entry in list.entries {
                guard let module = BEAMModule(entry.start, entry.sizeBytes, memory) else { continue }
                for step in 0..<64 { _ = module.place(of: entry.code.lowerBound &+ UInt64(step) &* 40) }
                _ = module.place(of: .max)
            }
            _ = try? BEAMScheduler(recording.scheduler, .x86_64, memory)
            _ = BEAMModuleHeader.digestOffset(of: list.bases, memory)
        }
    }

    /// A list whose last entry leads back to its first one.
    @Test func aListWithoutEndIsLeft() throws {
        var memory = RecordedMemory()
        memory.add(bytes(1, 0x2000, 0x2000).prefix(24) + [], at: 0x1000)
        memory.add(bytes(0x2000, 0, 0x3000, 64), at: 0x2000)
        memory.add(bytes(1, 0x10000, 0x100_0000_0001, 0x4141_4141_0004, 0, 0, 0, 0), at: 0x3000)
        var list = BEAMCodeList(descriptor: 0x1000, memory: memory)
        try list.refresh()
        #expect(list.entries.count == 1)
    }

    private func bytes(_ words: UInt64...) -> [UInt8] {
        words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
    }
}
