// What it costs to make metrics of a message of profiles, per sample.
//
//     OTELCOL_ONLY=profiling-metrics-benchmark swift run -c release profiling-metrics-benchmark
//
// A message of 10,000 samples over 2,000 stacks of 30 frames, a third of them in the kernel, in 50 processes. Counted
// forty times, with nothing kept from one message to the next; the least and the median processor time of one thread.

import Collector
import Glibc
import Logging
import OTLP
import ProfilingMetricsConnector
import TestRandomness

func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func makeMessage(samples sampleCount: Int, stacks stackCount: Int, processes: Int) -> OTLPProfilesData {
    var random = SplitMix64(seed: 1)
    var builder = ProfilesDictionaryBuilder()
    let kernelNames = [
        "__schedule", "schedule", "futex_wait_queue", "__x64_sys_futex", "do_syscall_64", "tcp_sendmsg_locked",
        "tcp_recvmsg", "sock_recvmsg", "__x64_sys_read", "__x64_sys_write", "vfs_read", "ext4_file_read_iter",
        "filemap_read", "handle_mm_fault", "do_anonymous_page", "asm_exc_page_fault", "copy_page_to_iter",
    ]
    let kernel = builder.attribute("profile.frame.type", "kernel")
    let native = builder.attribute("profile.frame.type", "native")
    let python = builder.attribute("profile.frame.type", "cpython")
    let mappings = (0..<40).map { index in
        builder.mapping(
            memoryStart: 0x1000, memoryLimit: 0x100_0000, fileOffset: 0, fileName: "lib\(index).so.\(index)",
            attributes: [builder.attribute("process.executable.build_id.htlhash", "id\(index)")])
    }
    func location(_ type: Int32, _ name: String, _ index: Int) -> Int32 {
        let line = ProfilesDictionaryBuilder.Line(function: builder.function(name: name))
        return builder.location(
            mapping: type == native ? mappings[index % mappings.count] : 0, address: UInt64(0x1000 + index),
            lines: [line], attributes: [type])
    }
    let kernelLocations = (0..<400).map { index in
        location(kernel, index < 17 ? kernelNames[index] : "\(kernelNames[index % 17]).part.\(index)", index)
    }
    let nativeLocations = (0..<3000).map { location(native, "native_function_\($0)", $0) }
    let pythonLocations = (0..<1000).map { location(python, "module.function_\($0)", $0) }
    let stacks = (0..<stackCount).map { index in
        var frames: [Int32] = []
        if index % 3 == 0 {
            for _ in 0..<10 { frames.append(kernelLocations.randomElement(using: &random) ?? 0) }
        }
        let user = index % 2 == 0 ? nativeLocations : pythonLocations
        while frames.count < 30 { frames.append(user.randomElement(using: &random) ?? 0) }
        return builder.stack(frames)
    }
    let type = builder.valueType("samples", "count")
    let threads = (0..<200).map { builder.attribute("thread.name", "thread-\($0)") }
    var data = OTLPProfilesData()
    for process in 0..<processes {
        var profile = OTLPProfile()
        profile.sampleType = type
        profile.timeUnixNano = 1_700_000_000_000_000_000
        for index in 0..<(sampleCount / processes) {
            var sample = OTLPSample()
            sample.stackIndex = stacks.randomElement(using: &random) ?? 0
            sample.attributeIndices = [threads[index % threads.count]]
            sample.timestampsUnixNano = [profile.timeUnixNano + UInt64(index)]
            profile.samples.append(sample)
        }
        data.resourceProfiles.append(
            .with {
                $0.resource.attributes = [
                    OTLPKeyValue("process.pid", Int64(process)), OTLPKeyValue("process.executable.name", "program"),
                ]
                $0.scopeProfiles = [.with { $0.profiles = [profile] }]
            })
    }
    data.dictionary = builder.dictionary
    return data
}

struct Discard: Consumer {
    func consume(_ telemetry: Telemetry) {}
}

let samples = 10_000
let message = makeMessage(samples: samples, stacks: 2_000, processes: 50)
let diagnostics = ConfigurationDiagnostics()
let factory = ProfilingMetricsConnectorFactory()
let configuration = factory.decode(ConfigurationSection(path: "", node: nil, diagnostics: diagnostics))
let connector = factory.makeConnector(
    signals: SignalPair(from: .profiles, to: .metrics), configuration: configuration,
    context: ComponentContext(
        kind: .connector, id: try ComponentID(parsing: "profilingmetrics"), logger: Logger(label: "benchmark"),
        build: BuildInformation(command: "benchmark", description: "", version: ""), metrics: MetricsRegistry()),
    next: Discard())
var times: [Double] = []
for _ in 0..<40 {
    let start = cpuNanoseconds()
    try await connector.consume(.profiles(message))
    times.append(cpuNanoseconds() - start)
}
try await connector.shutdown()
times.sort()
for (name, time) in [("least", times[0]), ("median", times[times.count / 2])] {
    let each = time / Double(samples)
    print("\(name): \(Int(each.rounded())) ns a sample, \(Int(1e9 / each)) samples a second on one core")
}
