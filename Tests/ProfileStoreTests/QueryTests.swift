import ProfileStore
import SyntheticProfiles
import Testing

/// Queries against counting by hand.
struct QueryTests {
    private let start: Int64 = 1_799_999_000

    private func filled(_ body: (ProfileStore, Model) async throws -> Void) async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        let store = try temporary.open()
        let model = Model(count: 3000, from: start, lengthSeconds: 600, seed: 7)
        for message in model.messages(batch: 250) { try await store.ingest(message) }
        try await body(store, model)
        await store.close()
    }

    private func window(_ from: Int64 = 0, _ to: Int64 = 600) -> SampleFilter {
        SampleFilter(fromSeconds: start + from, toSeconds: start + to)
    }

    @Test func flameGraphHoldsEverySample() async throws {
        try await filled { store, model in
            let graph = try await store.flameGraph(window())
            #expect(graph.paths() == Model.paths(model.samples))
            #expect(graph.total == 3000)
            #expect(graph.totals()[0] == 3000)
            #expect(graph.cpuTimeNanoseconds == 3000 * 50_000_000)
            #expect(zip(graph.parents.indices, graph.parents).allSatisfy { $0 > Int($1) })
        }
    }

    @Test func filtersTakeExactlyTheirSamples() async throws {
        try await filled { store, model in
            var filter = window(100, 300)
            var expected = model.samples.filter { (start + 100..<start + 300).contains($0.seconds) }
            #expect(try await store.flameGraph(filter).paths() == Model.paths(expected))

            filter.processName = "p1"
            expected = expected.filter { $0.process == "p1" }
            #expect(try await store.flameGraph(filter).paths() == Model.paths(expected))

            filter.threadName = "t0"
            expected = expected.filter { $0.thread == "t0" }
            #expect(try await store.flameGraph(filter).paths() == Model.paths(expected))

            filter.text = "F2"
            expected = expected.filter { $0.frames.contains { $0.name == "f2" } }
            let graph = try await store.flameGraph(filter)
            #expect(graph.paths() == Model.paths(expected))
            #expect(graph.total == Int64(expected.count))
            #expect(graph.cpuTimeNanoseconds == Int64(expected.count) * 50_000_000)

            filter.sampleType = SampleTypeName(type: "off_cpu", unit: "nanoseconds")
            #expect(try await store.flameGraph(filter).total == 0)
        }
    }

    @Test func groupsAreTheFirstLevels() async throws {
        try await filled { store, model in
            let byProcess = try await store.flameGraph(window(), grouping: .process).paths()
            #expect(byProcess == Model.paths(model.samples, prefix: { [$0.process] }))
            let byThread = try await store.flameGraph(window(), grouping: .thread).paths()
            #expect(byThread == Model.paths(model.samples, prefix: { [$0.process, $0.thread] }))
        }
    }

    @Test func windowsThatTouchAddUp() async throws {
        try await filled { store, _ in
            var sum: Int64 = 0
            for first in stride(from: Int64(0), to: 600, by: 30) {
                sum += try await store.flameGraph(window(first, first + 30)).total
            }
            #expect(sum == 3000)
        }
    }

    @Test func topFunctionsCountRecursionOnce() async throws {
        try await filled { store, model in
            let top = try await store.flameGraph(window(), grouping: .process).topFunctions()
            for name in ["f0", "f1", "f2", "f3"] {
                let row = try #require(top.first { $0.function.name == name })
                #expect(row.selfValue == Int64(model.samples.filter { $0.frames[0].name == name }.count))
                #expect(
                    row.totalValue
                        == Int64(model.samples.filter { $0.frames.contains { $0.name == name } }.count))
            }
            #expect(top.count == 4)
        }
    }

    @Test func overviewCountsProcessesThreadsAndTime() async throws {
        try await filled { store, model in
            var filter = window()
            filter.processName = "p2"
            let overview = try await store.overview(filter, maximumTimelineSteps: 20)
            #expect(overview.processes.count == 6)
            for process in overview.processes {
                let expected = model.samples.filter { $0.process == process.name && $0.pid == process.pid }.count
                #expect(process.value == Int64(expected))
                #expect(process.cpuTimeNanoseconds == Int64(expected) * 50_000_000)
            }
            let ofProcess = model.samples.filter { $0.process == "p2" }
            for thread in overview.threads {
                #expect(thread.value == Int64(ofProcess.filter { $0.thread == thread.name }.count))
            }
            #expect(overview.threads.map(\.value).reduce(0, +) == Int64(ofProcess.count))
            #expect(overview.sampleTypes.map(\.name) == [.onCPU])
            #expect(overview.sampleTypes.map(\.value) == [3000])
            let timeline = overview.timeline
            #expect(timeline.values.count <= 21)
            for (index, value) in timeline.values.enumerated() {
                let from = timeline.startSeconds + Int64(index) * timeline.stepSeconds
                let expected = ofProcess.filter { (from..<from + timeline.stepSeconds).contains($0.seconds) }
                #expect(value == Int64(expected.count))
            }
            #expect(timeline.values.reduce(0, +) == Int64(ofProcess.count))
        }
    }

    /// However little is allowed: no sample is lost, what is left out is said, and the rest is in place.
    @Test(arguments: [(250_000, 40), (250_000, 1), (7, 1_000_000), (0, 1_000_000)])
    func tooManyStacksAreSummedUp(stacks: Int, nodes: Int) async throws {
        try await filled { store, model in
            let graph = try await store.flameGraph(
                window(), grouping: .process, limits: FlameGraphLimits(stacks: stacks, nodes: nodes))
            #expect(graph.total == 3000)
            #expect(graph.totals()[0] == 3000)
            let omittedName = "[smaller stacks, left out]"
            let omitted = graph.paths().filter { $0.key.last == omittedName }
            #expect(omitted.values.reduce(0, +) == graph.omittedTotal)
            #expect(graph.omittedTotal > 0)
            #expect(graph.completeTotal == graph.total - graph.omittedTotal)
            #expect(graph.parents.count <= nodes + 2 * Set(model.samples.map(\.process)).count)
            let all = Model.paths(model.samples, prefix: { [$0.process] })
            for (path, value) in graph.paths() where path.last != omittedName { #expect(all[path] == value) }
            #expect(!graph.topFunctions().contains { $0.function.name == omittedName })
        }
    }

    @Test func theHeaviestStacksAreKept() async throws {
        try await filled { store, model in
            let all = Model.paths(model.samples, prefix: { [$0.process] })
            let graph = try await store.flameGraph(
                window(), grouping: .process, limits: FlameGraphLimits(stacks: 3, nodes: 1000))
            let kept = graph.paths().filter { $0.key.last != "[smaller stacks, left out]" }.values.sorted(by: >)
            #expect(kept == Array(all.values.sorted(by: >).prefix(3)))
        }
    }

    @Test func aTextInTooManyStacksIsRefused() async throws {
        try await filled { store, _ in
            var filter = window()
            filter.text = "f"
            await #expect(throws: StoreError.tooLarge(stacks: 5)) {
                try await store.flameGraph(filter, limits: FlameGraphLimits(stacks: 5, nodes: 1000))
            }
        }
    }

    @Test func linesThatDifferAreMarked() async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        let store = try temporary.open()
        var builder = ProfileMessageBuilder()
        let process = ProfileMessageBuilder.Process(pid: 1, executablePath: "/bin/p")
        for line in [10, 11] as [Int64] {
            builder.add(
                [Frame("leaf", file: "l.c", line: line), Frame("root", file: "r.c", line: 5)], process: process,
                threadName: "t", tid: 1, timestampsUnixNano: [UInt64(start) * 1_000_000_000])
        }
        try await store.ingest(builder.message())
        let graph = try await store.flameGraph(window())
        #expect(graph.nodeFunctions.map { $0 < 0 ? "" : graph.functions[Int($0)].name } == ["", "root", "leaf"])
        #expect(graph.lines == [0, 5, -1])
        #expect(graph.functions.first { $0.name == "leaf" }?.file == "l.c")
        await store.close()
    }

    @Test func stacksWithErrorFramesAreIncomplete() async throws {
        let temporary = TemporaryStore()
        defer { temporary.remove() }
        let store = try temporary.open()
        var builder = ProfileMessageBuilder()
        let process = ProfileMessageBuilder.Process(pid: 1, executablePath: "/bin/p")
        let time = UInt64(start) * 1_000_000_000
        builder.add(
            [Frame("leaf"), Frame("no table", kind: "abort-marker")], process: process, threadName: "t", tid: 1,
            timestampsUnixNano: [time])
        builder.add([Frame("leaf")], process: process, threadName: "t", tid: 1, timestampsUnixNano: [time, time, time])
        try await store.ingest(builder.message())
        let graph = try await store.flameGraph(window())
        #expect(graph.total == 4)
        #expect(graph.completeTotal == 3)
        await store.close()
    }
}
