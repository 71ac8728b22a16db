import OTLP
import Testing

@testable import ProfilingMetricsConnector

/// Inputs and outputs of Elastic's connector.
@Suite struct FrameMetricsTests {
    static let allTypes: [TestSample] = [
        TestSample([.of("go")]), TestSample([.of("cpython")], 42), TestSample([.of("jvm")], 1),
        TestSample([.of("v8js")], 2), TestSample([.of("php")], 3), TestSample([.of("perl")], 4),
        TestSample([.of("ruby")], 5), TestSample([.of("dotnet")], 6), TestSample([.of("beam")], 7),
        TestSample([.of("rust")], 8),
    ]

    @Test func everyLanguage() {
        #expect(
            lines(metrics(message(Self.allTypes))) == [
                "samples.beam.count 7", "samples.cpython.count 42", "samples.dotnet.count 6", "samples.go.count 1",
                "samples.jvm.count 1", "samples.perl.count 4", "samples.php.count 3", "samples.ruby.count 5",
                "samples.rust.count 8", "samples.user.count 79", "samples.v8js.count 2",
            ])
    }

    @Test func mixedStacks() {
        let data = message([
            TestSample([.kernel()], 7), TestSample([.kernel()]), TestSample([.native(), .of("cpython")]),
            TestSample([.native("libc.so.6"), .of("go")], 12), TestSample([.of("go")]), TestSample([.of("cpython")]),
            TestSample([.of("cpython")]), TestSample([.of("cpython")], 3), TestSample([.of("go")]),
        ])
        #expect(
            lines(metrics(data)) == [
                "samples.cpython.count 5", "samples.go.count 2", "samples.kernel.count 8", "samples.native.count 1",
                "samples.native.count{shlib_name=libc} 12", "samples.user.count 20",
            ])
    }

    /// Stack, weight, and what it counts as.
    static let kernelStacks: [([String], Int, String)] = [
        (["handle_mm_fault", "alloc_pages", "tcp_recvmsg", "__x64_sys_read"], 1, "network tcp read read"),
        (["sock_recvmsg", "tcp_recvmsg", "__schedule"], 1, "network tcp read -"),
        (["tcp_sendmsg", "sock_sendmsg", "wake_up"], 1, "network tcp write -"),
        (["pipe_read", "udp_sendpage", "pipe_read", "ksys_write"], 42, "network udp write write"),
        (["sock_write_iter", "unix_stream_sendmsg"], 1, "ipc - write -"),
        (["sock_read_iter", "pipe_read"], 1, "ipc - read -"),
        (["foo__schedule", "bar", "baz"], 1, "synchronization - - -"),
        (["futex", "bar", "baz"], 20, "synchronization - - -"),
        (["futex", "bar", "baz", "__x64_sys_futex"], 10, "synchronization - - futex"),
        (
            [
                "tcp_rcv_established", "tcp_v4_do_rcv", "tcp_v4_rcv", "ip_output", "__ip_queue_xmit",
                "__tcp_transmit_skb", "tcp_sendmsg_locked", "tcp_sendmsg", "ksys_write",
            ], 5, "network tcp write write"
        ),
        (["generic_file_read_iter", "wake_up", "futex_", "sock_recvmsg"], 6, "network other read -"),
        (["free_pages", "sock_read_iter", "do_munmap"], 1, "network other read -"),
        (["wake_up", "futex_", "sock_sendmsg", "generic_file_write_iter"], 1, "network other write -"),
        (["do_munmap", "sock_write_iter", "free_pages"], 1, "network other write -"),
        (["do_mmap", "alloc_pages", "filemap_read"], 1, "disk - read -"),
        (["alloc_pages", "futex_", "ext4_file_write_iter"], 1, "disk - write -"),
        (["alloc_pages", "futex_", "wake_up_", "__arm64_sys_mmap"], 1, "memory - - mmap"),
        // Priority within one name, and what looks like a system call and is none.
        (["schedule_mmap_lock"], 1, "memory - - -"),
        (["bar", "__ia32_sys_read"], 1, "- - - -"),
    ]

    static func line(_ facts: String, _ value: Int) -> String {
        let keys = ["kernel_area", "kernel_proto", "kernel_io", "syscall_name"]
        let set = zip(keys, facts.split(separator: " ")).filter { $0.1 != "-" }.map { "\($0.0)=\($0.1)" }.sorted()
        return "samples.kernel.count\(set.isEmpty ? "" : "{\(set.joined(separator: ","))}") \(value)"
    }

    @Test(arguments: kernelStacks)
    func kernelStack(names: [String], weight: Int, facts: String) {
        let data = message([TestSample(names.map { .kernel($0) }, weight)])
        #expect(lines(metrics(data)) == [Self.line(facts, weight)])
    }

    @Test func kernelStacksMerge() {
        let samples = Self.kernelStacks.prefix(17).map { names, weight, _ in
            TestSample(names.map { .kernel($0) }, weight)
        }
        #expect(
            lines(metrics(message(samples))) == [
                Self.line("synchronization - - -", 21), Self.line("synchronization - - futex", 10),
                Self.line("disk - read -", 1), Self.line("disk - write -", 1), Self.line("ipc - read -", 1),
                Self.line("ipc - write -", 1), Self.line("memory - - mmap", 1), Self.line("network other read -", 7),
                Self.line("network other write -", 2), Self.line("network tcp read -", 1),
                Self.line("network tcp write -", 1), Self.line("network tcp read read", 1),
                Self.line("network udp write write", 42), Self.line("network tcp write write", 5),
            ].sorted())
    }

    @Test func aSystemCallEndsWhatIsClassified() {
        let data = message([TestSample([.kernel("vfs_read"), .kernel("__x64_sys_read"), .kernel("tcp_recvmsg")])])
        #expect(lines(metrics(data)) == ["samples.kernel.count{syscall_name=read} 1"])
    }

    @Test func theUserPartOfAKernelStackDoesNotMatter() {
        let data = message([
            TestSample([.kernel("futex"), TestFrame(type: nil), .of("go")]),
            TestSample([.kernel("futex"), .of("martian"), .of("go")]),
        ])
        #expect(lines(metrics(data)) == ["samples.kernel.count{kernel_area=synchronization} 2"])
    }

    @Test func everySampleIsCountedOnceAlsoOfUnknownTypes() {
        let data = message([
            TestSample([.of("martian")], 2), TestSample([TestFrame(type: nil)]), TestSample([.of("abort-marker")]),
            TestSample([.of("luajit")]), TestSample([]),
        ])
        #expect(
            lines(metrics(data)) == ["samples.luajit.count 1", "samples.other.count 4", "samples.user.count 5"])
    }

    @Test func valuesOfTheUnitCountAreWeightsWithoutTimestamps() {
        let data = message([TestSample([.of("go")], values: [50]), TestSample([.of("go")], values: [])])
        #expect(lines(metrics(data)) == ["samples.go.count 51", "samples.user.count 51"])
    }

    @Test func otherSampleTypesAreNotCounted() {
        #expect(metrics(message([TestSample([.of("go")])], type: "sample")) == nil)
        #expect(metrics(message([TestSample([.of("go")])], type: "off_cpu")) == nil)
    }

    @Test func profilesOfOneResourceGiveOnePoint() {
        var builder = MessageBuilder()
        let profile = TestProfile(samples: [TestSample([.of("go")])])
        builder.add([profile, profile], resource: [("a", "1"), ("b", "2")])
        builder.add([profile], resource: [("b", "2"), ("a", "1")])
        #expect(lines(metrics(builder.message)) == ["samples.go.count 3", "samples.user.count 3"])
        builder.add([profile], resource: [("a", "1")])
        #expect(
            lines(metrics(builder.message)) == [
                "samples.go.count 1", "samples.go.count 3", "samples.user.count 1", "samples.user.count 3",
            ])
    }

    @Test func indicesThatLeadNowhere() {
        var data = message([
            TestSample([.of("go")]), TestSample([.kernel("futex")]), TestSample([.native("libc.so.6")]),
        ])
        data.dictionary.stackTable.append(.with { $0.locationIndices = [99, -1] })
        data.dictionary.locationTable.append(.with { $0.attributeIndices = [-5] })
        let broken = Int32(data.dictionary.locationTable.count - 1)
        data.dictionary.stackTable.append(.with { $0.locationIndices = [broken] })
        for index in data.dictionary.locationTable.indices {
            data.dictionary.locationTable[index].lines = [.with { $0.functionIndex = 1_000 }]
            data.dictionary.locationTable[index].mappingIndex = -3
        }
        let last = Int32(data.dictionary.stackTable.count - 1)
        for stack in [last - 1, last, 77, -1] {
            data.resourceProfiles[0].scopeProfiles[0].profiles[0].samples.append(
                .with {
                    $0.stackIndex = stack
                    $0.attributeIndices = [400, -2]
                })
        }
        let everything = ProfilingMetricsConfiguration.with {
            for metric in MetricName.allCases { $0.enable(metric) }
        }
        for configuration in [ProfilingMetricsConfiguration(), everything] {
            let found = lines(metrics(data, configuration)).filter { $0.contains(".count") && !$0.contains("stacks") }
            #expect(
                found == [
                    "samples.go.count 1", "samples.kernel.count 1", "samples.native.count 1", "samples.other.count 2",
                    "samples.user.count 4",
                ])
        }
        var window = MetricsWindow()
        var counter = MessageCounter(data, .init())
        counter.count(into: &window, now: 0)
        #expect(counter.invalidSamples == 2)
    }

    @Test func anEmptyDictionaryIsNoTrouble() {
        var data = message([TestSample([.of("go")])])
        data.dictionary = .init()
        #expect(metrics(data, .with { $0.enable(.frameType, .stacks, .cpuTime) }) == nil)
    }

    @Test func resourceScopeTimesAndKinds() throws {
        var builder = MessageBuilder()
        builder.add(
            [
                TestProfile(time: 2_000, duration: 500, samples: [TestSample([.of("go")])]),
                TestProfile(time: 1_500, duration: 100, samples: [TestSample([.of("go")])]),
            ], resource: [("process.pid", "7"), ("host.name", "h")])
        let data = try #require(metrics(builder.message))
        let resource = try #require(data.resourceMetrics.first)
        #expect(resource.resource.attributes.map(\.key) == ["process.pid", "host.name"])
        let scope = try #require(resource.scopeMetrics.first)
        #expect(
            scope.scope.name
                == "github.com/elastic/opentelemetry-collector-components/connector/profilingmetricsconnector")
        #expect(scope.scope.version == "1.2.3")
        #expect(scope.metrics.map(\.name) == ["samples.go.count", "samples.user.count"])
        for metric in scope.metrics {
            #expect(metric.unit == "1")
            #expect(metric.sum.isMonotonic)
            #expect(metric.sum.aggregationTemporality == .delta)
            #expect(metric.sum.dataPoints.map(\.startTimeUnixNano) == [1_500])
            #expect(metric.sum.dataPoints.map(\.timeUnixNano) == [2_500])
        }
    }
}
