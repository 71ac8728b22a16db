import Foundation

/// Times as the API writes them.
enum Timestamp {
    /// Seconds since 1970; nil if the text is no time of RFC 3339 in UTC.
    static func seconds(_ text: String) -> Int64? {
        guard text.utf8.count <= 40 else { return nil }
        guard let date = try? Date(text, strategy: .iso8601) else {
            guard let date = try? Date(text, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)) else {
                return nil
            }
            return Int64(exactly: date.timeIntervalSince1970.rounded(.down))
        }
        return Int64(exactly: date.timeIntervalSince1970.rounded(.down))
    }
}
