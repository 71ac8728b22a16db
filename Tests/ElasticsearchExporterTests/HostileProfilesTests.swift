import OTLP
import Testing

@testable import ElasticsearchExporter

/// Messages with indices that point nowhere, and with values that are too large.
struct HostileProfilesTests {
    func encode(_ data: OTLPProfilesData) async -> (buffer: BulkBuffer, encoder: ProfilesEncoder) {
        var encoder = ProfilesEncoder(
            dictionary: data.dictionary, schema: .classic, settings: ProfileSettings(),
            seen: SeenDocuments(lifetime: .seconds(1)), host: nil, now: ProfileMessages.start,
            instant: ContinuousClock.now)
        var buffer = BulkBuffer()
        for resource in data.resourceProfiles { await encoder.encode(resource, to: &buffer) }
        return (buffer, encoder)
    }

    func count(_ buffer: BulkBuffer, _ target: String) -> Int {
        buffer.documents.count { buffer.targets[$0.target] == target }
    }

    static let indices: [Int32] = [.min, -1, 1000, .max]

    @Test(arguments: indices)
    func indicesThatPointNowhere(index: Int32) async {
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
            let (buffer, encoder) = await encode(ProfileMessages.example(change))
            // What is left is stored, and what is not is accounted for.
            let items = buffer.documents.map(\.items) + encoder.withoutStack + encoder.unsupported.values.flatMap { $0 }
            #expect(BulkSession.count(items) == 2)
        }
    }

    @Test func noTablesAtAll() async {
        let (buffer, encoder) = await encode(ProfileMessages.example { $0.dictionary = OTLPProfilesDictionary() })
        #expect(buffer.isEmpty)
        #expect(encoder.unsupported["/"]?.count == 1)
    }

    /// Readers of documents hold addresses in 31 bits.
    @Test func addressesAreCut() async {
        let (buffer, encoder) = await encode(
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

    @Test func valuesThatAreTooLarge() async {
        let (buffer, _) = await encode(
            ProfileMessages.example {
                $0.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].values = [.max, .min, 2]
                $0.resourceProfiles[0].scopeProfiles[0].profiles[0].period = .min
            })
        #expect(count(buffer, "profiling-events-all") == 100_000 + 2 + 1)
    }

    /// What a few bytes ask for is written in pieces, and what is too much of it is accounted for.
    @Test func largeValuesFillNoMemory() async {
        let data = ProfileMessages.example {
            $0.resourceProfiles[0].scopeProfiles[0].profiles[0].samples[0].values = [.max, 20_000, 2]
        }
        for (limit, expected, cut) in [(Int64.max, 100_000 + 20_000 + 2 + 1, 1), (10_000, 10_000, 2)] {
            var encoder = ProfilesEncoder(
                dictionary: data.dictionary, schema: .classic, settings: ProfileSettings(),
                seen: SeenDocuments(lifetime: .seconds(1)), host: nil, now: ProfileMessages.start,
                instant: ContinuousClock.now, maximumEvents: limit)
            var buffer = BulkBuffer()
            var (events, largest) = (0, 0)
            for resource in data.resourceProfiles {
                await encoder.encode(resource, to: &buffer, maximumBytes: 100_000) { full in
                    events += count(full, "profiling-events-all")
                    largest = max(largest, full.bytes.count)
                    full.removeAll()
                }
            }
            events += count(buffer, "profiling-events-all")
            #expect(events == Int(expected))
            #expect(BulkSession.count(encoder.cutSamples) == cut)
            // A thousand events more than the limit at most.
            #expect(largest < 100_000 + 1000 * 500)
        }
    }

    /// Entries that refer to each other multiply: a document does not grow with the product.
    @Test func smallMessagesMakeNoLargeDocuments() async {
        let long = String(repeating: "é", count: 100_000)
        let data = ProfileMessages.example { data in
            data.resourceProfiles[0].resource.attributes.append(OTLPKeyValue("service.name", long))
            data.resourceProfiles[0].scopeProfiles[0].profiles[0].sampleType = .with {
                $0.typeStrindex = data.resourceProfiles[0].scopeProfiles[0].profiles[0].sampleType.typeStrindex
                $0.unitStrindex = data.resourceProfiles[0].scopeProfiles[0].profiles[0].sampleType.unitStrindex
            }
            data.dictionary.stringTable.append(long)
            let text = Int32(data.dictionary.stringTable.count - 1)
            data.dictionary.functionTable.append(
                .with {
                    $0.nameStrindex = text
                    $0.filenameStrindex = text
                })
            let function = Int32(data.dictionary.functionTable.count - 1)
            for entry in data.dictionary.locationTable.indices {
                data.dictionary.locationTable[entry].lines = Array(
                    repeating: .with { $0.functionIndex = function }, count: 3000)
            }
            for entry in data.dictionary.mappingTable.indices {
                data.dictionary.mappingTable[entry].filenameStrindex = text
            }
        }
        let (buffer, encoder) = await encode(data)
        #expect(buffer.documents.allSatisfy { $0.bytes.count < 1_200_000 })
        #expect(buffer.documents.filter { buffer.targets[$0.target] == "profiling-events-all" }.allSatisfy {
            $0.bytes.count < 10_000
        })
        #expect(String(validating: buffer.bytes, as: UTF8.self) != nil)
        #expect(encoder.withoutStack.isEmpty)
    }

    /// Deeper than a trace can be: its samples are counted as not stored.
    @Test func stacksWithoutAnEnd() async {
        func message(_ depth: Int) -> OTLPProfilesData {
            ProfileMessages.example { data in
                let first = data.dictionary.stackTable[1].locationIndices[0]
                data.dictionary.stackTable[1].locationIndices = Array(repeating: first, count: depth)
            }
        }
        let (deep, _) = await encode(message(ProfileDictionaryReader.maximumDepth))
        #expect(count(deep, "profiling-stacktraces") == 2)
        let (rest, encoder) = await encode(message(ProfileDictionaryReader.maximumDepth + 1))
        #expect(count(rest, "profiling-stacktraces") == 1)
        #expect(BulkSession.count(encoder.withoutStack) == 1)
    }

    @Test func typesWithLongNames() async {
        let data = ProfileMessages.example { data in
            data.dictionary.stringTable.append(String(repeating: "x", count: 1_000_000))
            data.resourceProfiles[0].scopeProfiles[0].profiles[0].sampleType.typeStrindex = Int32(
                data.dictionary.stringTable.count - 1)
        }
        let (buffer, encoder) = await encode(data)
        #expect(buffer.isEmpty)
        #expect(encoder.unsupported.keys.allSatisfy { $0.utf8.count < 210 })
    }

    /// Aggregated samples count at the profile's own time.
    @Test func valuesWithoutTimestamps() async {
        let (buffer, _) = await encode(
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
