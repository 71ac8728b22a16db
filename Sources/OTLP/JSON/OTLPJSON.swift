import SwiftProtobuf

/// OTLP's own JSON: that of Protocol Buffers, with ids in hexadecimal digits and enumerations as numbers.
///
/// Written: keys in lowerCamelCase, 64-bit integers as text, trace, span and profile ids as lowercase hexadecimal
/// digits, other bytes in base64; what is zero or empty is left out, except the messages that the OpenTelemetry
/// Collector always writes (`resource`, `scope`, `sampleType`, `periodType`, `dictionary`, an attribute's `value`).
///
/// Read: integers as text or numbers, ids as hexadecimal digits of either case or as base64; unknown keys are ignored.
public enum OTLPJSON {
    /// - Returns: One JSON object in UTF-8, without line breaks.
    public static func encode<Payload: OTLPPayload>(_ payload: Payload) throws -> [UInt8] {
        var payload = payload
        var pass = OTLPJSONPass(.encoding)
        payload.apply(&pass)
        var options = JSONEncodingOptions()
        options.alwaysPrintEnumsAsInts = true
        return try payload.jsonUTF8Bytes(options: options)
    }

    /// - Throws: `JSONDecodingError` for text that is no such message, `JSONIdentifierError` for an id of a wrong
    /// length.
    public static func decode<Payload: OTLPPayload>(_ type: Payload.Type = Payload.self, from bytes: [UInt8]) throws
        -> Payload
    {
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        var payload = try Payload(jsonUTF8Bytes: bytes, options: options)
        var pass = OTLPJSONPass(.decoding)
        payload.apply(&pass)
        if let error = pass.error { throw error }
        return payload
    }

    /// A message without ids in it, such as an answer or an error's status.
    public static func encodePlain(_ message: some Message) throws -> [UInt8] {
        var options = JSONEncodingOptions()
        options.alwaysPrintEnumsAsInts = true
        return try message.jsonUTF8Bytes(options: options)
    }

    public static func decodePlain<Plain: Message>(_ type: Plain.Type = Plain.self, from bytes: [UInt8]) throws -> Plain
    {
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        return try Plain(jsonUTF8Bytes: bytes, options: options)
    }
}
