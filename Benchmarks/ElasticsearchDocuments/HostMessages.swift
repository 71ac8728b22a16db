import OTLP
import TestRandomness

/// Five seconds of a busy host: all events in one message, over stacks of which a tenth is not in other messages.
func makeHost(events: Int, message: Int) -> OTLPProfilesData {
    let processes = 200
    let stackCount = 3_000
    var random = SplitMix64(seed: UInt64(message) + 1)
    var builder = ProfilesDictionaryBuilder()
    let native = builder.attribute("profile.frame.type", "native")
    let mappings = (0..<60).map { index in
        let digits = String(index + 1, radix: 16)
        return builder.mapping(
            memoryStart: 0x1000, memoryLimit: 0x100_0000, fileName: "lib\(index).so.1",
            attributes: [
                builder.attribute(
                    "process.executable.build_id.htlhash", String(repeating: "0", count: 32 - digits.count) + digits)
            ])
    }
    let stacks = (0..<stackCount).map { number -> Int32 in
        let isNew = number % 10 == 0
        var walk = SplitMix64(seed: UInt64(number) &* 7 &+ (isNew ? UInt64(message) << 32 : 0))
        let frames = (0..<30).map { _ -> Int32 in
            let frame = Int(walk.next() % 20_000)
            let line = ProfilesDictionaryBuilder.Line(
                function: builder.function(
                    name: "namespace::Class\(frame)::method(int, char const*)", fileName: "source\(frame % 500).cpp"),
                line: Int64(frame % 900 + 1))
            return builder.location(
                mapping: mappings[frame % mappings.count], address: UInt64(0x2000 + frame), lines: [line],
                attributes: [native])
        }
        return builder.stack(frames)
    }
    let (type, period) = (builder.valueType("samples", "count"), builder.valueType("cpu", "nanoseconds"))
    let threads = (0..<400).map { builder.attribute("thread.name", "thread-\($0)") }
    let start = 1_700_000_000_000_000_000 + UInt64(message) * 5_000_000_000
    var data = OTLPProfilesData()
    for process in 0..<processes {
        var profile = OTLPProfile()
        profile.sampleType = type
        profile.periodType = period
        profile.period = 50_000_000
        profile.timeUnixNano = start
        for index in 0..<(events / processes) {
            profile.samples.append(
                .with {
                    $0.stackIndex = stacks.randomElement(using: &random) ?? 0
                    $0.attributeIndices = [threads[(process * 2 + index % 2) % threads.count]]
                    $0.timestampsUnixNano = [start + random.next() % 5_000_000_000]
                })
        }
        data.resourceProfiles.append(
            .with {
                $0.resource.attributes = [
                    OTLPKeyValue("process.pid", Int64(process)),
                    OTLPKeyValue("process.executable.name", "program-\(process)"),
                    OTLPKeyValue("host.id", "0123456789abcdef0123456789abcdef"), OTLPKeyValue("host.name", "host"),
                    OTLPKeyValue("container.id", String(repeating: "c", count: 64)),
                ]
                $0.scopeProfiles = [.with { $0.profiles = [profile] }]
            })
    }
    data.dictionary = builder.dictionary
    return data
}
