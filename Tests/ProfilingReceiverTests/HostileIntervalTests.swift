import Engine
import OTLP
import OTLPTestSupport
import SwiftProtobuf
import TestRandomness
import Testing

@testable import ProfilingReceiver

/// Intervals that no sound engine makes, and names that a sound process does not have.
@Suite struct HostileIntervalTests {
    /// Addresses outside of their mapping are the interval's own, and only a warning.
    private func findings(_ message: OTLPProfilesData) throws -> [String] {
        try ProfilesChecker.check(serialized: message.serializedBytes(), ignoring: [.addressInsideMapping])
            .map(\.description)
    }

    @Test func indexesOutOfRangeCostOnlyThemselves() throws {
        var interval = Intervals.rich()
        interval.traces[0].frames = [-1, 1, 99]
        interval.frames[1].executable = 77
        interval.frames[2].executable = -1
        interval.samples.append(Intervals.sample(trace: 50))
        interval.samples.append(Intervals.sample(trace: -50))
        interval.processes = [:]
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        #expect(eventCount(message) == interval.samples.count)
        #expect(Rendering.lines(message).contains("resource process.pid=100"))
        #expect(try findings(message) == [])
    }

    @Test func extremeNumbersStayInTheirFields() throws {
        var interval = Intervals.rich()
        interval.samples += [
            ProfileSample(
                trace: 0, origin: .offCPU, pid: -1, tid: Int32.min, threadName: "x", cpu: UInt32.max,
                timeUnixNanoseconds: UInt64.max, value: UInt64.max),
            ProfileSample(
                trace: 0, origin: .onCPU, pid: Int32.max, tid: Int32.max, threadName: "x", cpu: 0,
                timeUnixNanoseconds: 0, value: 0),
        ]
        interval.endUnixNanoseconds = 0
        interval.frames[0].functions[0].line = UInt32.max
        interval.executables[0].endAddress = 0
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        #expect(try findings(message) == [])
        let values = message.resourceProfiles.flatMap(\.scopeProfiles).flatMap(\.profiles).flatMap(\.samples)
            .flatMap(\.values)
        #expect(values.contains(Int64.max))
    }

    @Test func hostileNamesAreSentAsValidText() throws {
        var interval = Intervals.rich()
        let broken = String(decoding: [0xff, 0xc0, 0x80, 0x00, 0x41], as: UTF8.self)
        interval.samples[0].threadName = broken
        interval.frames[0].functions[0].name = broken + String(repeating: "\u{202e}", count: 1000)
        interval.frames[1].functions[0].file = "../../\n\0"
        interval.executables[0].fileName = ""
        interval.executables[2] = ProfileExecutable(fileName: "no id", fileID: "", gnuBuildID: "", goBuildID: "")
        interval.processes[.init(pid: 100)]?.executablePath = "/"
        interval.processes[.init(pid: 100)]?.environment = ["": "nameless", "A=B": "\u{0}", "é": "1", "e\u{300}": "2"]
        interval.frames[3].functions = [ProfileFunction(name: "")]
        let message = try #require(ProfilesEncoder.forTests().encode(interval))
        #expect(try findings(message) == [])
        let lines = Rendering.lines(message)
        #expect(lines.contains { $0.contains("<anonymous-blob>+402000") })
        #expect(lines.contains { $0.contains("+1fff [] profile.frame.type=native") })
        #expect(!lines.contains { $0.contains("process.executable.name= ") })
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func whateverComesInIsCountedOnce(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let interval = Intervals.random(&random)
        let message = try #require(ProfilesEncoder.forTests(sendsStopFrames: seed % 2 == 0).encode(interval))
        #expect(try findings(message) == [])
        #expect(eventCount(message) == interval.samples.count)

        var expected: [Int64: Int] = [:]
        for sample in interval.samples { expected[Int64(sample.pid), default: 0] += 1 }
        var found: [Int64: Int] = [:]
        for resource in message.resourceProfiles {
            let pid = try #require(resource.resource.attributes.first { $0.key == "process.pid" }).value.intValue
            #expect(found[pid] == nil)
            for sample in resource.scopeProfiles.flatMap(\.profiles).flatMap(\.samples) {
                found[pid, default: 0] += sample.timestampsUnixNano.count
                #expect(sample.timestampsUnixNano == sample.timestampsUnixNano.sorted())
            }
        }
        #expect(found == expected)
    }

    private func eventCount(_ message: OTLPProfilesData) -> Int {
        message.resourceProfiles.flatMap(\.scopeProfiles).flatMap(\.profiles).flatMap(\.samples)
            .reduce(0) { $0 + $1.timestampsUnixNano.count }
    }
}

extension Intervals {
    /// A few of everything, so that much of it is equal.
    static func random(_ random: inout SplitMix64) -> ProfileInterval {
        var interval = ProfileInterval(
            startUnixNanoseconds: intervalStart, endUnixNanoseconds: intervalStart + 5 * second)
        func pick<Element>(_ choices: [Element]) -> Element { choices[Int(random.next() % UInt64(choices.count))] }
        func number(below bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        for _ in 0..<4 {
            interval.executables.append(
                ProfileExecutable(
                    fileName: pick(["a", "b", ""]), startAddress: UInt64(number(below: 3)),
                    endAddress: UInt64(number(below: 3)), fileID: pick(["00", "11"]),
                    gnuBuildID: pick([nil, "", "22"])))
        }
        for _ in 0..<12 {
            let functions = (0..<number(below: 3)).map { _ in
                ProfileFunction(
                    name: pick(["f", "g", ""]), systemName: pick(["", "_f"]), file: pick(["", "f.c"]),
                    line: UInt32(number(below: 2)))
            }
            interval.frames.append(
                ProfileFrame(
                    kind: pick([.native, .kernel, .stop]), executable: pick([nil, 0, 1, 2, 3, 4]),
                    address: UInt64(number(below: 4)), functions: functions))
        }
        for _ in 0..<10 {
            let frames = (0..<number(below: 4)).map { _ in number(below: 13) }
            interval.traces.append(ProfileTrace(frames: frames, stopReason: 1, isComplete: true))
        }
        for _ in 0..<200 {
            interval.samples.append(
                ProfileSample(
                    trace: number(below: 11), origin: pick([.onCPU, .offCPU, .probe]), pid: pick([0, 1, 2]),
                    tid: pick([1, 2]), threadName: pick(["", "t", "u"]), cpu: UInt32(number(below: 2)),
                    timeUnixNanoseconds: intervalStart - second + UInt64(number(below: 7_000_000_000)),
                    value: UInt64(number(below: 9))))
        }
        for pid: Int32 in 0..<2 {
            interval.processes[.init(pid: pid)] = ProfileProcess(pid: pid, executablePath: pick([nil, "/x"]))
        }
        return interval
    }
}
