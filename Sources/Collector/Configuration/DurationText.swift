extension Duration {
    /// A bound for ranges that have no upper end: 292 years, what 64 bits of nanoseconds hold.
    public static let longest = Duration.nanoseconds(Int64.max)

    /// Reads decimal numbers with units, concatenated: `1h30m`, `-1.5s`, `200ms`. Units are `ns`, `us`, `µs`, `ms`,
    /// `s`, `m`, `h`. `0` needs no unit. Nil for anything else and for what exceeds 292 years.
    public init?(parsingUnits text: String) {
        var rest = Substring(text)
        var isNegative = false
        if let sign = rest.first, sign == "-" || sign == "+" {
            isNegative = sign == "-"
            rest.removeFirst()
        }
        if rest == "0" {
            self = .zero
            return
        }
        guard !rest.isEmpty else { return nil }
        var total: Int64 = 0
        while !rest.isEmpty {
            guard let nanoseconds = Self.takePart(&rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(nanoseconds)
            guard !overflow else { return nil }
            total = sum
        }
        self = .nanoseconds(isNegative ? -total : total)
    }

    /// One number with its unit, in nanoseconds.
    private static func takePart(_ rest: inout Substring) -> Int64? {
        func isDigit(_ character: Character) -> Bool { ("0"..."9").contains(character) && character.utf8.count == 1 }
        let whole = rest.prefix(while: isDigit)
        rest = rest.dropFirst(whole.count)
        var fraction = Substring()
        if rest.first == "." {
            rest.removeFirst()
            fraction = rest.prefix(while: isDigit)
            rest = rest.dropFirst(fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        let unit = rest.prefix { $0 != "." && !isDigit($0) }
        rest = rest.dropFirst(unit.count)
        let unitNanoseconds: Int64
        switch unit {
        case "ns": unitNanoseconds = 1
        case "us", "µs", "μs": unitNanoseconds = 1_000
        case "ms": unitNanoseconds = 1_000_000
        case "s": unitNanoseconds = 1_000_000_000
        case "m": unitNanoseconds = 60_000_000_000
        case "h": unitNanoseconds = 3_600_000_000_000
        default: return nil
        }
        guard let integer = whole.isEmpty ? 0 : Int64(whole) else { return nil }
        let (wholeNanoseconds, overflow) = integer.multipliedReportingOverflow(by: unitNanoseconds)
        guard !overflow else { return nil }
        // Digits below a nanosecond are cut off.
        var fractionNanoseconds: Int64 = 0
        var scale = unitNanoseconds
        for digit in fraction {
            scale /= 10
            guard scale > 0, let value = digit.wholeNumberValue else { break }
            fractionNanoseconds += Int64(value) * scale
        }
        let (sum, sumOverflow) = wholeNanoseconds.addingReportingOverflow(fractionNanoseconds)
        return sumOverflow ? nil : sum
    }

    /// The duration as a configuration would write it, for example `1h30m0s`, `1.5s`, `200ms`.
    public var unitText: String {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return "\(self)" }
        let total = scaled &+ attoseconds / 1_000_000_000
        if total == 0 { return "0s" }
        let sign = total < 0 ? "-" : ""
        let nanoseconds = total.magnitude
        func decimal(_ unit: UInt64) -> String {
            let fraction = nanoseconds % unit
            guard fraction > 0 else { return "\(nanoseconds / unit)" }
            let width = String(unit).count - 1
            var digits = String(fraction)
            digits = String(repeating: "0", count: width - digits.count) + digits
            while digits.hasSuffix("0") { digits.removeLast() }
            return "\(nanoseconds / unit).\(digits)"
        }
        if nanoseconds < 1_000 { return "\(sign)\(nanoseconds)ns" }
        if nanoseconds < 1_000_000 { return "\(sign)\(decimal(1_000))µs" }
        if nanoseconds < 1_000_000_000 { return "\(sign)\(decimal(1_000_000))ms" }
        let wholeSeconds = nanoseconds / 1_000_000_000
        let (hours, minutes) = (wholeSeconds / 3600, wholeSeconds / 60 % 60)
        let minuteNanoseconds = nanoseconds % 60_000_000_000
        let secondText = "\(Duration.nanoseconds(Int64(clamping: minuteNanoseconds)).secondsText)s"
        if hours > 0 { return "\(sign)\(hours)h\(minutes)m\(secondText)" }
        if minutes > 0 { return "\(sign)\(minutes)m\(secondText)" }
        return "\(sign)\(secondText)"
    }

    /// Below a minute and not negative: seconds with as many decimals as needed.
    private var secondsText: String {
        let (seconds, attoseconds) = components
        let nanoseconds = attoseconds / 1_000_000_000
        guard nanoseconds > 0 else { return "\(seconds)" }
        var digits = String(nanoseconds)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(seconds).\(digits)"
    }
}
