import RegularExpressions
import Testing

@testable import ProfilingMetricsConnector

/// Metrics that look at every frame, and those beyond Elastic's connector.
@Suite struct FamilyTests {
    @Test func frameTypes() {
        let configuration = ProfilingMetricsConfiguration.with { $0.enable(.frameType) }
        let go = TestSample([.of("go")], 5)
        #expect(
            lines(metrics(message([go], type: "sample"), configuration)) == [
                "samples.frame_type{frame_type=go,profile.type_unit=sample_count} 1"
            ])
        let python = TestSample([.of("python"), .of("go"), TestFrame(type: nil)])
        #expect(
            lines(metrics(message([go, python], type: "sample"), configuration)) == [
                "samples.frame_type{frame_type=go,profile.type_unit=sample_count} 2",
                "samples.frame_type{frame_type=python,profile.type_unit=sample_count} 1",
            ])
    }

    @Test func classifications() {
        let configuration = ProfilingMetricsConfiguration.with { $0.enable(.classification) }
        let data = message(
            [
                TestSample([.of("go", "mypkg.myfunc", "other/pkg.inlinedInto"), .of("jvm", "void a.B.c()")]),
                TestSample([.kernel("futex"), .native("libc.so.6"), .of("go", "mypkg.other")]),
            ], type: "events")
        #expect(
            lines(metrics(data, configuration)) == [
                "samples.classification{classification=a.B,frame_type=jvm,profile.type_unit=events_count} 1",
                "samples.classification{classification=mypkg,frame_type=go,profile.type_unit=events_count} 2",
                "samples.classification{classification=other/pkg,frame_type=go,profile.type_unit=events_count} 1",
            ])
    }

    @Test func customAggregations() throws {
        var configuration = ProfilingMetricsConfiguration()
        for (match, label) in [("^my", "mine"), ("func", "functions"), ("myfunc", "mine")] {
            configuration.aggregations.append(.init(expression: try RegularExpression(match), label: label))
        }
        let data = message([TestSample([.of("go", "myfunc"), .kernel("do_func"), .native()])], type: "sample")
        #expect(
            lines(metrics(data, configuration)) == [
                "samples.custom_aggregation{frame_type=functions,profile.type_unit=sample_count} 2",
                "samples.custom_aggregation{frame_type=mine,profile.type_unit=sample_count} 2",
            ])
    }

    static let strategies: [(ProfilingMetricsConfiguration.AggregationStrategy, Int)] = [
        (.sum, 9), (.avg, 3), (.min, 1), (.max, 6),
    ]

    @Test(arguments: strategies)
    func pointsThatBecomeEqualAreCombined(strategy: ProfilingMetricsConfiguration.AggregationStrategy, value: Int) {
        let configuration = ProfilingMetricsConfiguration.with {
            $0.metrics[.classification] = .init(
                isEnabled: true, strategy: strategy, attributes: ["frame_type"])
        }
        let go = { (name: String, times: Int) in Array(repeating: TestFrame.of("go", name), count: times) }
        let stack = go("a.x", 6) + go("b.x", 2) + go("c.x", 1) + [.of("jvm", "void X.y()")]
        let data = message([TestSample(stack)], type: "s")
        #expect(
            lines(metrics(data, configuration)) == [
                "samples.classification{frame_type=go} \(value)", "samples.classification{frame_type=jvm} 1",
            ])
    }

    @Test func timeByProcessAndThread() {
        var builder = MessageBuilder()
        builder.add(
            [
                TestProfile(
                    period: 50_000_000,
                    samples: [
                        TestSample([.of("go")], 3, thread: "main"), TestSample([.kernel()], 1, thread: "main"),
                        TestSample([], 2, thread: "worker"), TestSample([.of("go")], 4),
                    ]),
                // Without a period there is no time.
                TestProfile(samples: [TestSample([.of("go")], 100)]),
            ],
            resource: [("process.executable.name", "app"), ("container.id", "c1"), ("process.pid", "7")])
        let base = "container.id=c1,process.executable.name=app,process.pid=7"
        let times = { (configuration: ProfilingMetricsConfiguration) in
            lines(metrics(builder.message, configuration)).filter { $0.contains("cpu.time") }
        }
        #expect(
            times(.with { $0.enable(.cpuTime) }) == [
                "samples.cpu.time{\(base),thread.name=main} 0.2", "samples.cpu.time{\(base),thread.name=worker} 0.1",
                "samples.cpu.time{\(base)} 0.2",
            ])
        #expect(
            times(
                .with {
                    $0.metrics[.cpuTime] = .init(
                        isEnabled: true, strategy: .sum, attributes: ["process.executable.name"])
                }) == ["samples.cpu.time{process.executable.name=app} 0.5"])
    }

    @Test func resourcesWithoutSomeAttributesBecomeOne() throws {
        var builder = MessageBuilder()
        for pid in ["1", "2"] {
            builder.add(
                [TestProfile(samples: [TestSample([.of("go")])])], resource: [("process.pid", pid), ("host", "h")])
        }
        let data = try #require(
            metrics(builder.message, .with { $0.droppedResourceAttributes = ["process.pid"] }))
        #expect(data.resourceMetrics.map { $0.resource.attributes.map(\.key) } == [["host"]])
        #expect(lines(data) == ["samples.go.count 2", "samples.user.count 2"])
    }

    @Test func offCPUTimeByWhatTheKernelWasAskedToDo() {
        var builder = MessageBuilder()
        let read: [TestFrame] = [.kernel("__schedule"), .kernel("pipe_read"), .kernel("__x64_sys_read"), .of("cpython")]
        builder.add([
            TestProfile(
                type: "off_cpu", unit: "nanoseconds",
                samples: [
                    TestSample(read, 2, values: [1_000_000_000, 500_000_000]),
                    TestSample([.kernel("__schedule"), .native()], 1, values: [250_000_000]),
                    TestSample([.kernel("__schedule"), .native()], values: [-5]),
                ])
        ])
        #expect(
            lines(metrics(builder.message, .with { $0.enable(.offCPUTime) })) == [
                "samples.off_cpu.time{frame_type=cpython,kernel_area=ipc,kernel_io=read,syscall_name=read} 1.5",
                "samples.off_cpu.time{frame_type=native,kernel_area=synchronization} 0.25",
            ])
    }

    @Test func functionsBeyondTheLimitAreOne() {
        var builder = MessageBuilder()
        let samples = (1...5).map { TestSample([.of("go", "f\($0)"), .of("go", "main")], $0) }
        builder.add([TestProfile(period: 1_000_000_000, samples: samples)])
        let configuration = ProfilingMetricsConfiguration.with {
            $0.enable(.functionTime)
            $0.functionLimit = 2
        }
        #expect(
            lines(metrics(builder.message, configuration)).filter { $0.contains("function") } == [
                "samples.function.time{frame_type=go,function=f4} 4.0",
                "samples.function.time{frame_type=go,function=f5} 5.0",
                "samples.function.time{function=(other)} 6.0",
            ])
    }

    @Test func shareOfCompleteStacks() {
        let data = message([
            TestSample([.of("go"), .native()], 3), TestSample([.of("go"), .of("abort-marker", "the stack is torn")]),
        ])
        #expect(
            lines(metrics(data, .with { $0.enable(.stacks, .completeShare) })).filter { $0.contains("stacks") } == [
                "samples.stacks.complete.ratio 0.75", "samples.stacks.count{stack.complete=false} 1",
                "samples.stacks.count{stack.complete=true} 3",
            ])
        #expect(
            lines(metrics(data, .with { $0.enable(.completeShare) })).filter { $0.contains("stacks") } == [
                "samples.stacks.complete.ratio 0.75"
            ])
    }
}
