import Foundation
import OTLP
import Testing

@testable import ElasticsearchExporter

struct IdentifierTests {
    /// From the algorithm's published test values and its reference implementation.
    @Test(arguments: [
        ("", 0xef46_db37_51d8_e999), ("a", 0xd24e_c4f1_a98c_6e5b), ("abc", 0x44bc_2cf5_ad77_0999),
        ("http.server.request.duration", 0x3029_2700_b84d_a900),
    ] as [(String, UInt64)])
    func xxHash(text: String, hash: UInt64) {
        #expect(XXHash64.hash(Array(text.utf8)) == hash)
    }

    let native = FileID(hexadecimal: "600dcafe4a110000f2bf38c493f5fb92")

    /// One native frame: the example of the reference's own tests.
    @Test func oneFrame() throws {
        let frame = FrameID(file: try #require(native), address: 111)
        #expect(frame.file.text == "YA3K_koRAADyvzjEk_X7kg")
        #expect(frame.text == "YA3K_koRAADyvzjEk_X7kgAAAAAAAABv")
        #expect(FrameType.runLengths(rootFirst: [3]) == "AQM")
        var hasher = TraceHasher()
        hasher.add(frame)
        #expect(FileID(high: hasher.value.high, low: hasher.value.low).text == "02VzuClbpt_P3xxwox83Ng")
    }

    @Test func fourFramesOfThreeKinds() throws {
        let kernel = try #require(FileID(hexadecimal: "00112233445566778899AABBCCDDEEFF"))
        let synthetic = FileID(functions: [FrameFunction(name: "main", fileName: "app.py", line: 42, column: 0)])
        #expect(synthetic == FileID(hexadecimal: "a76837037cf22922a76837037cf22922"))
        let leafFirst = [
            FrameID(file: kernel, address: 0x1234), FrameID(file: try #require(native), address: 0x5678),
            FrameID(file: try #require(native), address: 0x9abc), FrameID(file: synthetic, address: 42),
        ]
        #expect(
            leafFirst.map(\.text) == [
                "ABEiM0RVZneImaq7zN3u_wAAAAAAABI0", "YA3K_koRAADyvzjEk_X7kgAAAAAAAFZ4",
                "YA3K_koRAADyvzjEk_X7kgAAAAAAAJq8", "p2g3A3zyKSKnaDcDfPIpIgAAAAAAAAAq",
            ])
        #expect(FrameType.runLengths(rootFirst: [1, 3, 3, 4]) == "AQECAwEE")
        var hasher = TraceHasher()
        for frame in leafFirst { hasher.add(frame) }
        #expect(FileID(high: hasher.value.high, low: hasher.value.low).text == "fIT6zuZVTqWnEfA35IvWMA")
    }

    @Test func runsEndAt255() {
        let text = FrameType.runLengths(rootFirst: Array(repeating: 3, count: 300))
        #expect(Data(base64Encoded: text + "==") == nil || text == "_wMtAw")
        #expect(text == "_wMtAw")
    }

    @Test(arguments: ["", "600dcafe", "600dcafe4a110000f2bf38c493f5fb9", "600dcafe4a110000f2bf38c493f5fb9g"])
    func noFileID(text: String) { #expect(FileID(hexadecimal: text) == nil) }

    /// Computed with Python's datetime.
    @Test(arguments: [
        (0, "1970-01-01T00:00:00Z"), (1_700_000_000, "2023-11-14T22:13:20Z"),
        (4_294_967_295, "2106-02-07T06:28:15Z"), (1_700_000_000_000_000_000, "2023-11-14T22:13:20Z"),
        (1_709_164_799_123_456_789, "2024-02-28T23:59:59.123456789Z"),
        (1_709_164_800_000_000_000, "2024-02-29T00:00:00Z"), (1_709_164_800_120_000_000, "2024-02-29T00:00:00.12Z"),
        (1_709_164_800_000_000_001, "2024-02-29T00:00:00.000000001Z"),
        (4_102_444_800_000_000_000, "2100-01-01T00:00:00Z"), (UInt64.max, "2554-07-21T23:34:33.709551615Z"),
    ] as [(UInt64, String)])
    func timestamps(nanoseconds: UInt64, text: String) { #expect(Timestamps.text(nanoseconds: nanoseconds) == text) }

    @Test func weeksBeginOnMondays() {
        #expect(Timestamps.weekStart(1_700_000_000) == 1_699_833_600)
        #expect(Timestamps.weekStart(1_699_833_600) == 1_699_833_600)
        #expect(Timestamps.weekStart(1_699_833_599) == 1_699_228_800)
    }
}
