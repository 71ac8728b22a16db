import Foundation
import OTLP
import OTLPTestSupport
import Testing

/// For every rule, a message that breaks it and no other message of the table breaks it unintendedly.
struct ProfilesCheckerTests {
    typealias Rule = ProfilesChecker.Rule

    /// A rule and a change that makes the example break it.
    struct Violation: CustomTestStringConvertible, Sendable {
        var rule: Rule
        var name: String
        /// Rules that the change cannot help breaking as well.
        var also: Set<Rule> = []
        var change: @Sendable (inout OTLPProfilesData) -> Void

        var testDescription: String { "\(rule): \(name)" }
    }

    @Test func findsNothingInAValidMessage() throws {
        #expect(ProfilesChecker.check(ExampleProfiles.small()).map(\.description) == [])
        #expect(try ProfilesChecker.check(serialized: ExampleProfiles.small().serializedBytes()).isEmpty)
    }

    @Test func acceptsTheMinimalMessage() {
        let minimal = OTLPProfilesData.with {
            $0.dictionary = ProfilesDictionaryBuilder().dictionary
            $0.resourceProfiles = [.with { $0.scopeProfiles = [.with { $0.profiles = [OTLPProfile()] }] }]
        }
        #expect(ProfilesChecker.check(minimal).map(\.description) == [])
    }

    @Test func survivesAMessageWithoutDictionary() {
        var message = ExampleProfiles.small()
        message.clearDictionary()
        let rules = Set(ProfilesChecker.check(message).map(\.rule))
        #expect(rules.isSuperset(of: [.zeroEntries, .sampleIndices, .valueTypes]))
    }

    @Test(arguments: violations) func finds(_ violation: Violation) {
        var message = ExampleProfiles.small()
        violation.change(&message)
        let rules = Set(ProfilesChecker.check(message).map(\.rule))
        #expect(rules.contains(violation.rule))
        #expect(rules.subtracting(violation.also) == [violation.rule])
    }

    @Test func everyRuleHasAViolation() {
        #expect(Set(Self.violations.map(\.rule)).union([.validUTF8]) == Set(Rule.allCases))
    }

    @Test func findsInvalidUTF8() throws {
        // dictionary (2) { string_table (5): "", 0xff }
        let bytes: [UInt8] = [0x12, 5, 0x2a, 0, 0x2a, 1, 0xff]
        #expect(try ProfilesChecker.check(serialized: bytes).map(\.rule) == [.validUTF8])
    }

    /// Two values that Swift's strings call equal and everybody else different.
    @Test func otherFormsOfUnicodeAreOtherValues() {
        var message = ExampleProfiles.small()
        for text in ["\u{e9}", "e\u{301}"] {
            message.dictionary.attributeTable.append(.with { $0.value = .string(text) })
        }
        #expect(Set(ProfilesChecker.check(message).map(\.rule)) == [.orphans])
    }

    @Test func warnsOnlyAboutAddresses() {
        var message = ExampleProfiles.small()
        message.dictionary.locationTable[1].address = 0
        #expect(ProfilesChecker.check(message).map(\.isWarning) == [true])
        #expect(ProfilesChecker.check(message, ignoring: [.addressInsideMapping]).isEmpty)
    }

    static func profile(
        _ rule: Rule, _ name: String, also: Set<Rule> = [], _ change: @escaping @Sendable (inout OTLPProfile) -> Void
    ) -> Violation {
        Violation(rule: rule, name: name, also: also) {
            change(&$0.resourceProfiles[0].scopeProfiles[0].profiles[0])
        }
    }

    static func dictionary(
        _ rule: Rule, _ name: String, also: Set<Rule> = [],
        _ change: @escaping @Sendable (inout OTLPProfilesDictionary) -> Void
    ) -> Violation {
        Violation(rule: rule, name: name, also: also) { change(&$0.dictionary) }
    }

    static let violations: [Violation] = [
        Violation(rule: .hasResources, name: "none", also: [.orphans]) { $0.resourceProfiles = [] },
        Violation(rule: .hasScopesAndProfiles, name: "no scope", also: [.orphans]) {
            $0.resourceProfiles[0].scopeProfiles = []
        },
        Violation(rule: .hasScopesAndProfiles, name: "no profile", also: [.orphans]) {
            $0.resourceProfiles[0].scopeProfiles[0].profiles = []
        },
        profile(.profileAttributes, "out of range") { $0.attributeIndices = [99] },
        profile(.profileAttributes, "negative") { $0.attributeIndices = [-1] },
        profile(.profileAttributes, "key twice") { $0.attributeIndices = [1, 1] },
        profile(.valueTypes, "sample type", also: [.orphans]) { $0.sampleType.typeStrindex = 99 },
        profile(.valueTypes, "period unit", also: [.orphans]) { $0.periodType.unitStrindex = .max },
        profile(.sampleIndices, "stack", also: [.orphans]) { $0.samples[0].stackIndex = 3 },
        profile(.sampleIndices, "link", also: [.orphans]) { $0.samples[0].linkIndex = -1 },
        profile(.sampleIndices, "attribute", also: [.orphans]) { $0.samples[0].attributeIndices = [99] },
        profile(.timestampsInsideProfile, "before") { $0.samples[1].timestampsUnixNano = [$0.timeUnixNano - 1] },
        profile(.timestampsInsideProfile, "at the end") {
            $0.samples[1].timestampsUnixNano = [$0.timeUnixNano + $0.durationNano]
        },
        profile(.sampleShapes, "nothing") { $0.samples[1].timestampsUnixNano = [] },
        profile(.sampleShapes, "unequal lengths") { $0.samples[0].values = [1] },
        profile(.sampleShapes, "two values") {
            for index in $0.samples.indices {
                $0.samples[index].timestampsUnixNano = []
                $0.samples[index].values = [1, 2]
            }
        },
        profile(.sampleShapes, "mixed") {
            $0.samples[1].timestampsUnixNano = []
            $0.samples[1].values = [1]
        },
        dictionary(.zeroEntries, "empty stack table", also: [.sampleIndices, .orphans]) { $0.stackTable = [] },
        dictionary(.zeroEntries, "string 0", also: [.orphans]) { $0.stringTable[0] = "x" },
        dictionary(.zeroEntries, "attribute 0") { $0.attributeTable[0].value = .integer(1) },
        dictionary(.zeroEntries, "mapping 0") { $0.mappingTable[0].fileOffset = 1 },
        dictionary(.zeroEntries, "link 0", also: [.otherDuplicates]) { $0.linkTable[0] = $0.linkTable[1] },
        dictionary(.mappings, "file name", also: [.orphans]) { $0.mappingTable[1].filenameStrindex = 99 },
        dictionary(.mappings, "range", also: [.addressInsideMapping]) { $0.mappingTable[1].memoryLimit = 0x1000 },
        dictionary(.mappings, "attribute twice") { $0.mappingTable[1].attributeIndices += [2] },
        dictionary(.locations, "mapping", also: [.orphans]) {
            $0.locationTable[1].mappingIndex = 2
        },
        dictionary(.locations, "function", also: [.orphans]) { $0.locationTable[1].lines[0].functionIndex = 9 },
        dictionary(.locations, "line") { $0.locationTable[1].lines[0].line = -1 },
        dictionary(.locations, "column") { $0.locationTable[1].lines[0].column = -1 },
        dictionary(.functions, "name", also: [.orphans]) { $0.functionTable[1].nameStrindex = 99 },
        dictionary(.functions, "start line") { $0.functionTable[1].startLine = -1 },
        dictionary(.links, "trace id") { $0.linkTable[1].traceID = Data([1]) },
        dictionary(.links, "span id") { $0.linkTable[1].spanID = Data() },
        dictionary(.duplicateStrings, "twice", also: [.orphans]) { $0.stringTable.append("main") },
        Violation(rule: .duplicateMappings, name: "in another order", also: [.orphans]) {
            $0.dictionary.mappingTable[1].attributeIndices = [1, 2]
            var copy = $0.dictionary.mappingTable[1]
            copy.attributeIndices = [2, 1]
            $0.dictionary.mappingTable.append(copy)
        },
        dictionary(.attributeTable, "key", also: [.orphans, .sampleIndices]) {
            $0.attributeTable[3].keyStrindex = 99
        },
        dictionary(.attributeTable, "unit") { $0.attributeTable[3].unitStrindex = -1 },
        dictionary(.stacks, "location", also: [.orphans]) { $0.stackTable[1].locationIndices = [99, 1] },
        dictionary(.orphans, "string") { $0.stringTable.append("nobody") },
        dictionary(.orphans, "attribute") {
            $0.attributeTable.append(.with { $0.value = .integer(1) })
        },
        dictionary(.otherDuplicates, "stack", also: [.orphans]) { $0.stackTable.append($0.stackTable[1]) },
        dictionary(.otherDuplicates, "function", also: [.orphans]) { $0.functionTable.append($0.functionTable[1]) },
        dictionary(.otherDuplicates, "location", also: [.orphans]) { $0.locationTable.append($0.locationTable[1]) },
        dictionary(.otherDuplicates, "attribute", also: [.orphans]) { $0.attributeTable.append($0.attributeTable[1]) },
        profile(.sampleIdentity, "twice") { $0.samples.append($0.samples[0]) },
        dictionary(.functionIsNamed, "no name", also: [.orphans]) {
            $0.functionTable[1].nameStrindex = 0
            $0.functionTable[1].filenameStrindex = 0
        },
        dictionary(.mappingHasBuildID, "none", also: [.orphans]) { $0.mappingTable[1].attributeIndices = [] },
        Violation(rule: .attributeReferences, name: "key out of range") {
            $0.resourceProfiles[0].resource.attributes.append(.with { $0.keyStrindex = 99 })
        },
        Violation(rule: .attributeReferences, name: "key twice") {
            $0.resourceProfiles[0].resource.attributes[0].keyStrindex = 1
        },
        Violation(rule: .attributeReferences, name: "value in a list in the scope") {
            $0.resourceProfiles[0].scopeProfiles[0].scope.attributes = [
                OTLPKeyValue("list", .with { $0.arrayValue.values = [.with { $0.stringValueStrindex = -7 }] })
            ]
        },
        profile(.profileID, "short") { $0.profileID = Data([1]) },
        profile(.profileID, "zero") { $0.profileID = Data(count: 16) },
        Violation(rule: .profileID, name: "twice") {
            let profile = $0.resourceProfiles[0].scopeProfiles[0].profiles[0]
            $0.resourceProfiles[0].scopeProfiles[0].profiles.append(profile)
        },
        profile(.originalPayload, "no format") { $0.originalPayload = Data([1]) },
        profile(.originalPayload, "no payload") { $0.originalPayloadFormat = "pprof" },
        dictionary(.addressInsideMapping, "at the limit") { $0.locationTable[1].address = 0x9000 },
    ]
}
