/// Attributes of profiles that refer to strings of the dictionary, and their plain form.
///
/// Since release 1.10 a key may be `key_strindex` and a string value `string_value_strindex`. Some senders use these,
/// and receivers exist that understand only the plain form. So references are resolved when data comes in, nothing
/// downstream sees them, and nothing is sent with them.
extension Opentelemetry_Proto_Profiles_V1development_ProfilesData {
    /// Replaces all references by the strings that they refer to, and empties the two fields.
    ///
    /// Index 0 means "not set": an inline key stays. An attribute with an index that the string table does not have is
    /// dropped.
    /// - Returns: How many attributes were dropped.
    @discardableResult
    public mutating func resolveReferences() -> Int {
        let resolver = ReferenceResolver(strings: dictionary.stringTable)
        var dropped = 0
        for resourceIndex in resourceProfiles.indices {
            if resolver.mustResolve(resourceProfiles[resourceIndex].resource.attributes) {
                dropped += resolver.resolve(&resourceProfiles[resourceIndex].resource.attributes)
            }
            for scopeIndex in resourceProfiles[resourceIndex].scopeProfiles.indices {
                let attributes = resourceProfiles[resourceIndex].scopeProfiles[scopeIndex].scope.attributes
                if resolver.mustResolve(attributes) {
                    dropped += resolver.resolve(
                        &resourceProfiles[resourceIndex].scopeProfiles[scopeIndex].scope.attributes)
                }
            }
        }
        if hasDictionary {
            for index in dictionary.attributeTable.indices
            where resolver.mustResolve(dictionary.attributeTable[index].value) {
                if !resolver.resolve(&dictionary.attributeTable[index].value, dropped: &dropped) {
                    // The entry must stay, for others are found by their place; its value becomes "not set".
                    dictionary.attributeTable[index].clearValue()
                    dropped += 1
                }
            }
        }
        return dropped
    }
}

/// Nesting is bounded: a message nested deeper than the decoder's limit of 100 levels does not decode.
private struct ReferenceResolver {
    let strings: [String]

    func mustResolve(_ attributes: [OTLPKeyValue]) -> Bool {
        attributes.contains { $0.keyStrindex != 0 || mustResolve($0.value) }
    }

    func mustResolve(_ value: OTLPAnyValue) -> Bool {
        switch value.value {
        case .stringValueStrindex: true
        case .arrayValue(let array): array.values.contains(where: mustResolve)
        case .kvlistValue(let list): mustResolve(list.values)
        case nil, .stringValue, .boolValue, .intValue, .doubleValue, .bytesValue: false
        }
    }

    /// - Returns: How many attributes were dropped.
    func resolve(_ attributes: inout [OTLPKeyValue]) -> Int {
        var dropped = 0
        attributes = attributes.compactMap { attribute in
            var attribute = attribute
            if attribute.keyStrindex != 0 {
                guard let key = string(attribute.keyStrindex) else {
                    dropped += 1
                    return nil
                }
                attribute.key = key
                attribute.keyStrindex = 0
            }
            if attribute.hasValue, !resolve(&attribute.value, dropped: &dropped) {
                dropped += 1
                return nil
            }
            return attribute
        }
        return dropped
    }

    /// - Returns: False if the value itself refers to a string that does not exist.
    func resolve(_ value: inout OTLPAnyValue, dropped: inout Int) -> Bool {
        switch value.value {
        case .stringValueStrindex(let index):
            guard let text = string(index) else { return false }
            value.value = .stringValue(text)
        case .arrayValue(var array):
            array.values = array.values.compactMap { element in
                var element = element
                if resolve(&element, dropped: &dropped) { return element }
                dropped += 1
                return nil
            }
            value.value = .arrayValue(array)
        case .kvlistValue(var list):
            dropped += resolve(&list.values)
            value.value = .kvlistValue(list)
        case nil, .stringValue, .boolValue, .intValue, .doubleValue, .bytesValue: break
        }
        return true
    }

    private func string(_ index: Int32) -> String? {
        let index = Int(index)
        return strings.indices.contains(index) ? strings[index] : nil
    }
}
