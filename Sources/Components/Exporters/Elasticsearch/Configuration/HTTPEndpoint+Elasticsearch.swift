import Collector
import FoundationEssentials
import HTTPClientSupport

extension HTTPEndpoint {
    /// The URL that an Elastic Cloud id stands for: text after the first colon, in base64, is `domain$cluster$…`.
    public init(cloudID: String) throws(CollectorError) {
        guard let colon = cloudID.firstIndex(of: ":") else {
            throw CollectorError("has no colon; copy the whole cloud id, with its name")
        }
        guard let data = Data(base64Encoded: String(cloudID[cloudID.index(after: colon)...])) else {
            throw CollectorError("is not valid base64 after the colon")
        }
        let parts = String(decoding: data, as: UTF8.self).split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count >= 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw CollectorError("names no cluster; copy the whole cloud id")
        }
        try self.init(parsing: "https://\(parts[1]).\(parts[0])")
    }

    /// Escapes what a query's value must not hold literally; `*`, `,` and `.` stay readable.
    static func percentEncoded(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."),
                UInt8(ascii: "~"), UInt8(ascii: "*"), UInt8(ascii: ","):
                result.append(byte)
            default:
                result.append(UInt8(ascii: "%"))
                result.append(contentsOf: Hexadecimal.text([byte]).uppercased().utf8)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }
}
