import Foundation
import Testing

@testable import ElasticsearchExporter

struct JSONWriterTests {
    func text(_ write: (inout JSONWriter) -> Void) -> String {
        var json = JSONWriter()
        write(&json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// A server that guesses types from the first document must see that a number is not whole.
    @Test(arguments: [
        (1.0, "1.0"), (0.1, "0.1"), (-0.0, "-0.0"), (1e300, "1e+300"),
        (.leastNonzeroMagnitude, "5e-324"), (.nan, "null"), (.infinity, "null"),
    ] as [(Double, String)])
    func doubles(value: Double, expected: String) { #expect(text { $0.double(value) } == expected) }

    @Test func commas() {
        let written = text { json in
            json.beginObject()
            json.member("a", 1)
            json.key("b")
            json.beginArray()
            json.beginObject()
            json.endObject()
            json.null()
            json.boolean(true)
            json.beginArray()
            json.endArray()
            json.raw("7".utf8)
            json.endArray()
            json.member("c", ["x", "y"])
            json.member("d", [Int32(1), 2])
            json.endObject()
        }
        #expect(written == #"{"a":1,"b":[{},null,true,[],7],"c":["x","y"],"d":[1,2]}"#)
    }

    /// Read back by Foundation.
    @Test func everyCharacterSurvives() throws {
        for value in (0..<0x800) as Range<UInt32> {
            let original = "a" + String(Unicode.Scalar(value).map(Character.init) ?? "x") + "é😀\u{2028}"
            let read = try JSONSerialization.jsonObject(
                with: Data(text { $0.string(original) }.utf8), options: .fragmentsAllowed)
            #expect(read as? String == original)
        }
    }
}
