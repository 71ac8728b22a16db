import FoundationEssentials

/// Brings profiles of several messages into one: every index of theirs becomes one of a common dictionary.
///
/// Only what is referred to gets into that dictionary, so merging a part of a message makes the part whole.
public struct ProfilesDictionaryMerger: Sendable {
    private static let unknown: Int32 = -1

    /// Where a message's entries are in the common dictionary, as far as somebody asked.
    private struct Places {
        let source: OTLPProfilesDictionary
        var strings: [Int32]
        var functions: [Int32]
        var mappings: [Int32]
        var locations: [Int32]
        var stacks: [Int32]
        var attributes: [Int32]
        var links: [Int32]

        init(_ source: OTLPProfilesDictionary) {
            func places(_ count: Int) -> [Int32] { Array(repeating: unknown, count: count) }
            self.source = source
            strings = places(source.stringTable.count)
            functions = places(source.functionTable.count)
            mappings = places(source.mappingTable.count)
            locations = places(source.locationTable.count)
            stacks = places(source.stackTable.count)
            attributes = places(source.attributeTable.count)
            links = places(source.linkTable.count)
        }
    }

    private var builder = ProfilesDictionaryBuilder()

    public init() {}

    /// The common dictionary as it is now.
    public var dictionary: OTLPProfilesDictionary { builder.dictionary }

    /// How many entries its tables have.
    public var entryCount: Int { builder.entryCount }

    /// - Parameters:
    ///   - resources: Of a message with that dictionary. An index that the dictionary does not have becomes 0, "not
    ///     set".
    /// - Returns: The same with indices of the common dictionary.
    public mutating func add(
        _ resources: [OTLPResourceProfiles], of dictionary: OTLPProfilesDictionary
    ) -> [OTLPResourceProfiles] {
        var message = OTLPProfilesData.with {
            $0.resourceProfiles = resources
            $0.dictionary = dictionary
        }
        message.resolveReferences()
        var places = Places(message.dictionary)
        var resources = message.resourceProfiles
        message = OTLPProfilesData()
        for resource in resources.indices {
            for scope in resources[resource].scopeProfiles.indices {
                for profile in resources[resource].scopeProfiles[scope].profiles.indices {
                    rewrite(&resources[resource].scopeProfiles[scope].profiles[profile], &places)
                }
            }
        }
        return resources
    }

    private mutating func rewrite(_ profile: inout OTLPProfile, _ places: inout Places) {
        if profile.hasSampleType { rewrite(&profile.sampleType, &places) }
        if profile.hasPeriodType { rewrite(&profile.periodType, &places) }
        profile.attributeIndices = attributes(profile.attributeIndices, &places)
        for index in profile.samples.indices {
            let sample = profile.samples[index]
            profile.samples[index].stackIndex = stack(sample.stackIndex, &places)
            profile.samples[index].linkIndex = link(sample.linkIndex, &places)
            if !sample.attributeIndices.isEmpty {
                profile.samples[index].attributeIndices = attributes(sample.attributeIndices, &places)
            }
        }
    }

    private mutating func rewrite(_ type: inout OTLPValueType, _ places: inout Places) {
        type.typeStrindex = string(type.typeStrindex, &places)
        type.unitStrindex = string(type.unitStrindex, &places)
    }

    // MARK: - Entries

    /// The known place of an entry; nil if it has none yet, 0 if there is no such entry.
    private static func known(_ index: Int32, _ places: [Int32]) -> Int32? {
        guard index > 0, Int(index) < places.count else { return 0 }
        let place = places[Int(index)]
        return place == unknown ? nil : place
    }

    private mutating func string(_ index: Int32, _ places: inout Places) -> Int32 {
        if let place = Self.known(index, places.strings) { return place }
        let place = builder.string(places.source.stringTable[Int(index)])
        places.strings[Int(index)] = place
        return place
    }

    private func text(_ index: Int32, _ places: Places) -> String { places.source.string(at: index) ?? "" }

    private mutating func function(_ index: Int32, _ places: inout Places) -> Int32 {
        if let place = Self.known(index, places.functions) { return place }
        let function = places.source.functionTable[Int(index)]
        let place = builder.function(
            name: text(function.nameStrindex, places), systemName: text(function.systemNameStrindex, places),
            fileName: text(function.filenameStrindex, places), startLine: function.startLine)
        places.functions[Int(index)] = place
        return place
    }

    private mutating func mapping(_ index: Int32, _ places: inout Places) -> Int32 {
        if let place = Self.known(index, places.mappings) { return place }
        let mapping = places.source.mappingTable[Int(index)]
        let attributes = attributes(mapping.attributeIndices, &places)
        let place = builder.mapping(
            memoryStart: mapping.memoryStart, memoryLimit: mapping.memoryLimit, fileOffset: mapping.fileOffset,
            fileName: text(mapping.filenameStrindex, places), attributes: attributes)
        places.mappings[Int(index)] = place
        return place
    }

    private mutating func location(_ index: Int32, _ places: inout Places) -> Int32 {
        if let place = Self.known(index, places.locations) { return place }
        let location = places.source.locationTable[Int(index)]
        var lines: [ProfilesDictionaryBuilder.Line] = []
        lines.reserveCapacity(location.lines.count)
        for line in location.lines {
            lines.append(.init(function: function(line.functionIndex, &places), line: line.line, column: line.column))
        }
        let mapping = mapping(location.mappingIndex, &places)
        let attributes = attributes(location.attributeIndices, &places)
        let place = builder.location(
            mapping: mapping, address: location.address, lines: lines, attributes: attributes)
        places.locations[Int(index)] = place
        return place
    }

    private mutating func stack(_ index: Int32, _ places: inout Places) -> Int32 {
        if let place = Self.known(index, places.stacks) { return place }
        let indices = places.source.stackTable[Int(index)].locationIndices
        var locations: [Int32] = []
        locations.reserveCapacity(indices.count)
        for index in indices { locations.append(location(index, &places)) }
        let place = builder.stack(locations)
        places.stacks[Int(index)] = place
        return place
    }

    private mutating func link(_ index: Int32, _ places: inout Places) -> Int32 {
        if let place = Self.known(index, places.links) { return place }
        let link = places.source.linkTable[Int(index)]
        let place = builder.link(traceID: link.traceID, spanID: link.spanID)
        places.links[Int(index)] = place
        return place
    }

    private mutating func attribute(_ index: Int32, _ places: inout Places) -> Int32 {
        if let place = Self.known(index, places.attributes) { return place }
        let attribute = places.source.attributeTable[Int(index)]
        let place = builder.attribute(
            text(attribute.keyStrindex, places), attribute.value, unit: text(attribute.unitStrindex, places))
        places.attributes[Int(index)] = place
        return place
    }

    /// Those that are not there are left out: "not set" says nothing.
    private mutating func attributes(_ indices: [Int32], _ places: inout Places) -> [Int32] {
        var result: [Int32] = []
        result.reserveCapacity(indices.count)
        for index in indices {
            let place = attribute(index, &places)
            if place != 0 { result.append(place) }
        }
        return result
    }
}
