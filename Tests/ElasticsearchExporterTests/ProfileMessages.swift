import OTLP

/// Messages of profiles whose documents are known.
enum ProfileMessages {
    static let start: UInt64 = 1_700_000_000_000_000_000

    /// A stack of four frames (kernel, native twice, Python) seen three times in one thread, and one of two native
    /// frames, of which the leaf is not symbolized and the other has an inlined function, seen once.
    static func example(_ change: (inout OTLPProfilesData) -> Void = { _ in }) -> OTLPProfilesData {
        var builder = ProfilesDictionaryBuilder()
        func type(_ name: String) -> Int32 { builder.attribute("profile.frame.type", name) }
        let kernel = builder.mapping(
            fileName: "vmlinux",
            attributes: [
                builder.attribute("process.executable.build_id.htlhash", "00112233445566778899aabbccddeeff")
            ])
        let native = builder.mapping(
            memoryStart: 0x1000, memoryLimit: 0x10000, fileName: "demo",
            attributes: [
                builder.attribute("process.executable.build_id.gnu", "0123"),
                builder.attribute("process.executable.build_id.htlhash", "600dcafe4a110000f2bf38c493f5fb92"),
            ])
        _ = builder.mapping(
            fileName: "unused",
            attributes: [builder.attribute("process.executable.build_id.htlhash", "ffffffffffffffffffffffffffffffff")])
        func line(_ name: String, _ file: String = "", _ number: Int64 = 0) -> ProfilesDictionaryBuilder.Line {
            .init(function: builder.function(name: name, fileName: file), line: number)
        }
        let read = builder.location(
            mapping: kernel, address: 0x1234, lines: [line("vfs_read")], attributes: [type("kernel")])
        let bare = builder.location(mapping: native, address: 0x5678, attributes: [type("native")])
        let caller = builder.location(
            mapping: native, address: 0x9abc,
            lines: [line("inlined<int>", "inner.h", 7), line("outer", "demo.c", 30)], attributes: [type("native")])
        let python = builder.location(lines: [line("main", "app.py", 42)], attributes: [type("cpython")])
        let deep = builder.stack([read, bare, caller, python])
        let shallow = builder.stack([bare, caller])
        let worker = [builder.attribute("thread.name", "worker"), builder.attribute("thread.id", 7)]
        let profile = OTLPProfile.with {
            $0.sampleType = builder.valueType("samples", "count")
            $0.periodType = builder.valueType("cpu", "nanoseconds")
            $0.period = 52_631_578
            $0.timeUnixNano = start
            $0.durationNano = 5_000_000_000
            $0.samples = [
                .with {
                    $0.stackIndex = deep
                    $0.attributeIndices = worker
                    $0.timestampsUnixNano = [start, start + 120_000_000, start + 1]
                },
                .with {
                    $0.stackIndex = shallow
                    $0.timestampsUnixNano = [start + 2_000_000_000]
                },
            ]
        }
        var data = OTLPProfilesData()
        data.dictionary = builder.dictionary
        data.resourceProfiles = [
            .with {
                $0.resource.attributes = [
                    OTLPKeyValue("process.pid", 1234), OTLPKeyValue("process.executable.name", "demo"),
                    OTLPKeyValue("host.id", "Host-1"), OTLPKeyValue("host.name", "Big"),
                    OTLPKeyValue("host.arch", "AMD64"), OTLPKeyValue("k8s.pod.name", "pod-1"),
                    OTLPKeyValue("container.id", "c1"),
                ]
                $0.scopeProfiles = [.with { $0.profiles = [profile] }]
            }
        ]
        change(&data)
        return data
    }
}
