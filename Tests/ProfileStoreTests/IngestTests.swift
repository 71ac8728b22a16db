import Foundation
import OTLP
import ProfileStore
import SyntheticProfiles
import Testing

struct IngestTests {
    private let second: UInt64 = 1_000_000_000
    private let process = ProfileMessageBuilder.Process(pid: 1, executablePath: "/bin/p")

    private func ingested(
        _ message: Opentelemetry_Proto_Profiles_V1development_ProfilesData,
        type: SampleTypeName = .onCPU, _ body: (IngestResult, FlameGraph) throws -> Void
    ) async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        let store = try temporary.open()
        let result = try await store.ingest(message)
        let graph = try await store.flameGraph(
            SampleFilter(fromSeconds: 0, toSeconds: .max, sampleType: type))
        try body(result, graph)
        await store.close()
    }

    @Test func allThreeShapesOfSamples() async throws {
        var builder = ProfileMessageBuilder()
        let now = UInt64(1_799_999_990)
        builder.add([Frame("a")], process: process, threadName: "", tid: 1, timestampsUnixNano: [now * second], values: [])
        builder.add([Frame("b")], process: process, threadName: "", tid: 1, timestampsUnixNano: [], values: [40])
        builder.add(
            [Frame("c")], process: process, threadName: "", tid: 1,
            timestampsUnixNano: [now * second, (now - 30) * second], values: [500, 600])
        let type = SampleTypeName(type: "off_cpu", unit: "nanoseconds")
        let message = builder.message(
            type: type.type, unit: type.unit, periodNanoseconds: 0, timeUnixNano: now * second)
        try await ingested(message, type: type) { result, graph in
            #expect(result.samples == 3)
            #expect(graph.paths() == [["a"]: 1, ["b"]: 40, ["c"]: 1100])
            #expect(graph.cpuTimeNanoseconds == 0)
        }
    }

    @Test func brokenSamplesAreRefusedAndTheRestIsKept() async throws {
        var builder = ProfileMessageBuilder()
        let time = 1_799_999_990 * second
        builder.add([Frame("good")], process: process, threadName: "t", tid: 1, timestampsUnixNano: [time])
        builder.add([Frame("odd")], process: process, threadName: "t", tid: 1, timestampsUnixNano: [time], values: [1, 2])
        builder.add([Frame("empty")], process: process, threadName: "t", tid: 1, timestampsUnixNano: [])
        builder.add([Frame("negative")], process: process, threadName: "t", tid: 1, timestampsUnixNano: [], values: [-1])
        var message = builder.message()
        var broken = message.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0]
        for index in [-1, 1000, .max, .min] as [Int32] {
            broken.stackIndex = index
            message.resourceProfiles[0].scopeProfiles[0].profiles[0].samples.append(broken)
        }
        broken.stackIndex = Int32(message.dictionary.stackTable.count)
        var stack = Opentelemetry_Proto_Profiles_V1development_Stack()
        stack.locationIndices = [99]
        message.dictionary.stackTable.append(stack)
        message.resourceProfiles[0].scopeProfiles[0].profiles[0].samples.append(broken)
        try await ingested(message) { result, graph in
            #expect(result.samples == 1)
            #expect(result.rejectedSamples == 8)
            #expect(graph.paths() == [["good"]: 1])
        }
    }

    @Test func extremeNumbersDoNotTrap() async throws {
        var builder = ProfileMessageBuilder()
        for values in [[Int64.max], [Int64.max], [3]] {
            builder.add([Frame("a")], process: process, threadName: "t", tid: .min, timestampsUnixNano: [], values: values)
        }
        builder.add([Frame("b")], process: process, threadName: "t", tid: .max, timestampsUnixNano: [.max])
        try await ingested(builder.message(periodNanoseconds: .max, timeUnixNano: .max)) { result, graph in
            #expect(result.clockAdjusted == 4)
            #expect(graph.total == .max)
            #expect(graph.cpuTimeNanoseconds == .max)
        }
    }

    @Test func hostileNamesStayAsTheyAreExceptForNulAndLength() async throws {
        var builder = ProfileMessageBuilder()
        let time = 1_799_999_990 * second
        let long = String(repeating: "\u{1F525}", count: 5000)
        for name in SyntheticHost.hostileNames + [long] {
            builder.add([Frame(name, file: name)], process: process, threadName: name, tid: 1, timestampsUnixNano: [time])
        }
        try await ingested(builder.message()) { _, graph in
            let names = Set(graph.paths().keys.map { $0[0] })
            for name in SyntheticHost.hostileNames {
                let stored = name.replacingOccurrences(of: "\u{0}", with: "\u{FFFD}")
                #expect(names.contains(String(decoding: stored.utf8.prefix(4096), as: UTF8.self)))
            }
            #expect(names.contains(String(repeating: "\u{1F525}", count: 1024)))
            #expect(names.map(\.utf8.count).max() == 4096)
            #expect(graph.total == Int64(SyntheticHost.hostileNames.count + 1))
        }
    }

    @Test func framesWithoutFunctionsAreNamedByModuleAndAddress() async throws {
        var builder = ProfileMessageBuilder()
        builder.add(
            [Frame("", module: "libc.so.6")], process: process, threadName: "t", tid: 1,
            timestampsUnixNano: [1_799_999_990 * second])
        var message = builder.message()
        message.dictionary.locationTable[1].address = 0x1234
        try await ingested(message) { _, graph in
            #expect(graph.paths() == [["libc.so.6+0x1234"]: 1])
        }
    }

    @Test func processWithoutExecutableIsCalledAsItsMainThread() async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        let store = try temporary.open()
        var builder = ProfileMessageBuilder()
        let kernelThread = ProfileMessageBuilder.Process(pid: 17, executablePath: "")
        for (name, tid) in [("helper", 18), ("kworker/0:1", 17)] as [(String, Int64)] {
            builder.add(
                [Frame("f")], process: kernelThread, threadName: name, tid: tid,
                timestampsUnixNano: [1_799_999_990 * second])
        }
        try await store.ingest(builder.message())
        let overview = try await store.overview(SampleFilter(fromSeconds: 1_799_999_000, toSeconds: 1_800_000_000))
        #expect(overview.processes.map(\.name) == ["kworker/0:1"])
        #expect(overview.processes.map(\.pid) == [17])
        await store.close()
    }
}
