import Engine
import FoundationEssentials
import OTLP
import OTLPTestSupport
import Processes
import SwiftProtobuf
import Testing

@testable import ProfilingReceiver

@Suite struct ProfilesEncoderTests {
    /// Whatever the checker says of a message as it is on the wire.
    private func findings(_ message: OTLPProfilesData) throws -> [String] {
        try ProfilesChecker.check(serialized: message.serializedBytes()).map(\.description)
    }

    @Test func aRichIntervalIsWrittenAsExpected() throws {
        let message = try #require(ProfilesEncoder.forTests().encode(Intervals.rich()))
        let container = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
        let inlined = "      shop+401234 [sum<int>:7 < total:40] profile.frame.type=native"
        let main = "      shop+402000 [main:99] profile.frame.type=native"
        let read = "      vmlinux+ffff [vfs_read:0] profile.frame.type=kernel"
        let expected = [
            "resource process.pid=0",
            "  samples/count every 50000000 cpu/nanoseconds",
            "    cpu.logical_number=0 thread.id=0 thread.name=swapper/0 at 1",
            read,
            "resource process.pid=2",
            "  samples/count every 50000000 cpu/nanoseconds",
            "    cpu.logical_number=3 thread.id=2 thread.name=kthreadd at 1",
            read,
            "resource process.executable.name=agent (deleted) "
                + "process.executable.path=/usr/bin/agent (deleted) process.pid=90",
            "  samples/count every 50000000 cpu/nanoseconds",
            "    cpu.logical_number=2 thread.id=95 at 1",
            "      +7fff00001000 [] profile.frame.type=native",
            "      agent+1fff [] profile.frame.type=native",
            "      +0 [the unwinding table has no rule for this address:0] profile.frame.type=abort-marker "
                + "otelcol.stack.stop_reason=no_rule",
            "resource container.id=\(container) process.environment_variable.REGION=eu "
                + "process.environment_variable.STAGE=test process.executable.name=shop "
                + "process.executable.path=/opt/shop/bin/shop process.pid=100",
            "  samples/count every 50000000 cpu/nanoseconds",
            "    cpu.logical_number=0 thread.id=100 thread.name=shop at 2",
            read, inlined, main,
            "    cpu.logical_number=0 thread.id=101 thread.name=worker at 4",
            inlined, main,
            "    cpu.logical_number=1 thread.id=101 thread.name=worker at 1,3",
            inlined, main,
            "  off_cpu/nanoseconds",
            "    cpu.logical_number=0 thread.id=101 thread.name=worker at 2,3 values [1000, 250000]",
            read, inlined, main,
            "  events/count",
            "    cpu.logical_number=0 thread.id=100 thread.name=shop at 2",
            read, inlined, main,
        ]
        let lines = Rendering.lines(message)
        for (line, wanted) in zip(lines, expected) { #expect(line == wanted) }
        #expect(lines.count == expected.count)
        #expect(try findings(message) == [])
    }

    /// Samples that differ in labels alone are told apart; those of one set are put together.
    @Test func labelsAreAttributes() throws {
        var interval = Intervals.rich()
        interval.labelSets = [[], [ProfileLabel(key: "job", value: "a"), ProfileLabel(key: "worker", value: "1")]]
        interval.samples = [
            Intervals.sample(at: 1), Intervals.sample(at: 2), Intervals.sample(at: 3),
            Intervals.sample(tid: 101, at: 4),
        ]
        interval.samples[0].labels = 1
        interval.samples[2].labels = 1
        interval.samples[3].labels = 7
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        let labels = "process.context.label.job=a process.context.label.worker=1 "
        #expect(
            Rendering.lines(message).filter { $0.contains("thread.id") } == [
                "    cpu.logical_number=0 thread.id=100 thread.name=shop at 2",
                "    cpu.logical_number=0 \(labels)thread.id=100 thread.name=shop at 1,3",
                "    cpu.logical_number=0 thread.id=101 thread.name=shop at 4",
            ])
        #expect(try findings(message) == [])
    }

    @Test func whatRunsTheProcessIsSaid() throws {
        var interval = Intervals.rich()
        interval.samples = [Intervals.sample(at: 1)]
        var process = ProfileProcess(pid: 100)
        process.placement = ControlGroupPlacement(
            path: "/kubepods/pod2d3da189-6407-48e3-9ab6-78188d75e609/cri-containerd-x.scope")
        process.container = ContainerDescription()
        process.container?.name = "web"
        process.container?.imageName = "web:7"
        process.container?.podName = "web-0"
        process.container?.podNamespace = "shop"
        process.service = ServiceName("cart", source: .environment)
        interval.processes = [.init(pid: 100): process]
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        #expect(
            Rendering.lines(message).first
                == "resource container.image.name=web:7 container.name=web container.runtime=containerd "
                + "k8s.namespace.name=shop k8s.pod.name=web-0 k8s.pod.uid=2d3da189-6407-48e3-9ab6-78188d75e609 "
                + "otelcol.service.name.source=environment process.pid=100 service.name=cart")
        process.container = nil
        process.placement = ControlGroupPlacement(path: "/system.slice/nginx.service")
        process.service = nil
        interval.processes = [.init(pid: 100): process]
        #expect(
            try Rendering.lines(#require(ProfilesEncoder.forTests().encode(interval))).first
                == "resource process.pid=100 systemd.unit=nginx.service")
    }

    /// What a process says of itself is passed on, but not in place of what is seen of it, nor where data is sent by it.
    @Test func aProcessSpeaksForItself() throws {
        var interval = Intervals.rich()
        interval.samples = [Intervals.sample(at: 1)]
        var process = ProfileProcess(pid: 100, containerID: nil)
        process.service = ServiceName("cart", source: .processContext)
        process.context = ProcessContext(attributes: [
            .init(key: "service.version", value: .string("1.4.2")), .init(key: "service.name", value: .string("other")),
            .init(key: "process.pid", value: .integer(1)), .init(key: "container.id", value: .string("x")),
            .init(key: "data_stream.namespace", value: .string("x")), .init(key: "debug", value: .boolean(true)),
        ])
        interval.processes = [.init(pid: 100): process]
        #expect(
            try Rendering.lines(#require(ProfilesEncoder.forTests().encode(interval))).first
                == "resource debug=true otelcol.service.name.source=process_context process.pid=100 "
                + "service.name=cart service.version=1.4.2")
    }

    /// A sample that stands for others counts as many; beside one that does not, each has its value.
    @Test func samplesWeigh() throws {
        var interval = Intervals.rich()
        var heavy = Intervals.sample(at: 3)
        heavy.weight = 4
        interval.samples = [Intervals.sample(at: 1), heavy, Intervals.sample(at: 5)]
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        let samples = message.resourceProfiles[0].scopeProfiles[0].profiles[0].samples
        #expect(samples.map(\.values) == [[1, 4, 1]])
        #expect(samples[0].timestampsUnixNano.count == 3)
        heavy.origin = .offCPU
        heavy.value = 7
        interval.samples = [heavy]
        let offCPU = try #require(ProfilesEncoder.forTests().encode(interval))
        #expect(offCPU.resourceProfiles[0].scopeProfiles[0].profiles[0].samples.map(\.values) == [[28]])
    }

    /// `execve` between two samples: one pid, two resources, each with the program of its time.
    @Test func livesOfAProcessAreResourcesOfTheirOwn() throws {
        var interval = Intervals.rich()
        var later = Intervals.sample(at: 5)
        later.life = 1
        interval.samples = [later, Intervals.sample(at: 1), Intervals.sample(.offCPU, at: 2)]
        interval.processes = [
            .init(pid: 100): ProfileProcess(pid: 100, executablePath: "/bin/sh"),
            .init(pid: 100, life: 1): ProfileProcess(pid: 100, executablePath: "/bin/ls"),
        ]
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        let resources = Rendering.lines(message).filter { $0.hasPrefix("resource") }
        #expect(
            resources == [
                "resource process.executable.name=sh process.executable.path=/bin/sh process.pid=100",
                "resource process.executable.name=ls process.executable.path=/bin/ls process.pid=100",
            ])
        #expect(message.resourceProfiles.map { $0.scopeProfiles[0].profiles.count } == [2, 1])
    }

    @Test func theEnvelopeNamesItsProducer() throws {
        let message = try #require(ProfilesEncoder.forTests().encode(Intervals.rich()))
        for resource in message.resourceProfiles {
            #expect(resource.schemaURL == "https://opentelemetry.io/schemas/1.37.0")
            #expect(resource.scopeProfiles.count == 1)
            for scope in resource.scopeProfiles {
                #expect(scope.scope.name == "otelcol/profiling")
                #expect(scope.scope.version == "1.2.3")
                #expect(scope.schemaURL == "https://opentelemetry.io/schemas/1.37.0")
                for profile in scope.profiles {
                    #expect(profile.timeUnixNano == intervalStart)
                    #expect(profile.durationNano == 5 * second)
                }
            }
        }
    }

    @Test func mappingsAndFunctionsKeepWhatIsKnown() throws {
        let dictionary = try #require(ProfilesEncoder.forTests().encode(Intervals.rich())).dictionary
        func mapping(_ name: String) throws -> (OTLPMapping, String) {
            let mapping = try #require(
                dictionary.mappingTable.first { dictionary.string(at: $0.filenameStrindex) == name })
            return (mapping, Rendering.attributes(mapping.attributeIndices, dictionary))
        }
        let shop = try mapping("shop")
        #expect(shop.0.memoryStart == 0x401000)
        #expect(shop.0.memoryLimit == 0x480000)
        #expect(shop.0.fileOffset == 0x1000)
        #expect(
            shop.1 == "process.executable.build_id.gnu=c89b11207f6479603b0d49bf291c092c2b719293 "
                + "process.executable.build_id.htlhash=af5570f5a1810b7af78caf4bc70a660f")
        let kernel = try mapping("vmlinux")
        #expect([kernel.0.memoryStart, kernel.0.memoryLimit, kernel.0.fileOffset] == [0, 0, 0])
        #expect(try mapping("agent").1.hasPrefix("process.executable.build_id.go=aBc/dEf "))

        let sum = try #require(
            dictionary.functionTable.first { dictionary.string(at: $0.nameStrindex) == "sum<int>" })
        #expect(dictionary.string(at: sum.systemNameStrindex) == "_Z3sumIiE")
        #expect(dictionary.string(at: sum.filenameStrindex) == "sum.h")
        let total = try #require(dictionary.functionTable.first { dictionary.string(at: $0.nameStrindex) == "total" })
        #expect(total.startLine == 30)
        #expect(total.systemNameStrindex == 0)
    }

    @Test func theEnginesNumberingDoesNotShow() throws {
        let rich = Intervals.rich()
        let message = try #require(ProfilesEncoder.forTests().encode(rich))
        let other = try #require(ProfilesEncoder.forTests().encode(Intervals.renumbered(rich)))
        #expect(Intervals.renumbered(rich).samples != rich.samples)
        #expect(try message.serializedBytes() as [UInt8] == other.serializedBytes())
    }

    @Test func profileIDsAreRandom() throws {
        let encoder = ProfilesEncoder(samplesPerSecond: 20, scopeVersion: "1")
        var ids: Set<Data> = []
        for _ in 0..<2 {
            let message = try #require(encoder.encode(Intervals.rich()))
            for resource in message.resourceProfiles {
                for profile in resource.scopeProfiles.flatMap(\.profiles) {
                    #expect(profile.profileID.count == 16)
                    ids.insert(profile.profileID)
                }
            }
        }
        #expect(ids.count == 12)
    }

    @Test(arguments: [(20, 50_000_000), (19, 52_631_578), (1, 1_000_000_000), (0, 1_000_000_000)] as [(UInt64, Int64)])
    func thePeriodFollowsTheRate(rate: UInt64, period: Int64) throws {
        let encoder = ProfilesEncoder.forTests(samplesPerSecond: rate)
        let message = try #require(encoder.encode(Intervals.rich()))
        #expect(message.resourceProfiles.first?.scopeProfiles.first?.profiles.first?.period == period)
    }

    @Test func nothingIsSentForNothing() {
        var interval = Intervals.rich()
        interval.samples = []
        #expect(ProfilesEncoder.forTests().encode(interval) == nil)
    }

    // MARK: - Stacks that are not complete

    @Test func stopFramesCanBeTurnedOff() throws {
        let message = try #require(ProfilesEncoder.forTests(sendsStopFrames: false).encode(Intervals.rich()))
        let lines = Rendering.lines(message)
        #expect(!lines.contains { $0.contains("abort-marker") })
        #expect(lines.contains { $0.contains("agent+1fff") })
        #expect(try findings(message) == [])
    }

    @Test func aStackOfNothingButAStopFrameStillCounts() throws {
        var interval = Intervals.rich()
        interval.traces.append(ProfileTrace(frames: [5], stopReason: 8, isComplete: false))
        interval.samples = [Intervals.sample(trace: 4)]
        let message = try #require(ProfilesEncoder.forTests(sendsStopFrames: false).encode(interval))
        let sample = try #require(message.resourceProfiles.first?.scopeProfiles.first?.profiles.first?.samples.first)
        #expect(sample.stackIndex == 0)
        #expect(sample.timestampsUnixNano.count == 1)
        #expect(try findings(message) == [])
    }

    @Test func aStopFrameWithoutASentenceGetsOne() throws {
        var interval = Intervals.rich()
        interval.frames[5].functions = []
        let lines = Rendering.lines(try #require(ProfilesEncoder.forTests().encode(interval)))
        #expect(lines.contains { $0.contains("[the unwinding table has no rule for this address:0]") })
        interval.frames[5].address = UInt64.max
        let unknown = Rendering.lines(try #require(ProfilesEncoder.forTests().encode(interval)))
        #expect(unknown.contains { $0.contains("otelcol.stack.stop_reason=unknown") })
    }

    // MARK: - Managed runtimes

    @Test func runtimeFramesHaveTheirTypeAndNoAddress() throws {
        var interval = Intervals.rich()
        let first = interval.frames.count
        interval.frames += [
            ProfileFrame(
                kind: .managed(type: "cpython"), executable: nil, address: 0,
                functions: [ProfileFunction(name: "Shop.total", file: "/srv/shop.py", line: 12, startLine: 9)]),
            ProfileFrame(kind: .managed(type: "cpython"), executable: nil, address: 0, functions: []),
            ProfileFrame(kind: .gap, executable: nil, address: 1, functions: []),
        ]
        interval.traces.append(
            ProfileTrace(frames: [first, first + 1, first + 2, 1], stopReason: 1, isComplete: false))
        interval.samples = [Intervals.sample(trace: interval.traces.count - 1)]
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        let lines = Rendering.lines(message)
        #expect(lines.contains("      +0 [Shop.total:12] profile.frame.type=cpython"))
        #expect(lines.contains("      +0 [] profile.frame.type=cpython"))
        #expect(lines.contains { $0.contains("abort-marker otelcol.stack.gap=runtime_pending") })
        #expect(try findings(message) == [])
    }

    // MARK: - Merging

    @Test func equalStacksWithDifferentNumbersAreOneSample() throws {
        var interval = Intervals.rich()
        interval.traces.append(interval.traces[0])
        interval.samples = [
            Intervals.sample(trace: 0, at: 1), Intervals.sample(trace: 4, at: 2), Intervals.sample(trace: 1, at: 3),
        ]
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        #expect(message.sampleCount == 2)
        #expect(try findings(message) == [])
    }

    @Test func namesOfThreadsAreComparedByBytes() throws {
        var interval = Intervals.rich()
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}")
        #expect(composed == decomposed)
        interval.samples = [
            Intervals.sample(.onCPU, composed, at: 1), Intervals.sample(.onCPU, decomposed, at: 2),
            Intervals.sample(.onCPU, composed, at: 3), Intervals.sample(.onCPU, "renamed", at: 4),
        ]
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        let samples = try #require(message.resourceProfiles.first?.scopeProfiles.first?.profiles.first?.samples)
        #expect(samples.map(\.timestampsUnixNano.count).sorted() == [1, 1, 2])
        // The checker's search for duplicates compares as Swift does, and would find the two names equal.
        let findings = try ProfilesChecker.check(
            serialized: message.serializedBytes(), ignoring: [.otherDuplicates])
        #expect(findings.map(\.description) == [])
    }

    // MARK: - Time

    @Test func lateSamplesMoveTheStart() throws {
        var interval = Intervals.rich()
        interval.samples[0].timeUnixNanoseconds = intervalStart - 7 * second
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        for profile in message.resourceProfiles.flatMap(\.scopeProfiles).flatMap(\.profiles) {
            #expect(profile.timeUnixNano == intervalStart - 7 * second)
            #expect(profile.durationNano == 12 * second)
        }
        #expect(try findings(message) == [])
    }

    @Test(arguments: [0, 3] as [UInt64])
    func samplesAtAndBehindTheEndMoveIt(seconds: UInt64) throws {
        var interval = Intervals.rich()
        interval.samples[0].timeUnixNanoseconds = interval.endUnixNanoseconds + seconds * second
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        for profile in message.resourceProfiles.flatMap(\.scopeProfiles).flatMap(\.profiles) {
            #expect(profile.timeUnixNano == intervalStart)
            #expect(profile.durationNano == (5 + seconds) * second + 1)
        }
        #expect(try findings(message) == [])
    }
}
