import OTLP

/// Profiles: the dictionary as it is, then every sample with its stack in names.
extension DetailedFormat {
    mutating func add(_ data: OTLPProfilesData) {
        addTables(data.dictionary)
        for (index, resource) in data.resourceProfiles.enumerated() {
            add("ResourceProfiles", index, resource.schemaURL, resource.resource)
            for (index, scope) in resource.scopeProfiles.enumerated() {
                add("ScopeProfiles", index, scope.schemaURL, scope.scope)
                for (index, profile) in scope.profiles.enumerated() { add(profile, index, data.dictionary) }
            }
        }
    }

    private mutating func addTables(_ dictionary: OTLPProfilesDictionary) {
        for (index, mapping) in dictionary.mappingTable.enumerated() {
            line("Mapping #\(index)")
            line("    Memory start: 0x\(String(mapping.memoryStart, radix: 16))")
            line("    Memory limit: 0x\(String(mapping.memoryLimit, radix: 16))")
            line("    File offset: 0x\(String(mapping.fileOffset, radix: 16))")
            line("    File name: \(dictionary.text(mapping.filenameStrindex))")
            add("    Attributes", mapping.attributeIndices, dictionary)
        }
        for (index, location) in dictionary.locationTable.enumerated() {
            line("Location #\(index)")
            line("    Mapping index: \(location.mappingIndex)")
            line("    Address: 0x\(String(location.address, radix: 16))")
            for (index, entry) in location.lines.enumerated() {
                line("    Line #\(index)")
                line("        Function index: \(entry.functionIndex)")
                line("        Line: \(entry.line)")
                line("        Column: \(entry.column)")
            }
            add("    Attributes", location.attributeIndices, dictionary)
        }
        for (index, function) in dictionary.functionTable.enumerated() {
            line("Function #\(index)")
            line("    Name: \(dictionary.text(function.nameStrindex))")
            line("    System name: \(dictionary.text(function.systemNameStrindex))")
            line("    Filename: \(dictionary.text(function.filenameStrindex))")
            line("    Start line: \(function.startLine)")
        }
        line("Attribute table:")
        for (index, attribute) in dictionary.attributeTable.enumerated() {
            line("     -> #\(index) \(dictionary.text(attribute.keyStrindex)): \(dictionary.valueText(attribute))")
        }
        line("Link table:")
        for (index, link) in dictionary.linkTable.enumerated() {
            line("     -> #\(index) Trace ID: \(link.traceID.hexadecimalText) Span ID: \(link.spanID.hexadecimalText)")
        }
        line("String table:")
        for (index, text) in dictionary.stringTable.enumerated() { line("     -> #\(index) \(text)") }
    }

    private mutating func add(_ title: String, _ indices: [Int32], _ dictionary: OTLPProfilesDictionary) {
        guard !indices.isEmpty else { return }
        line("\(title):")
        for index in indices {
            guard let attribute = dictionary.attribute(at: index) else {
                line("         -> [Missing Dictionary Attribute #\(index)]")
                continue
            }
            line("         -> \(dictionary.text(attribute.keyStrindex)): \(dictionary.valueText(attribute))")
        }
    }

    private mutating func add(_ profile: OTLPProfile, _ index: Int, _ dictionary: OTLPProfilesDictionary) {
        func type(_ type: OTLPValueType) -> String {
            "\(dictionary.text(type.typeStrindex))/\(dictionary.text(type.unitStrindex))"
        }
        line("Profile #\(index)")
        line("    Profile ID             : \(profile.profileID.hexadecimalText)")
        line("    Sample type            : \(type(profile.sampleType))")
        line("    Period                 : \(profile.period) \(type(profile.periodType))")
        line("    Start time             : \(timeText(profile.timeUnixNano))")
        line("    DurationNano           : \(profile.durationNano)")
        line("    Dropped attributes count: \(profile.droppedAttributesCount)")
        if !profile.originalPayloadFormat.isEmpty {
            line("    Original payload       : \(profile.originalPayloadFormat), \(profile.originalPayload.count) bytes")
        }
        add("    Attributes", profile.attributeIndices, dictionary)
        for (index, sample) in profile.samples.enumerated() {
            line("    Sample #\(index)")
            if !sample.values.isEmpty { line("        Values: \(sample.values)") }
            if !sample.timestampsUnixNano.isEmpty {
                line("        Timestamps: \(sample.timestampsUnixNano.map(timeText).joined(separator: ", "))")
            }
            add("        Attributes", sample.attributeIndices, dictionary)
            if sample.linkIndex != 0 {
                if let link = dictionary.link(at: sample.linkIndex) {
                    line("        Link: \(link.traceID.hexadecimalText) \(link.spanID.hexadecimalText)")
                } else {
                    line("        Link: [Missing Dictionary Link #\(sample.linkIndex)]")
                }
            }
            addStack(sample.stackIndex, dictionary)
        }
    }

    /// Leaf first, inlined functions as lines of their own.
    private mutating func addStack(_ index: Int32, _ dictionary: OTLPProfilesDictionary) {
        guard let stack = dictionary.stack(at: index) else {
            line("        Stack: [Missing Dictionary Stack #\(index)]")
            return
        }
        line("        Stack:")
        for index in stack.locationIndices {
            guard let location = dictionary.location(at: index) else {
                line("            [Missing Dictionary Location #\(index)]")
                continue
            }
            let place = dictionary.placeText(location)
            if location.lines.isEmpty { line("            \(place)") }
            for entry in location.lines {
                guard let function = dictionary.function(at: entry.functionIndex) else {
                    line("            [Missing Dictionary Function #\(entry.functionIndex)]")
                    continue
                }
                let file = dictionary.text(function.filenameStrindex)
                let source = file.isEmpty ? "" : " \(file):\(entry.line)"
                line("            \(dictionary.text(function.nameStrindex))\(source)\(place.isEmpty ? "" : " (\(place))")")
            }
        }
    }
}

extension Opentelemetry_Proto_Profiles_V1development_ProfilesDictionary {
    /// A string, or a placeholder where there is none.
    fileprivate func text(_ index: Int32) -> String { string(at: index) ?? "[Missing Dictionary String #\(index)]" }

    fileprivate func valueText(_ attribute: OTLPKeyValueAndUnit) -> String {
        let unit = attribute.unitStrindex == 0 ? "" : " \(text(attribute.unitStrindex))"
        if case .stringValueStrindex(let index) = attribute.value.value { return "Str(\(text(index)))\(unit)" }
        return attribute.value.typedText + unit
    }

    /// `file+0x1234`, or less where less is known.
    fileprivate func placeText(_ location: OTLPLocation) -> String {
        guard location.mappingIndex != 0 else {
            return location.address == 0 ? "" : "0x\(String(location.address, radix: 16))"
        }
        guard let mapping = mapping(at: location.mappingIndex) else {
            return "[Missing Dictionary Mapping #\(location.mappingIndex)]"
        }
        return "\(text(mapping.filenameStrindex))+0x\(String(location.address, radix: 16))"
    }
}
