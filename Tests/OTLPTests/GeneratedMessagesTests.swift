import Foundation
import OTLP
import SwiftProtobuf
import Testing

/// The field numbers of today's profiles.proto (1.10 and later), which share their package name with older,
/// incompatible layouts: a message generated from the wrong one would decode without an error.
struct GeneratedMessagesTests {
    @Test func sampleHasTheFieldNumbersOfRelease110() throws {
        let sample = Opentelemetry_Proto_Profiles_V1development_Sample.with {
            $0.stackIndex = 1
            $0.attributeIndices = [2, 300]
            $0.linkIndex = 3
            $0.values = [4]
            $0.timestampsUnixNano = [5]
        }
        let wire: [UInt8] = [
            0x08, 1, 0x12, 3, 2, 0xac, 0x02, 0x18, 3, 0x22, 1, 4, 0x2a, 8, 5, 0, 0, 0, 0, 0, 0, 0,
        ]
        #expect(try sample.serializedBytes() as [UInt8] == wire)
        #expect(try Opentelemetry_Proto_Profiles_V1development_Sample(serializedBytes: wire) == sample)
    }

    @Test func profileHasOneSampleTypeAndItsIdAtSeven() throws {
        let profile = Opentelemetry_Proto_Profiles_V1development_Profile.with {
            $0.sampleType.typeStrindex = 1
            $0.durationNano = 2
            $0.period = 3
            $0.profileID = Data([4])
            $0.attributeIndices = [5]
        }
        let wire: [UInt8] = [0x0a, 2, 0x08, 1, 0x20, 2, 0x30, 3, 0x3a, 1, 4, 0x5a, 1, 5]
        #expect(try profile.serializedBytes() as [UInt8] == wire)
    }

    @Test func attributesMayReferToStringsByIndex() throws {
        let attribute = Opentelemetry_Proto_Common_V1_KeyValue.with {
            $0.keyStrindex = 1
            $0.value.stringValueStrindex = 2
        }
        #expect(try attribute.serializedBytes() as [UInt8] == [0x12, 2, 0x40, 2, 0x18, 1])
    }
}
