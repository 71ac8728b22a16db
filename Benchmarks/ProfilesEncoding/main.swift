// What it costs to turn an interval into an OTLP message, per sample.
//
//     OTELCOL_ONLY=profiles-encoding-benchmark swift run -c release profiles-encoding-benchmark [SAMPLES...]
//
// Encodes each interval nine times and reports the least processor time. An interval has a trace for every second
// sample, traces of 40 frames out of 20,000, 400 threads in 100 processes on 64 CPUs; the serialized size is of the
// message as it is sent.

import Engine
import Glibc
import OTLP
import ProfilingReceiver
import TestRandomness

func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
}

func makeInterval(sampleCount: Int) -> ProfileInterval {
    var random = SplitMix64(seed: 1)
    let start: UInt64 = 1_700_000_000_000_000_000
    var interval = ProfileInterval(startUnixNanoseconds: start, endUnixNanoseconds: start + 5_000_000_000)
    interval.executables = (0..<200).map { index in
        let id = String(UInt64(index) | 1 << 60, radix: 16)
        return ProfileExecutable(
            fileName: "lib\(index).so", startAddress: 0x1000, endAddress: 0x100_0000, fileID: id + id,
            gnuBuildID: id + id + "01234567")
    }
    interval.frames = (0..<20_000).map { index in
        ProfileFrame(
            kind: index % 5 == 0 ? .kernel : .native, executable: index % 200, address: UInt64(0x1000 + index * 16),
            functions: [
                ProfileFunction(
                    name: "namespace::Class<int>::method_\(index / 3)",
                    systemName: "_ZN9namespace5ClassIiE\(index / 3)Ev",
                    file: "source_\(index / 40).cpp", line: UInt32(index % 1000))
            ])
    }
    interval.traces = (0..<max(1, sampleCount / 2)).map { _ in
        ProfileTrace(
            frames: (0..<40).map { _ in Int.random(in: 0..<20_000, using: &random) }, stopReason: 1, isComplete: true)
    }
    for pid: Int32 in 1000..<1100 {
        interval.processes[.init(pid: pid)] = ProfileProcess(pid: pid, executablePath: "/usr/bin/program-\(pid)")
    }
    interval.samples = (0..<sampleCount).map { index in
        let thread = Int32.random(in: 0..<400, using: &random)
        return ProfileSample(
            trace: Int.random(in: 0..<interval.traces.count, using: &random), origin: .onCPU, pid: 1000 + thread / 4,
            tid: 2000 + thread, threadName: "thread-\(thread % 4)", cpu: UInt32.random(in: 0..<64, using: &random),
            timeUnixNanoseconds: start + UInt64(index) * 700_000, value: 0)
    }
    return interval
}

let counts = CommandLine.arguments.dropFirst().compactMap { Int($0) }.filter { $0 > 0 }
let encoder = ProfilesEncoder(samplesPerSecond: 20, scopeVersion: "benchmark")
for count in counts.isEmpty ? [1_000, 6_400, 50_000] : counts {
    let interval = makeInterval(sampleCount: count)
    var best = Double.infinity
    var size = 0
    for _ in 0..<9 {
        let start = cpuNanoseconds()
        let message = encoder.encode(interval)
        best = min(best, cpuNanoseconds() - start)
        size = (try? message?.serializedBytes() as [UInt8]?)?.count ?? 0
    }
    let perSample = Int(best / Double(count))
    print("\(count) samples: \(Int(best / 1000)) us, \(perSample) ns a sample; message of \(size) bytes")
}
