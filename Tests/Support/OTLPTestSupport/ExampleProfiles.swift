import Foundation
import OTLP

/// Messages for tests.
public enum ExampleProfiles {
    /// One process with two stacks that share a frame, every table used, and nothing that the checker finds fault with.
    public static func small() -> OTLPProfilesData {
        var builder = ProfilesDictionaryBuilder()
        let frameType = builder.attribute("profile.frame.type", "native")
        let buildID = builder.attribute("process.executable.build_id.gnu", "0123456789abcdef")
        let mapping = builder.mapping(
            memoryStart: 0x1000, memoryLimit: 0x9000, fileOffset: 0x1000, fileName: "demo", attributes: [buildID])
        let main = builder.location(
            mapping: mapping, address: 0x1100,
            lines: [.init(function: builder.function(name: "main", fileName: "demo.c", startLine: 10), line: 12)],
            attributes: [frameType])
        let inlined = builder.location(
            mapping: mapping, address: 0x1200,
            lines: [
                .init(function: builder.function(name: "inner<int>", systemName: "_Z5innerIiE"), line: 3, column: 7),
                .init(function: builder.function(name: "outer", fileName: "demo.c"), line: 30),
            ],
            attributes: [frameType])
        let deep = builder.stack([inlined, main])
        let shallow = builder.stack([main])
        let thread = builder.attribute("thread.name", "worker")
        let threadID = builder.attribute("thread.id", 4711)
        let link = builder.link(traceID: Data(1...16), spanID: Data(1...8))
        let start: UInt64 = 1_700_000_000_000_000_000

        let profile = OTLPProfile.with {
            $0.sampleType = builder.valueType("samples", "count")
            $0.periodType = builder.valueType("cpu", "nanoseconds")
            $0.period = 50_000_000
            $0.timeUnixNano = start
            $0.durationNano = 5_000_000_000
            $0.profileID = Data(repeating: 0xab, count: 16)
            $0.samples = [
                .with {
                    $0.stackIndex = deep
                    $0.attributeIndices = [thread, threadID]
                    $0.linkIndex = link
                    $0.timestampsUnixNano = [start, start + 1_000_000_000]
                },
                .with {
                    $0.stackIndex = shallow
                    $0.attributeIndices = [thread, threadID]
                    $0.timestampsUnixNano = [start + 2_000_000_000]
                },
            ]
        }
        return .with {
            $0.dictionary = builder.dictionary
            $0.resourceProfiles = [
                .with {
                    $0.resource.attributes = [
                        OTLPKeyValue("process.pid", 1234), OTLPKeyValue("process.executable.name", "demo"),
                    ]
                    $0.schemaURL = "https://opentelemetry.io/schemas/1.37.0"
                    $0.scopeProfiles = [
                        .with {
                            $0.scope.name = "example"
                            $0.scope.version = "1"
                            $0.profiles = [profile]
                        }
                    ]
                }
            ]
        }
    }
}
