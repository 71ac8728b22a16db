import FoundationEssentials
import OTLP

/// How values of OTLP look as text.
extension OTLPAnyValue {
    /// Without its type: `42`, `["a","b"]`.
    var plainText: String {
        switch value {
        case nil: ""
        case .stringValue(let text): text
        case .boolValue(let flag): "\(flag)"
        case .intValue(let number): "\(number)"
        case .doubleValue(let number): "\(number)"
        case .arrayValue(let array): "[" + array.values.map(\.plainText).joined(separator: ",") + "]"
        case .kvlistValue(let list): "{" + list.values.map { "\($0.key):\($0.value.plainText)" }.joined(separator: ",") + "}"
        case .bytesValue(let bytes): bytes.base64EncodedString()
        case .stringValueStrindex(let index): "#\(index)"
        }
    }

    /// With its type, as in `Str(text)`.
    var typedText: String {
        switch value {
        case nil: "Empty()"
        case .stringValue: "Str(\(plainText))"
        case .boolValue: "Bool(\(plainText))"
        case .intValue: "Int(\(plainText))"
        case .doubleValue: "Double(\(plainText))"
        case .arrayValue: "Slice(\(plainText))"
        case .kvlistValue: "Map(\(plainText))"
        case .bytesValue: "Bytes(\(plainText))"
        case .stringValueStrindex: "StrIndex(\(plainText))"
        }
    }
}

extension [OTLPKeyValue] {
    /// `key=value` for each, joined.
    func joinedText(_ separator: String = " ") -> String {
        map { "\($0.key)=\($0.value.plainText)" }.joined(separator: separator)
    }
}

extension Data {
    var hexadecimalText: String {
        map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// UTC with nanoseconds, as in `2023-11-14 22:13:20.123456789 UTC`; `0` means not set.
func timeText(_ nanoseconds: UInt64) -> String {
    let seconds = Int64(nanoseconds / 1_000_000_000)
    let (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
    // Civil date from days since 1970-01-01, after Howard Hinnant's "chrono-compatible low-level date algorithms".
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func padded(_ number: some BinaryInteger, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2)) "
        + "\(padded(rest / 3600, 2)):\(padded(rest / 60 % 60, 2)):\(padded(rest % 60, 2))"
        + ".\(padded(nanoseconds % 1_000_000_000, 9)) UTC"
}
