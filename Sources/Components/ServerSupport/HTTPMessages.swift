import Collector
import NIOHTTP1

/// A request with its whole body, decompressed.
public struct HTTPRequest: Sendable {
    public var method: HTTPMethod
    /// Without the query.
    public var path: String
    /// What stands behind the question mark; empty if there is none.
    public var query: String
    public var headers: HTTPHeaders
    public var body: [UInt8]
    public var context: RequestContext

    /// The media type without its parameters, in lowercase; empty if none is given.
    public var mediaType: String {
        let text = headers.first(name: "Content-Type")?.prefix { $0 != ";" } ?? ""
        return text.split(whereSeparator: \.isWhitespace).first.map { $0.lowercased() } ?? ""
    }

    /// The first value of a query parameter, percent-decoded; nil if there is none.
    public func queryValue(_ name: String) -> String? {
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.first.map(Self.percentDecoded) == name {
                return parts.count > 1 ? Self.percentDecoded(parts[1]) : ""
            }
        }
        return nil
    }

    private static func percentDecoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

public struct HTTPAnswer: Sendable {
    public var status: HTTPResponseStatus
    public var headers = HTTPHeaders()
    public var body: [UInt8]

    public init(status: HTTPResponseStatus, contentType: String? = nil, body: [UInt8] = []) {
        self.status = status
        self.body = body
        if let contentType { headers.add(name: "Content-Type", value: contentType) }
    }

    public static func text(_ status: HTTPResponseStatus, _ text: String) -> HTTPAnswer {
        HTTPAnswer(status: status, contentType: "text/plain; charset=utf-8", body: Array("\(text)\n".utf8))
    }
}

/// What an HTTP server serves.
public protocol HTTPService: Sendable {
    /// Answers a request that was read whole and came from somebody who may ask.
    func answer(_ request: HTTPRequest) async -> HTTPAnswer

    /// Answers one that was not, in the service's own form.
    /// - Parameter request: Its body is empty.
    func refusal(_ status: HTTPResponseStatus, _ reason: String, for request: HTTPRequest) -> HTTPAnswer
}

extension HTTPService {
    public func refusal(_ status: HTTPResponseStatus, _ reason: String, for request: HTTPRequest) -> HTTPAnswer {
        .text(status, reason)
    }
}
