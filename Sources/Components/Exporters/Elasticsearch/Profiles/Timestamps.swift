/// Points in time as documents write them.
enum Timestamps {
    /// RFC 3339 in UTC with up to nine fractional digits, as many as needed. Nanoseconds since 1970; a value that fits
    /// into 32 bits is taken for whole seconds.
    static func append(nanoseconds: UInt64, to text: inout [UInt8]) {
        var writer = TimestampWriter()
        writer.append(nanoseconds: nanoseconds, to: &text)
    }

    static func text(nanoseconds: UInt64) -> String {
        var text: [UInt8] = []
        append(nanoseconds: nanoseconds, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    /// As `append`, but always with nine fractional digits and always nanoseconds.
    static func fullText(nanoseconds: UInt64) -> String {
        var text: [UInt8] = []
        CivilTime(secondsSince1970: Int64(clamping: nanoseconds / 1_000_000_000)).append(to: &text)
        let fraction = String(nanoseconds % 1_000_000_000)
        return String(decoding: text, as: UTF8.self) + "." + String(repeating: "0", count: 9 - fraction.utf8.count)
            + fraction + "Z"
    }

    /// Seconds since 1970, cut to steps of seven days that begin on Mondays at 00:00 UTC.
    static func weekStart(_ seconds: Int64) -> Int64 {
        // 1970-01-01 was a Thursday: three days after a Monday.
        let offset = (seconds &+ 259_200) % 604_800
        return seconds - (offset < 0 ? offset + 604_800 : offset)
    }
}

/// Writes many timestamps, most of which share their second with the one before.
struct TimestampWriter {
    private var second: UInt64?
    private var date: [UInt8] = []

    /// As `Timestamps.append`.
    mutating func append(nanoseconds: UInt64, to text: inout [UInt8]) {
        let isSeconds = nanoseconds <= UInt64(UInt32.max)
        let seconds = isSeconds ? nanoseconds : nanoseconds / 1_000_000_000
        var fraction = isSeconds ? 0 : nanoseconds % 1_000_000_000
        if second != seconds {
            second = seconds
            date.removeAll(keepingCapacity: true)
            CivilTime(secondsSince1970: Int64(clamping: seconds)).append(to: &date)
        }
        text.append(contentsOf: date)
        if fraction > 0 {
            text.append(UInt8(ascii: "."))
            var unit: UInt64 = 100_000_000
            while fraction > 0 {
                text.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: fraction / unit))
                fraction %= unit
                unit /= 10
            }
        }
        text.append(UInt8(ascii: "Z"))
    }
}

/// A date and a time of day in UTC.
struct CivilTime {
    var year: Int64
    var month: Int64
    var day: Int64
    var hour: Int64
    var minute: Int64
    var second: Int64

    /// After Howard Hinnant's "chrono-compatible low-level date algorithms": years begin in March, so that the leap
    /// day is the last of a year.
    init(secondsSince1970 seconds: Int64) {
        let secondOfDay = ((seconds % 86_400) + 86_400) % 86_400
        let days = (seconds - secondOfDay) / 86_400 + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        hour = secondOfDay / 3600
        minute = secondOfDay / 60 % 60
        second = secondOfDay % 60
    }

    /// `2024-02-29T12:34:56`
    func append(to text: inout [UInt8]) {
        Self.append(year, width: 4, to: &text)
        for (separator, value) in [("-", month), ("-", day), ("T", hour), (":", minute), (":", second)] {
            text.append(contentsOf: separator.utf8)
            Self.append(value, width: 2, to: &text)
        }
    }

    private static func append(_ value: Int64, width: Int, to text: inout [UInt8]) {
        let digits = String(value).utf8
        for _ in digits.count..<max(width, digits.count) { text.append(UInt8(ascii: "0")) }
        text.append(contentsOf: digits)
    }
}
