import OTLP

/// Rules about the dictionary's tables.
extension ProfilesChecker {
    mutating func checkTables() {
        let dictionary = message.dictionary
        checkZeroEntries(dictionary)
        checkStrings(dictionary)
        for (index, mapping) in dictionary.mappingTable.enumerated() { check(mapping, index) }
        for (index, location) in dictionary.locationTable.enumerated() { check(location, index) }
        for (index, function) in dictionary.functionTable.enumerated() { check(function, index) }
        for (index, link) in dictionary.linkTable.enumerated().dropFirst() {
            if link.traceID.count != 16 || link.spanID.count != 8 {
                report(
                    .links, "dictionary: link_table[\(index)]",
                    "ids have \(link.traceID.count) and \(link.spanID.count) bytes instead of 16 and 8")
            }
        }
        for (index, attribute) in dictionary.attributeTable.enumerated() { check(attribute, index) }
        for (index, stack) in dictionary.stackTable.enumerated() {
            references.locations.formUnion(stack.locationIndices)
            for (position, location) in stack.locationIndices.enumerated() {
                checkIndex(
                    location, dictionary.locationTable.count, .stacks,
                    "dictionary: stack_table[\(index)]: location_indices[\(position)]", "location")
            }
        }
        checkDuplicates(dictionary)
    }

    private mutating func checkZeroEntries(_ dictionary: OTLPProfilesDictionary) {
        func check<Entry>(_ name: String, _ table: [Entry], _ isZero: (Entry) -> Bool, _ checker: inout Self) {
            guard let first = table.first else {
                checker.report(.zeroEntries, "dictionary: \(name)", "is empty; entry 0 must be the zero value")
                return
            }
            if !isZero(first) { checker.report(.zeroEntries, "dictionary: \(name)[0]", "is not the zero value") }
        }
        check("mapping_table", dictionary.mappingTable, { $0 == OTLPMapping() }, &self)
        check("location_table", dictionary.locationTable, { $0 == OTLPLocation() }, &self)
        check("function_table", dictionary.functionTable, { $0 == OTLPFunction() }, &self)
        // The specification's text asks for ids of zeros, the reference checker for none: both are accepted.
        check(
            "link_table", dictionary.linkTable,
            { $0.traceID.allSatisfy { $0 == 0 } && $0.spanID.allSatisfy { $0 == 0 } }, &self)
        check("string_table", dictionary.stringTable, \.isEmpty, &self)
        check(
            "attribute_table", dictionary.attributeTable,
            { $0.keyStrindex == 0 && $0.unitStrindex == 0 && $0.value.value == nil }, &self)
        check("stack_table", dictionary.stackTable, { $0 == OTLPStack() }, &self)
    }

    private mutating func checkStrings(_ dictionary: OTLPProfilesDictionary) {
        var seen: [[UInt8]: Int] = [:]
        for (index, text) in dictionary.stringTable.enumerated() {
            if let first = seen.updateValue(index, forKey: Array(text.utf8)) {
                report(.duplicateStrings, "dictionary: string_table[\(index)]", "equals entry \(first)")
            }
        }
    }

    private mutating func check(_ mapping: OTLPMapping, _ index: Int) {
        let dictionary = message.dictionary
        let path = "dictionary: mapping_table[\(index)]"
        references.strings.insert(mapping.filenameStrindex)
        references.attributes.formUnion(mapping.attributeIndices)
        checkIndex(mapping.filenameStrindex, dictionary.stringTable.count, .mappings, path, "filename_strindex")
        checkAttributes(mapping.attributeIndices, .mappings, path)
        let isUnset = mapping.memoryStart == 0 && mapping.memoryLimit == 0
        if !isUnset, mapping.memoryStart >= mapping.memoryLimit {
            report(.mappings, path, "memory_start is not below memory_limit")
        }
        guard index > 0 else { return }
        let buildIDs: Set = [
            "process.executable.build_id.gnu", "process.executable.build_id.go", "process.executable.build_id.htlhash",
        ]
        let keys = mapping.attributeIndices.compactMap { attribute in
            dictionary.attribute(at: attribute).flatMap { dictionary.string(at: $0.keyStrindex) }
        }
        if buildIDs.isDisjoint(with: keys) { report(.mappingHasBuildID, path, "has no build id") }
    }

    private mutating func check(_ location: OTLPLocation, _ index: Int) {
        let dictionary = message.dictionary
        let path = "dictionary: location_table[\(index)]"
        references.mappings.insert(location.mappingIndex)
        references.attributes.formUnion(location.attributeIndices)
        checkIndex(location.mappingIndex, dictionary.mappingTable.count, .locations, path, "mapping_index")
        checkAttributes(location.attributeIndices, .locations, path)
        for (position, line) in location.lines.enumerated() {
            let path = "\(path): lines[\(position)]"
            references.functions.insert(line.functionIndex)
            checkIndex(line.functionIndex, dictionary.functionTable.count, .locations, path, "function_index")
            if line.line < 0 { report(.locations, path, "line \(line.line) is negative") }
            if line.column < 0 { report(.locations, path, "column \(line.column) is negative") }
        }
        if let mapping = dictionary.mapping(at: location.mappingIndex), mapping.memoryLimit > mapping.memoryStart,
            location.address < mapping.memoryStart || location.address >= mapping.memoryLimit
        {
            report(.addressInsideMapping, path, "address is outside of its mapping", isWarning: true)
        }
    }

    private mutating func check(_ function: OTLPFunction, _ index: Int) {
        let path = "dictionary: function_table[\(index)]"
        let strings = [function.nameStrindex, function.systemNameStrindex, function.filenameStrindex]
        references.strings.formUnion(strings)
        for (name, string) in zip(["name_strindex", "system_name_strindex", "filename_strindex"], strings) {
            checkIndex(string, message.dictionary.stringTable.count, .functions, path, name)
        }
        if function.startLine < 0 { report(.functions, path, "start_line \(function.startLine) is negative") }
        if index > 0, strings.allSatisfy({ $0 == 0 }) {
            report(.functionIsNamed, path, "has neither a name, nor a system name, nor a file name")
        }
    }

    private mutating func check(_ attribute: OTLPKeyValueAndUnit, _ index: Int) {
        let path = "dictionary: attribute_table[\(index)]"
        let count = message.dictionary.stringTable.count
        references.strings.formUnion([attribute.keyStrindex, attribute.unitStrindex])
        checkIndex(attribute.keyStrindex, count, .attributeTable, path, "key_strindex")
        checkIndex(attribute.unitStrindex, count, .attributeTable, path, "unit_strindex")
        checkReferences(in: attribute.value, path)
    }

    private mutating func checkDuplicates(_ dictionary: OTLPProfilesDictionary) {
        func check<Entry, Key: Hashable>(
            _ rule: Rule, _ name: String, _ table: [Entry], _ checker: inout Self, key: (Entry) -> Key
        ) {
            var seen: [Key: Int] = [:]
            for (index, entry) in table.enumerated() {
                if let first = seen.updateValue(index, forKey: key(entry)) {
                    checker.report(rule, "dictionary: \(name)[\(index)]", "equals entry \(first)")
                }
            }
        }
        check(.duplicateMappings, "mapping_table", dictionary.mappingTable, &self) { mapping in
            var mapping = mapping
            mapping.attributeIndices.sort()
            return mapping
        }
        check(.otherDuplicates, "location_table", dictionary.locationTable, &self) { location in
            var location = location
            location.attributeIndices.sort()
            return location
        }
        check(.otherDuplicates, "function_table", dictionary.functionTable, &self) { $0 }
        check(.otherDuplicates, "link_table", dictionary.linkTable, &self) { $0 }
        // By their bytes: Swift's strings are equal also in different forms of Unicode.
        check(.otherDuplicates, "attribute_table", dictionary.attributeTable, &self) { attribute -> [UInt8] in
            (try? attribute.serializedBytes()) ?? []
        }
        check(.otherDuplicates, "stack_table", dictionary.stackTable, &self) { $0 }
    }
}
