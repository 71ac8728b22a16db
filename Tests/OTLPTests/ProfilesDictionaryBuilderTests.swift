import Foundation
import OTLP
import OTLPTestSupport
import Testing

struct ProfilesDictionaryBuilderTests {
    @Test func emptyBuilderHasTheZeroValueInEveryTable() {
        let dictionary = ProfilesDictionaryBuilder().dictionary
        #expect(dictionary.stringTable == [""])
        #expect(dictionary.functionTable == [OTLPFunction()])
        #expect(dictionary.mappingTable == [OTLPMapping()])
        #expect(dictionary.locationTable == [OTLPLocation()])
        #expect(dictionary.stackTable == [OTLPStack()])
        #expect(dictionary.attributeTable == [OTLPKeyValueAndUnit()])
        #expect(dictionary.linkTable == [OTLPLink()])
    }

    @Test func equalEntriesGetOneIndex() {
        var builder = ProfilesDictionaryBuilder()
        #expect(builder.string("a") == 1)
        #expect(builder.string("b") == 2)
        #expect(builder.string("a") == 1)
        #expect(builder.function(name: "a") == builder.function(name: "a"))
        #expect(builder.function(name: "a", startLine: 1) != builder.function(name: "a"))
        #expect(builder.stack([1, 2]) == builder.stack([1, 2]))
        #expect(builder.stack([1, 2]) != builder.stack([2, 1]))
        #expect(builder.attribute("k", "1") != builder.attribute("k", 1))
        #expect(builder.attribute("k", 1) != builder.attribute("k", 1, unit: "By"))
        #expect(builder.attribute("k", OTLPAnyValue.integer(1)) == builder.attribute("k", 1))
        #expect(builder.attribute("k", .double(.nan)) == builder.attribute("k", .double(.nan)))
        #expect(builder.attribute("k", .double(0)) != builder.attribute("k", .double(-0.0)))
        let list = OTLPAnyValue.with { $0.arrayValue.values = [.string("x"), .integer(2)] }
        #expect(builder.attribute("k", list) == builder.attribute("k", list))
    }

    @Test func zeroValuesAreIndexZero() {
        var builder = ProfilesDictionaryBuilder()
        #expect(builder.string("") == 0)
        #expect(builder.function(name: "") == 0)
        #expect(builder.mapping(fileName: "") == 0)
        #expect(builder.location() == 0)
        #expect(builder.stack([]) == 0)
        #expect(builder.attribute("", OTLPAnyValue()) == 0)
        #expect(builder.attribute("", "") != 0)
    }

    /// A link counts only if both ids are set.
    @Test func linksNeedBothIDs() {
        var builder = ProfilesDictionaryBuilder()
        let (trace, span) = (Data(1...16), Data(1...8))
        #expect(builder.link(traceID: trace, spanID: span) == 1)
        #expect(builder.link(traceID: trace, spanID: span) == 1)
        #expect(builder.link(traceID: Data(count: 16), spanID: span) == 0)
        #expect(builder.link(traceID: trace, spanID: Data(count: 8)) == 0)
        #expect(builder.link(traceID: trace, spanID: Data(1...7)) == 0)
    }

    @Test func attributeListsAreSets() {
        var builder = ProfilesDictionaryBuilder()
        let first = builder.mapping(fileName: "a", attributes: [3, 1, 2, 3])
        #expect(builder.mapping(fileName: "a", attributes: [1, 2, 3]) == first)
        #expect(builder.dictionary.mapping(at: first)?.attributeIndices == [1, 2, 3])
    }

    /// Names that differ only in their Unicode form are different files for everybody else.
    @Test func stringsAreComparedByteByByte() {
        var builder = ProfilesDictionaryBuilder()
        #expect(builder.string("\u{e9}") != builder.string("e\u{301}"))
    }

    @Test func equalCallsGiveEqualBytes() throws {
        let first: [UInt8] = try ExampleProfiles.small().serializedBytes()
        #expect(try ExampleProfiles.small().serializedBytes() as [UInt8] == first)
    }

    @Test func lookUpIsBoundsChecked() {
        let dictionary = ExampleProfiles.small().dictionary
        #expect(dictionary.string(at: 0) == "")
        #expect(dictionary.string(at: -1) == nil)
        #expect(dictionary.string(at: .max) == nil)
        #expect(OTLPProfilesDictionary().stack(at: 0) == nil)
    }
}

struct ProfilesReferencesTests {
    @Test func resolvesKeysAndValuesAtEveryDepth() {
        var data = OTLPProfilesData.with {
            $0.dictionary.stringTable = ["", "key", "value"]
            $0.dictionary.attributeTable = [.init(), .with { $0.value.stringValueStrindex = 2 }]
            $0.resourceProfiles = [
                .with {
                    $0.resource.attributes = [
                        .with {
                            $0.keyStrindex = 1
                            $0.value.kvlistValue.values = [
                                .with {
                                    $0.keyStrindex = 2
                                    $0.value.arrayValue.values = [.with { $0.stringValueStrindex = 1 }, .integer(3)]
                                }
                            ]
                        },
                        OTLPKeyValue("inline", "kept"),
                    ]
                }
            ]
        }
        #expect(data.resolveReferences() == 0)
        let nested = OTLPAnyValue.with {
            $0.kvlistValue.values = [
                OTLPKeyValue("value", .with { $0.arrayValue.values = [.string("key"), .integer(3)] })
            ]
        }
        #expect(
            data.resourceProfiles[0].resource.attributes
                == [OTLPKeyValue("key", nested), OTLPKeyValue("inline", "kept")])
        #expect(data.dictionary.attributeTable[1].value == .string("value"))
    }

    @Test func dropsAndCountsAttributesOutOfRange() {
        var data = OTLPProfilesData.with {
            $0.dictionary.stringTable = [""]
            $0.dictionary.attributeTable = [.init(), .with { $0.value.stringValueStrindex = -1 }]
            $0.resourceProfiles = [
                .with {
                    $0.resource.attributes = [.with { $0.keyStrindex = 9 }, OTLPKeyValue("a", "b")]
                    $0.scopeProfiles = [
                        .with { $0.scope.attributes = [OTLPKeyValue("c", .with { $0.stringValueStrindex = 1 })] }
                    ]
                }
            ]
        }
        #expect(data.resolveReferences() == 3)
        #expect(data.resourceProfiles[0].resource.attributes == [OTLPKeyValue("a", "b")])
        #expect(data.resourceProfiles[0].scopeProfiles[0].scope.attributes.isEmpty)
        #expect(data.dictionary.attributeTable.count == 2)
        #expect(!data.dictionary.attributeTable[1].hasValue)
    }

    /// Index 0 means "not set": reading it as a reference to "" would erase inline keys.
    @Test func keepsInlineKeys() {
        var data = ExampleProfiles.small()
        #expect(data.resolveReferences() == 0)
        #expect(data == ExampleProfiles.small())
    }
}
