import Collector
import OTLP
import OTLPTestSupport
import SyntheticProfiles
import Testing

@testable import OTTL

/// Profiles share one dictionary: changes must reach nobody else.
struct ProfilesTests {
    static func example() -> OTLPProfilesData {
        var builder = ProfileMessageBuilder()
        let shop = ProfileMessageBuilder.Process(pid: 1, executablePath: "/usr/bin/shop")
        let bank = ProfileMessageBuilder.Process(pid: 2, executablePath: "/usr/bin/bank")
        for (process, thread) in [(shop, "worker"), (shop, "main"), (bank, "worker")] {
            builder.add(
                [.init("main", file: "main.c", line: 3)], process: process, threadName: thread, tid: process.pid,
                timestampsUnixNano: [1, 2], values: [5])
        }
        return builder.message()
    }

    func run(_ statements: [String], on data: OTLPProfilesData) throws -> OTLPProfilesData {
        var errors: [OTTLSyntaxError] = []
        let statements = OTTLStatements(statements, signal: .profiles, errorMode: .propagate) { errors.append($0) }
        #expect(errors == [])
        var telemetry = Telemetry.profiles(data)
        try #require(statements).run(on: &telemetry) { _ in }
        guard case .profiles(let result) = telemetry else { return data }
        return result
    }

    /// The samples' attributes as text, in order.
    func samples(_ data: OTLPProfilesData) -> [String] {
        data.resourceProfiles.flatMap { $0.scopeProfiles.flatMap { $0.profiles.flatMap(\.samples) } }.map { sample in
            sample.attributeIndices.map { index in
                let entry = data.dictionary.attributeTable[Int(index)]
                return "\(data.dictionary.stringTable[Int(entry.keyStrindex)])=\(OTTLValue(entry.value).text ?? "")"
            }.joined(separator: " ")
        }
    }

    @Test func sampleAttributes() throws {
        let before = Self.example()
        #expect(samples(before) == [
            "thread.name=worker thread.id=1", "thread.name=main thread.id=1", "thread.name=worker thread.id=2",
        ])
        let after = try run(
            [
                "set(profilesample.attributes[\"thread.name\"], \"pool\") "
                    + "where resource.attributes[\"process.pid\"] == 1",
                "set(sample.attributes[\"new\"], sample.attributes[\"thread.name\"])",
                "delete_key(sample.attributes, \"thread.id\")",
            ], on: before)
        #expect(samples(after) == [
            "thread.name=pool new=pool", "thread.name=pool new=pool", "thread.name=worker new=worker",
        ])
        // Nothing that was there has changed; what is new is there once.
        let (old, new) = (before.dictionary, after.dictionary)
        #expect(Array(new.stringTable.prefix(old.stringTable.count)) == old.stringTable)
        #expect(new.stringTable.dropFirst(old.stringTable.count).map { $0 } == ["new"])
        #expect(Array(new.attributeTable.prefix(old.attributeTable.count)) == old.attributeTable)
        #expect(new.attributeTable.count == old.attributeTable.count + 3)
        #expect(new.functionTable == old.functionTable && new.stackTable == old.stackTable)
    }

    @Test func whatIsSetToItselfCostsNothing() throws {
        let before = Self.example()
        let after = try run(
            [
                "set(profilesample.attributes[\"thread.name\"], profilesample.attributes[\"thread.name\"])",
                "set(profile.period, profile.period)", "delete_key(profile.attributes, \"none\")",
            ], on: before)
        #expect(after == before)
    }

    @Test func unitsStay() throws {
        var data = Self.example()
        data.dictionary.stringTable.append(contentsOf: ["heap", "By"])
        let strings = Int32(data.dictionary.stringTable.count)
        data.dictionary.attributeTable.append(
            .with {
                $0.keyStrindex = strings - 2
                $0.unitStrindex = strings - 1
                $0.value = .integer(7)
            })
        let index = Int32(data.dictionary.attributeTable.count - 1)
        data.resourceProfiles[0].scopeProfiles[0].profiles[0].attributeIndices = [index]
        let after = try run(["set(profile.attributes[\"heap\"], 8)"], on: data)
        let changed = try #require(after.resourceProfiles[0].scopeProfiles[0].profiles[0].attributeIndices.first)
        let entry = after.dictionary.attributeTable[Int(changed)]
        #expect(entry.value.intValue == 8 && entry.unitStrindex == strings - 1)
        #expect(after.dictionary.attributeTable[Int(index)].value.intValue == 7)
    }

    @Test func stringsOfOthersStay() throws {
        let before = Self.example()
        // The name of the type is also the name of nothing else, but the string may be anybody's.
        let after = try run(
            ["set(profile.sample_type.type, \"main\") where resource.attributes[\"process.pid\"] == 2"], on: before)
        let types = after.resourceProfiles.map { resource in
            after.dictionary.stringTable[Int(resource.scopeProfiles[0].profiles[0].sampleType.typeStrindex)]
        }
        #expect(types == ["samples", "main"])
        #expect(after.dictionary == before.dictionary)
    }

    @Test func fields() throws {
        let after = try run(
            [
                "set(profile.original_payload_format, \"pprof\")", "set(profile.duration, Duration(\"5s\"))",
                "set(profile.profile_id, ProfileID(0x000102030405060708090a0b0c0d0e0f))",
                "set(profile.dropped_attributes_count, 3)", "set(profile.time_unix_nano, 9)",
            ], on: Self.example())
        let profile = after.resourceProfiles[1].scopeProfiles[0].profiles[0]
        #expect(profile.originalPayloadFormat == "pprof")
        #expect(profile.durationNano == 5_000_000_000)
        #expect(profile.profileID == .init(0...15))
        #expect(profile.droppedAttributesCount == 3)
        #expect(profile.timeUnixNano == 9)
        let values = try run(["set(sample.values, [1, 2])", "set(sample.timestamps_unix_nano, [7])"], on: after)
        #expect(values.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[1].values == [1, 2])
        #expect(values.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[1].timestampsUnixNano == [7])
    }

    /// Indices that point nowhere.
    @Test func damagedDictionary() throws {
        var data = Self.example()
        data.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].attributeIndices = [-1, 0, 1_000_000]
        data.dictionary.attributeTable[1].keyStrindex = 99_999
        _ = try run(["set(sample.attributes[\"a\"], 1)", "delete_key(sample.attributes, \"b\")"], on: data)
        data.clearDictionary()
        let after = try run(["set(sample.attributes[\"a\"], 1)"], on: data)
        #expect(samples(after) == ["a=1", "a=1", "a=1"])
        #expect(after.dictionary.stringTable.first == "")
        #expect(after.dictionary.attributeTable.first == OTLPKeyValueAndUnit())
    }
}
