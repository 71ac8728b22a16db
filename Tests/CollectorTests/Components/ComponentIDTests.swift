import Testing

@testable import Collector

struct ComponentIDTests {
    @Test(arguments: [
        ("nop", "nop", ""), ("otlp_grpc/2", "otlp_grpc", "2"), ("a/b/c", "a", "b/c"), ("  x / y  ", "x", "y"),
        ("T1_x/ö-name.1", "T1_x", "ö-name.1"),
    ])
    func parses(text: String, type: String, name: String) throws {
        let id = try ComponentID(parsing: text)
        #expect(id == ComponentID(type: type, name: name))
        #expect(try ComponentID(parsing: id.description) == id)
    }

    @Test(arguments: [
        ("", "id must not be empty"), ("   ", "id must not be empty"),
        ("/x", "in \"/x\" id: the part before / should not be empty"),
        ("x/", "in \"x/\" id: the part after / should not be empty"),
        ("1x", "invalid character(s) in type \"1x\""), ("a-b", "invalid character(s) in type \"a-b\""),
        ("x/a b", "invalid character(s) in name \"a b\""), ("x/a$", "invalid character(s) in name \"a$\""),
        ("x/a\u{7}", "invalid character(s) in name \"a\u{7}\""),
    ])
    func refuses(text: String, message: String) {
        #expect(throws: IdentifierError(description: message)) { try ComponentID(parsing: text) }
    }

    @Test func limitsLengths() throws {
        _ = try ComponentID(parsing: String(repeating: "a", count: 63))
        #expect(throws: IdentifierError.self) { try ComponentID(parsing: String(repeating: "a", count: 64)) }
        _ = try ComponentID(parsing: "a/" + String(repeating: "ä", count: 1024))
        #expect(throws: IdentifierError.self) { try ComponentID(parsing: "a/" + String(repeating: "n", count: 1025)) }
    }

    @Test func parsesPipelineIDs() throws {
        #expect(try PipelineID(parsing: "profiles/x/y") == PipelineID(signal: .profiles, name: "x/y"))
        let error = #expect(throws: IdentifierError.self) { try PipelineID(parsing: "foo") }
        #expect(error?.description.hasPrefix("unknown pipeline signal: \"foo\"") == true)
    }
}
