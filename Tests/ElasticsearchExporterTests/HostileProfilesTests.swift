import OTLP
import Testing

@testable import ElasticsearchExporter

/// Messages with indices that point nowhere, and with values that are too large.
struct HostileProfilesTests {
    func encode(_ data: OTLPProfilesData) -> (buffer: BulkBuffer, encoder: ProfilesEncoder) {
        var encoder = ProfilesEncoder(
            dictionary: data.dictionary, schema: .classic, settings: ProfileSettings(),
            seen: SeenDocuments(lifetime: .seconds(1)), host: nil, now: ProfileMessages.start,
            instant: ContinuousClock.now)
        var buffer = BulkBuffer()
        for resource in data.resourceProfiles { encoder.encode(resource, to: &buffer) }
        return (buffer, encoder)
    }

    func count(_ buffer: BulkBuffer, _ target: String) -> Int {
        buffer.documents.count { buffer.targets[$0.target] == target }
    }

    static let indices: [Int32] = [.min, -1, 1000, .max]

    @Test(arguments: indices)
    func indicesThatPointNowhere(index: Int32) {
        let changes: [(inout OTLPProfilesData) -> Void] = [
            { $0.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].stackIndex = index },
            { $0.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].attributeIndices = [index] },
            { $0.resourceProfiles[0].scopeProfiles[0].profiles[0].attributeIndices = [index] },
            { $0.resourceProfiles[0].scopeProfiles[0].profiles[0].sampleType.typeStrindex = index },
            {
                for entry in $0.dictionary.stackTable.indices { $0.dictionary.stackTable[entry].locationIndices = [index] }
            },
            {
                for entry in $0.dictionary.locationTable.indices { $0.dictionary.locationTable[entry].mappingIndex = index }
            },
            {
                for entry in $0.dictionary.locationTable.indices {
                    $0.dictionary.locationTable[entry].attributeIndices = [index]
                    for line in $0.dictionary.locationTable[entry].lines.indices {
                        $0.dictionary.locationTable[entry].lines[line].functionIndex = index
                    }
                }
            },
            {
                for entry in $0.dictionary.functionTable.indices { $0.dictionary.functionTable[entry].nameStrindex = index }
            },
            {
                for entry in $0.dictionary.mappingTable.indices { $0.dictionary.mappingTable[entry].filenameStrindex = index }
            },
            {
                for entry in $0.dictionary.attributeTable.indices { $0.dictionary.attributeTable[entry].keyStrindex = index }
            },
        ]
        for change in changes {
            let (buffer, encoder) = encode(ProfileMessages.example(change))
            // What is left is stored, and what is not is accounted for.
            let items = buffer.documents.map(\.items) + encoder.withoutStack + encoder.unsupported.values.flatMap { $0 }
            #expect(BulkSession.count(items) == 2)
        }
    }

    @Test func noTablesAtAll() {
        let (buffer, encoder) = encode(ProfileMessages.example { $0.dictionary = OTLPProfilesDictionary() })
        #expect(buffer.isEmpty)
        #expect(encoder.unsupported["/"]?.count == 1)
    }

    /// Readers of documents hold addresses in 31 bits.
    @Test func addressesAreCut() {
        let (buffer, encoder) = encode(
            ProfileMessages.example { data in
                for entry in data.dictionary.locationTable.indices
                where data.dictionary.locationTable[entry].address > 0 {
                    data.dictionary.locationTable[entry].address |= 0xffff_ffff_8000_0000
                }
            })
        #expect(encoder.cutAddresses == 3)
        let text = String(decoding: buffer.bytes, as: UTF8.self)
        #expect(text.contains("fIT6zuZVTqWnEfA35IvWMA"))
    }

    @Test func valuesThatAreTooLarge() {
        let (buffer, _) = encode(
            ProfileMessages.example {
                $0.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].values = [.max, .min, 2]
                $0.resourceProfiles[0].scopeProfiles[0].profiles[0].period = .min
            })
        #expect(count(buffer, "profiling-events-all") == 100_000 + 2 + 1)
    }

    /// Aggregated samples count at the profile's own time.
    @Test func valuesWithoutTimestamps() {
        let (buffer, _) = encode(
            ProfileMessages.example {
                $0.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].timestampsUnixNano = []
                $0.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].values = [5]
            })
        #expect(count(buffer, "profiling-events-all") == 6)
    }
}

struct SeenDocumentsTests {
    func identity(_ number: UInt64) -> DocumentIdentity { DocumentIdentity(kind: .trace, words: (number, 0, 0)) }

    @Test func theLeastRecentlyUsedMakesRoom() {
        let cache = ExpiringCache(capacity: 3, lifetime: .seconds(10))
        let now = ContinuousClock.now
        for number in 0..<3 { cache.insert(identity(UInt64(number)), now: now) }
        #expect(cache.contains(identity(0), now: now))
        cache.insert(identity(3), now: now)
        #expect(cache.count == 3)
        #expect((0..<4).map { cache.contains(identity($0), now: now) } == [true, false, true, true])
    }

    @Test func entriesExpire() {
        let cache = ExpiringCache(capacity: 3, lifetime: .seconds(10))
        let now = ContinuousClock.now
        cache.insert(identity(1), now: now)
        // Being acknowledged again does not make it younger.
        cache.insert(identity(1), now: now + .seconds(9))
        #expect(cache.contains(identity(1), now: now + .seconds(9)))
        #expect(!cache.contains(identity(1), now: now + .seconds(10)))
        cache.insert(identity(1), now: now + .seconds(10))
        #expect(cache.contains(identity(1), now: now + .seconds(19)))
    }

    /// Against a plain array as the model.
    @Test func behavesAsTheModel() {
        let cache = ExpiringCache(capacity: 8, lifetime: .seconds(1000))
        var model: [UInt64] = []
        let now = ContinuousClock.now
        var state: UInt64 = 1
        for _ in 0..<5000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let number = state >> 33 % 20
            if state >> 63 == 0 {
                #expect(cache.contains(identity(number), now: now) == model.contains(number))
                if let index = model.firstIndex(of: number) { model.append(model.remove(at: index)) }
            } else {
                cache.insert(identity(number), now: now)
                model.removeAll { $0 == number }
                model.append(number)
                if model.count > 8 { model.removeFirst() }
            }
        }
        #expect(cache.count == model.count)
    }
}
