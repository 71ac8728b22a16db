/// The header `Retry-After` (RFC 9110 §10.2.3): seconds, or a date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
public enum RetryAfter {
    /// - Parameter now: Seconds since 1970.
    /// - Returns: Between zero and one day; nil for what is neither form.
    public static func delay(_ text: String, now: Int) -> Duration? {
        let text = text.split(separator: " ", omittingEmptySubsequences: true)
        let seconds: Int
        if text.count == 1, let number = Int(text[0]) {
            seconds = number
        } else if let date = HTTPDate.seconds(text) {
            seconds = date - now
        } else {
            return nil
        }
        return .seconds(min(max(seconds, 0), 86_400))
    }
}

/// Dates of HTTP header fields (RFC 9110 §5.6.7).
public enum HTTPDate {
    /// - Parameter text: Such as `Sun, 06 Nov 1994 08:49:37 GMT`; cookies also have `Sun, 06-Nov-1994 08:49:37 GMT`.
    /// - Returns: Seconds since 1970; nil for other forms.
    public static func seconds(_ text: String) -> Int? {
        var parts = text.split(separator: " ", omittingEmptySubsequences: true)
        if parts.count == 4 {
            let date = parts[1].split(separator: "-", omittingEmptySubsequences: false)
            if date.count == 3 { parts.replaceSubrange(1...1, with: date) }
        }
        return seconds(parts)
    }

    /// Split at spaces: day name, day, month, year, time, `GMT`.
    static func seconds(_ parts: [Substring]) -> Int? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT", let day = Int(parts[1]),
            let month = months.firstIndex(of: String(parts[2])), let year = Int(parts[3]),
            (1...31).contains(day), (1970...9999).contains(year)
        else { return nil }
        let clock = parts[4].split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
            (0..<24).contains(hour), (0..<60).contains(minute), (0...60).contains(second)
        else { return nil }
        // Days since 1970 of a civil date; years begin in March, so that the leap day is the last of a year.
        let shiftedYear = month < 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * ((month + 10) % 12) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return days * 86_400 + hour * 3600 + minute * 60 + second
    }
}
