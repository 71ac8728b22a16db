import OTLP
import OTLPTestSupport
import Testing

struct ProfilesDictionaryMergerTests {
    /// What a message says, without indices: one line a sample, with all that it refers to.
    static func lines(_ data: OTLPProfilesData) -> [String] {
        let dictionary = data.dictionary
        func text(_ index: Int32) -> String { dictionary.string(at: index) ?? "?" }
        func attributes(_ indices: [Int32]) -> String {
            indices.map { index in
                let attribute = dictionary.attribute(at: index) ?? .init()
                return "\(text(attribute.keyStrindex))=\(attribute.value) \(text(attribute.unitStrindex))"
            }.sorted().joined(separator: ",")
        }
        func location(_ index: Int32) -> String {
            let location = dictionary.location(at: index) ?? .init()
            let mapping = dictionary.mapping(at: location.mappingIndex) ?? .init()
            let lines = location.lines.map { line in
                let function = dictionary.function(at: line.functionIndex) ?? .init()
                return "\(text(function.nameStrindex))/\(text(function.systemNameStrindex))/"
                    + "\(text(function.filenameStrindex)):\(function.startLine):\(line.line):\(line.column)"
            }
            return "\(location.address)@\(text(mapping.filenameStrindex))[\(mapping.memoryStart)-\(mapping.memoryLimit)"
                + "+\(mapping.fileOffset) \(attributes(mapping.attributeIndices))] \(lines) "
                + attributes(location.attributeIndices)
        }
        return data.resourceProfiles.flatMap { resource in
            resource.scopeProfiles.flatMap { scope in
                scope.profiles.flatMap { profile in
                    profile.samples.map { sample in
                        let stack = dictionary.stack(at: sample.stackIndex)?.locationIndices ?? []
                        let link = dictionary.link(at: sample.linkIndex) ?? .init()
                        return "\(resource.resource.attributes) \(scope.scope.name) \(profile.timeUnixNano) "
                            + "\(text(profile.sampleType.typeStrindex)) \(text(profile.periodType.typeStrindex)) "
                            + "\(attributes(profile.attributeIndices)) \(stack.map(location)) "
                            + "\(attributes(sample.attributeIndices)) \(link.traceID) \(sample.values) "
                            + "\(sample.timestampsUnixNano)"
                    }
                }
            }
        }
    }

    @Test func mergedMessagesSayTheSame() {
        let (first, second) = (ExampleProfiles.small(), ExampleProfiles.small())
        var other = second
        // Another order of everything that can be in another order.
        var shuffled = ProfilesDictionaryMerger()
        other.resourceProfiles = shuffled.add(second.resourceProfiles.reversed(), of: second.dictionary)
        other.dictionary = shuffled.dictionary
        #expect(Self.lines(other).sorted() == Self.lines(second).sorted())
        var merger = ProfilesDictionaryMerger()
        var merged = OTLPProfilesData()
        for message in [first, other] {
            merged.resourceProfiles += merger.add(message.resourceProfiles, of: message.dictionary)
        }
        merged.dictionary = merger.dictionary
        #expect(Self.lines(merged) == Self.lines(first) + Self.lines(other))
        // The same message twice has the same ids twice.
        #expect(ProfilesChecker.check(merged).filter { !"\($0)".contains("profile_id") }.isEmpty)
        // The second brought nothing new.
        #expect(merged.dictionary.stringTable.count <= first.dictionary.stringTable.count)
    }

    @Test func indicesOutOfRangeBecomeNotSet() {
        var message = ExampleProfiles.small()
        for index in message.resourceProfiles[0].scopeProfiles[0].profiles[0].samples.indices {
            message.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[index].stackIndex = Int32.max - Int32(index)
            message.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[index].linkIndex = -1
            message.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[index].attributeIndices = [-5, 1_000_000]
        }
        for index in message.dictionary.locationTable.indices {
            message.dictionary.locationTable[index].mappingIndex = Int32.min
        }
        for index in message.dictionary.stackTable.indices {
            message.dictionary.stackTable[index].locationIndices.append(99_999)
        }
        var merger = ProfilesDictionaryMerger()
        let resources = merger.add(message.resourceProfiles, of: message.dictionary)
        let samples = resources[0].scopeProfiles[0].profiles[0].samples
        #expect(samples.allSatisfy { $0.stackIndex == 0 && $0.linkIndex == 0 && $0.attributeIndices.isEmpty })
    }

    @Test func onlyWhatIsNeededGetsIn() {
        let message = ExampleProfiles.small()
        var merger = ProfilesDictionaryMerger()
        _ = merger.add([], of: message.dictionary)
        #expect(merger.entryCount == ProfilesDictionaryBuilder().entryCount)
    }
}
