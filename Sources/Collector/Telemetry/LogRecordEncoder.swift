import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Turns a log record into one line of text.
struct LogRecordEncoder: Sendable {
    struct Record {
        var time: WallClockTime
        var level: Logger.Level
        var caller: String
        var message: String
        var fields: Logger.Metadata
    }

    let encoding: TelemetryConfiguration.Logs.Encoding
    let writesCaller: Bool
    /// Attributes of the Collector; part of JSON records only, where machines read them.
    let resource: [String: String]

    func encode(_ record: Record) -> String {
        switch encoding {
        case .console: console(record)
        case .json: json(record)
        }
    }

    private func console(_ record: Record) -> String {
        var columns = [record.time.iso8601, Self.name(of: record.level)]
        if writesCaller { columns.append(record.caller) }
        // One record is one line, whatever it says: names of processes and files are foreign text.
        columns.append(Self.escapingControlCharacters(record.message))
        if !record.fields.isEmpty {
            var text = ""
            Self.append(record.fields, to: &text)
            columns.append(text)
        }
        return columns.joined(separator: "\t") + "\n"
    }

    private func json(_ record: Record) -> String {
        var text = "{\"level\":\"\(Self.name(of: record.level))\",\"ts\":\"\(record.time.iso8601)\""
        if writesCaller {
            text += ",\"caller\":"
            Self.append(string: record.caller, to: &text)
        }
        text += ",\"msg\":"
        Self.append(string: record.message, to: &text)
        var fields = record.fields
        if !resource.isEmpty { fields["resource"] = .dictionary(resource.mapValues { .string($0) }) }
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            text += ","
            Self.append(string: key, to: &text)
            text += ":"
            Self.append(value, to: &text)
        }
        return text + "}\n"
    }

    private static func name(of level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warn"
        case .error: "error"
        case .critical: "fatal"
        }
    }

    // MARK: - JSON

    private static func append(_ fields: Logger.Metadata, to text: inout String) {
        text += "{"
        var isFirst = true
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
            if !isFirst { text += ", " }
            isFirst = false
            append(string: key, to: &text)
            text += ": "
            append(value, to: &text)
        }
        text += "}"
    }

    private static func append(_ value: Logger.MetadataValue, to text: inout String) {
        switch value {
        case .string(let string): append(string: string, to: &text)
        case .stringConvertible(let value):
            switch value {
            case let number as any BinaryInteger: text += "\(number)"
            case let number as Double where number.isFinite: text += "\(number)"
            case let flag as Bool: text += "\(flag)"
            default: append(string: "\(value)", to: &text)
            }
        case .dictionary(let fields): append(fields, to: &text)
        case .array(let items):
            text += "["
            for (index, item) in items.enumerated() {
                if index > 0 { text += ", " }
                append(item, to: &text)
            }
            text += "]"
        }
    }

    static func append(string: String, to text: inout String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where isUnsafe(scalar): text += escape(scalar)
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }

    private static func escapingControlCharacters(_ string: String) -> String {
        guard string.unicodeScalars.contains(where: { isUnsafe($0) }) else { return string }
        var text = ""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\n": text += "\\n"
            case _ where isUnsafe(scalar): text += escape(scalar)
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// Control characters, which could end the line or command a terminal.
    private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.value == 0x2028 || scalar.value == 0x2029
    }

    private static func escape(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension String {
    /// The text as JSON writes it, in quotes.
    public var quotedJSON: String {
        var text = ""
        LogRecordEncoder.append(string: self, to: &text)
        return text
    }
}

/// Seconds and milliseconds since 1970.
public struct WallClockTime: Sendable {
    public var seconds: Int
    public var milliseconds: Int

    public static func now() -> WallClockTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallClockTime(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
    }

    /// In the local time zone: `2026-08-01T12:00:00.000Z`, or `+0200` instead of `Z`.
    public var iso8601: String {
        var broken = tm()
        var seconds = time_t(self.seconds)
        guard localtime_r(&seconds, &broken) != nil else { return "\(self.seconds).\(milliseconds)" }
        let date = "\(broken.tm_year + 1900)-\(Self.padded(broken.tm_mon + 1, 2))-\(Self.padded(broken.tm_mday, 2))"
        let time = [broken.tm_hour, broken.tm_min, broken.tm_sec].map { Self.padded($0, 2) }.joined(separator: ":")
        let offset = broken.tm_gmtoff / 60
        let zone =
            offset == 0
            ? "Z"
            : (offset < 0 ? "-" : "+") + Self.padded(Int32(abs(offset) / 60), 2)
                + Self.padded(Int32(abs(offset) % 60), 2)
        return "\(date)T\(time).\(Self.padded(Int32(milliseconds), 3))\(zone)"
    }

    private static func padded(_ number: Int32, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
