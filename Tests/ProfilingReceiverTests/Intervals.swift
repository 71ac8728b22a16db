import Engine
import FoundationEssentials
import OTLP

@testable import ProfilingReceiver

/// 14 November 2023, a second after 22:13:19 UTC.
let intervalStart: UInt64 = 1_700_000_000_000_000_000
let second: UInt64 = 1_000_000_000

enum Intervals {
    /// Two processes, a kernel thread and the idle task; inlined functions, a stack that is not complete, samples of
    /// all kinds.
    static func rich() -> ProfileInterval {
        var interval = ProfileInterval(
            startUnixNanoseconds: intervalStart, endUnixNanoseconds: intervalStart + 5 * second)
        interval.executables = [
            ProfileExecutable(
                fileName: "shop", startAddress: 0x401000, endAddress: 0x480000, fileOffset: 0x1000,
                fileID: "af5570f5a1810b7af78caf4bc70a660f", gnuBuildID: "c89b11207f6479603b0d49bf291c092c2b719293"),
            ProfileExecutable(
                fileName: "vmlinux", fileID: "b83310f55156928abed22f6702fc03a8",
                gnuBuildID: "1234567890abcdef1234567890abcdef12345678"),
            ProfileExecutable(
                fileName: "agent", startAddress: 0x1000, endAddress: 0x9000, fileID: "4d9cbfd062dc96c836340b284e743e15",
                goBuildID: "aBc/dEf"),
        ]
        interval.frames = [
            // 0: inlined code.
            ProfileFrame(
                kind: .native, executable: 0, address: 0x401234,
                functions: [
                    ProfileFunction(name: "sum<int>", systemName: "_Z3sumIiE", file: "sum.h", line: 7, column: 3),
                    ProfileFunction(name: "total", file: "shop.c", line: 40, startLine: 30),
                ]),
            // 1
            ProfileFrame(
                kind: .native, executable: 0, address: 0x402000,
                functions: [ProfileFunction(name: "main", file: "shop.c", line: 99, startLine: 90)]),
            // 2
            ProfileFrame(
                kind: .kernel, executable: 1, address: 0xffff,
                functions: [ProfileFunction(name: "vfs_read")]),
            // 3: nothing names it.
            ProfileFrame(kind: .native, executable: 2, address: 0x1fff, functions: []),
            // 4: memory without a file.
            ProfileFrame(kind: .native, executable: nil, address: 0x7fff_0000_1000, functions: []),
            // 5
            ProfileFrame(
                kind: .stop, executable: nil, address: 8,
                functions: [ProfileFunction(name: "the unwinding table has no rule for this address")]),
        ]
        interval.traces = [
            ProfileTrace(frames: [0, 1], stopReason: 1, isComplete: true),
            ProfileTrace(frames: [2, 0, 1], stopReason: 1, isComplete: true),
            ProfileTrace(frames: [2], stopReason: 2, isComplete: true),
            ProfileTrace(frames: [4, 3, 5], stopReason: 8, isComplete: false),
        ]
        interval.processes = [
            .init(pid: 0): ProfileProcess(pid: 0, commandName: "swapper/0"),
            .init(pid: 2): ProfileProcess(pid: 2, commandName: "kthreadd"),
            .init(pid: 100): ProfileProcess(
                pid: 100, parentPID: 1, executablePath: "/opt/shop/bin/shop", commandName: "shop",
                containerID: "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                environment: ["STAGE": "test", "REGION": "eu"]),
            .init(pid: 90): ProfileProcess(pid: 90, executablePath: "/usr/bin/agent (deleted)", commandName: "agent"),
        ]
        interval.samples = [
            sample(trace: 0, pid: 100, tid: 101, "worker", cpu: 1, at: 1),
            sample(trace: 1, pid: 100, tid: 100, "shop", cpu: 0, at: 2),
            sample(trace: 0, pid: 100, tid: 101, "worker", cpu: 1, at: 3),
            sample(trace: 0, pid: 100, tid: 101, "worker", cpu: 0, at: 4),
            sample(trace: 1, .offCPU, pid: 100, tid: 101, "worker", cpu: 0, at: 3, value: 250_000),
            sample(trace: 1, .offCPU, pid: 100, tid: 101, "worker", cpu: 0, at: 2, value: 1_000),
            sample(trace: 1, .probe, pid: 100, tid: 100, "shop", cpu: 0, at: 2),
            sample(trace: 2, pid: 2, tid: 2, "kthreadd", cpu: 3, at: 1),
            sample(trace: 2, pid: 0, tid: 0, "swapper/0", cpu: 0, at: 1),
            sample(trace: 3, pid: 90, tid: 95, "", cpu: 2, at: 1),
        ]
        return interval
    }

    /// The same with its traces, frames and executables numbered backwards and its samples in reverse order.
    static func renumbered(_ interval: ProfileInterval) -> ProfileInterval {
        var result = interval
        result.executables.reverse()
        result.frames = interval.frames.reversed().map { frame in
            var frame = frame
            frame.executable = frame.executable.map { interval.executables.count - 1 - $0 }
            return frame
        }
        result.traces = interval.traces.reversed().map { trace in
            var trace = trace
            trace.frames = trace.frames.map { interval.frames.count - 1 - $0 }
            return trace
        }
        result.samples = interval.samples.reversed().map { sample in
            var sample = sample
            sample.trace = interval.traces.count - 1 - sample.trace
            return sample
        }
        return result
    }

    static func sample(
        trace: Int = 0, _ origin: SampleOrigin = .onCPU, pid: Int32 = 100, tid: Int32 = 100, _ name: String = "shop",
        cpu: UInt32 = 0, at seconds: UInt64 = 1, value: UInt64 = 0
    ) -> ProfileSample {
        ProfileSample(
            trace: trace, origin: origin, pid: pid, tid: tid, threadName: name, cpu: cpu,
            timeUnixNanoseconds: intervalStart + seconds * second, value: value)
    }
}

extension ProfilesEncoder {
    /// Profile ids count up from 1.
    static func forTests(sendsStopFrames: Bool = true, samplesPerSecond: UInt64 = 20) -> ProfilesEncoder {
        var encoder = ProfilesEncoder(
            samplesPerSecond: samplesPerSecond, sendsStopFrames: sendsStopFrames, scopeVersion: "1.2.3")
        let calls = CallCounter()
        encoder.makeProfileID = { Data(repeating: calls.next(), count: 16) }
        return encoder
    }
}

/// A message as lines of text, for comparing with what a person wrote down.
enum Rendering {
    static func lines(_ message: OTLPProfilesData) -> [String] {
        var lines: [String] = []
        let dictionary = message.dictionary
        func string(_ index: Int32) -> String { dictionary.string(at: index) ?? "?" }
        for resource in message.resourceProfiles {
            let process = resource.resource.attributes.map { "\($0.key)=\(value($0.value))" }
            lines.append("resource " + process.joined(separator: " "))
            func name(_ type: OTLPValueType) -> String { "\(string(type.typeStrindex))/\(string(type.unitStrindex))" }
            for profile in resource.scopeProfiles.flatMap(\.profiles) {
                let period = profile.hasPeriodType ? " every \(profile.period) \(name(profile.periodType))" : ""
                lines.append("  \(name(profile.sampleType))\(period)")
                for sample in profile.samples {
                    let times = sample.timestampsUnixNano.map { "\(($0 - intervalStart) / second)" }
                    let values = sample.values.isEmpty ? "" : " values \(sample.values)"
                    let locations = dictionary.stack(at: sample.stackIndex)?.locationIndices ?? []
                    let thread = attributes(sample.attributeIndices, dictionary)
                    lines.append("    \(thread) at \(times.joined(separator: ","))\(values)")
                    for index in locations {
                        lines.append("      " + location(dictionary.location(at: index) ?? OTLPLocation(), dictionary))
                    }
                }
            }
        }
        return lines
    }

    static func location(_ location: OTLPLocation, _ dictionary: OTLPProfilesDictionary) -> String {
        let mapping = dictionary.mapping(at: location.mappingIndex) ?? OTLPMapping()
        let file = dictionary.string(at: mapping.filenameStrindex) ?? "?"
        let names = location.lines.map { line in
            let function = dictionary.function(at: line.functionIndex) ?? OTLPFunction()
            return "\(dictionary.string(at: function.nameStrindex) ?? "?"):\(line.line)"
        }
        return "\(file)+\(String(location.address, radix: 16)) [\(names.joined(separator: " < "))] "
            + attributes(location.attributeIndices, dictionary)
    }

    static func attributes(_ indices: [Int32], _ dictionary: OTLPProfilesDictionary) -> String {
        indices.map { index in
            let attribute = dictionary.attribute(at: index) ?? OTLPKeyValueAndUnit()
            return "\(dictionary.string(at: attribute.keyStrindex) ?? "?")=\(value(attribute.value))"
        }.joined(separator: " ")
    }

    private static func value(_ value: OTLPAnyValue) -> String {
        switch value.value {
        case .stringValue(let text): text
        case .boolValue(let isTrue): "\(isTrue)"
        case .intValue(let number): "\(number)"
        default: "?"
        }
    }
}
