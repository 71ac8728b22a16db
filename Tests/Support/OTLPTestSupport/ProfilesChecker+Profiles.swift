import Foundation
import OTLP

/// Rules about resources, scopes, profiles and samples.
extension ProfilesChecker {
    mutating func checkResources() {
        if message.resourceProfiles.isEmpty { report(.hasResources, "resource_profiles", "is empty") }
        var profileIDs: [Data: String] = [:]
        for (resourceIndex, resource) in message.resourceProfiles.enumerated() {
            let path = "resource_profiles[\(resourceIndex)]"
            checkReferences(in: resource.resource.attributes, "\(path): resource")
            if resource.scopeProfiles.isEmpty { report(.hasScopesAndProfiles, path, "has no scope_profiles") }
            for (scopeIndex, scope) in resource.scopeProfiles.enumerated() {
                let path = "\(path): scope_profiles[\(scopeIndex)]"
                checkReferences(in: scope.scope.attributes, "\(path): scope")
                if scope.profiles.isEmpty { report(.hasScopesAndProfiles, path, "has no profiles") }
                for (index, profile) in scope.profiles.enumerated() {
                    let path = "\(path): profile[\(index)]"
                    check(profile, path)
                    guard !profile.profileID.isEmpty else { continue }
                    if let first = profileIDs.updateValue(path, forKey: profile.profileID) {
                        report(.profileID, path, "has the same profile_id as \(first)")
                    }
                }
            }
        }
    }

    private mutating func check(_ profile: OTLPProfile, _ path: String) {
        references.attributes.formUnion(profile.attributeIndices)
        checkAttributes(profile.attributeIndices, .profileAttributes, path)
        for (name, type) in [("sample_type", profile.sampleType), ("period_type", profile.periodType)] {
            let strings = message.dictionary.stringTable.count
            references.strings.formUnion([type.typeStrindex, type.unitStrindex])
            checkIndex(type.typeStrindex, strings, .valueTypes, "\(path): \(name)", "type_strindex")
            checkIndex(type.unitStrindex, strings, .valueTypes, "\(path): \(name)", "unit_strindex")
        }
        let id = profile.profileID
        if !id.isEmpty, id.count != 16 || id.allSatisfy({ $0 == 0 }) {
            report(.profileID, path, "profile_id must be 16 bytes, not all zero")
        }
        if profile.originalPayload.isEmpty != profile.originalPayloadFormat.isEmpty {
            report(.originalPayload, path, "original_payload and original_payload_format go together")
        }
        checkSamples(of: profile, path)
    }

    /// Which of the two lists a sample has.
    private struct Shape: Equatable {
        var hasValues: Bool
        var hasTimestamps: Bool
    }

    private struct Identity: Hashable {
        var stack: Int32
        var attributes: Set<Int32>
        var link: Int32
    }

    private mutating func checkSamples(of profile: OTLPProfile, _ path: String) {
        let dictionary = message.dictionary
        let (end, overflow) = profile.timeUnixNano.addingReportingOverflow(profile.durationNano)
        var firstShape: Shape?
        var identities: [Identity: Int] = [:]
        for (index, sample) in profile.samples.enumerated() {
            let path = "\(path): sample[\(index)]"
            references.stacks.insert(sample.stackIndex)
            references.links.insert(sample.linkIndex)
            references.attributes.formUnion(sample.attributeIndices)
            checkIndex(sample.stackIndex, dictionary.stackTable.count, .sampleIndices, path, "stack_index")
            checkIndex(sample.linkIndex, dictionary.linkTable.count, .sampleIndices, path, "link_index")
            checkAttributes(sample.attributeIndices, .sampleIndices, path)
            for timestamp in sample.timestampsUnixNano
            where timestamp < profile.timeUnixNano || (timestamp >= end && !overflow) {
                report(.timestampsInsideProfile, path, "timestamp \(timestamp) is outside of the profile's time")
            }
            let shape = Shape(hasValues: !sample.values.isEmpty, hasTimestamps: !sample.timestampsUnixNano.isEmpty)
            checkShape(of: sample, shape, first: firstShape, path)
            if firstShape == nil { firstShape = shape }
            let identity = Identity(
                stack: sample.stackIndex, attributes: Set(sample.attributeIndices), link: sample.linkIndex)
            if let first = identities.updateValue(index, forKey: identity) {
                report(.sampleIdentity, path, "has stack, attributes and link of sample \(first)")
            }
        }
    }

    private mutating func checkShape(of sample: OTLPSample, _ shape: Shape, first: Shape?, _ path: String) {
        switch (shape.hasValues, shape.hasTimestamps) {
        case (false, false): report(.sampleShapes, path, "has neither values nor timestamps")
        case (true, false):
            if sample.values.count != 1 {
                report(.sampleShapes, path, "has \(sample.values.count) values without timestamps instead of one")
            }
        case (true, true):
            if sample.values.count != sample.timestampsUnixNano.count {
                report(
                    .sampleShapes, path,
                    "has \(sample.values.count) values for \(sample.timestampsUnixNano.count) timestamps")
            }
        case (false, true): break
        }
        if let first, first != shape { report(.sampleShapes, path, "has another shape than the first sample") }
    }

    // MARK: - Attributes that refer to strings

    mutating func checkReferences(in attributes: [OTLPKeyValue], _ path: String) {
        for (index, attribute) in attributes.enumerated() {
            let path = "\(path): attributes[\(index)]"
            references.strings.insert(attribute.keyStrindex)
            checkIndex(
                attribute.keyStrindex, message.dictionary.stringTable.count, .attributeReferences, path, "key_strindex")
            if !attribute.key.isEmpty, attribute.keyStrindex != 0 {
                report(.attributeReferences, path, "has both key and key_strindex")
            }
            checkReferences(in: attribute.value, path)
        }
    }

    mutating func checkReferences(in value: OTLPAnyValue, _ path: String) {
        switch value.value {
        case .stringValueStrindex(let index):
            references.strings.insert(index)
            checkIndex(
                index, message.dictionary.stringTable.count, .attributeReferences, path, "string_value_strindex")
        case .arrayValue(let array): for element in array.values { checkReferences(in: element, path) }
        case .kvlistValue(let list): checkReferences(in: list.values, path)
        case nil, .stringValue, .boolValue, .intValue, .doubleValue, .bytesValue: break
        }
    }
}
