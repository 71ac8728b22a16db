import HostIdentity
import OTLP

/// Attributes of a profile's resource, scope and profile itself, merged: the later ones win. All values are text.
struct ProfileAttributes {
    private(set) var values: [String: String] = [:]

    /// Longer texts are cut: events repeat them, and no index holds longer terms.
    static let maximumTextBytes = 8192

    init(_ attributes: [OTLPKeyValue]) { add(attributes) }

    private mutating func add(_ attributes: [OTLPKeyValue]) {
        for attribute in attributes { values[attribute.key] = Self.text(attribute.value) }
    }

    private static func text(_ value: OTLPAnyValue) -> String {
        AttributeText.text(value).cut(toBytes: maximumTextBytes)
    }

    func adding(_ attributes: [OTLPKeyValue]) -> ProfileAttributes {
        var sum = self
        sum.add(attributes)
        return sum
    }

    /// - Parameter indices: Of the dictionary's attribute table; those that are not there are left out.
    func adding(_ indices: [Int32], of dictionary: OTLPProfilesDictionary) -> ProfileAttributes {
        var sum = self
        for index in indices {
            guard let attribute = dictionary.attribute(at: index),
                let key = dictionary.string(at: attribute.keyStrindex)
            else { continue }
            sum.values[key] = Self.text(attribute.value)
        }
        return sum
    }

    /// What pages need and nobody said.
    mutating func fill(_ host: HostIdentity?) {
        // Pages group by the program's name.
        let path = self["process.executable.path"]
        if self["process.executable.name"].isEmpty, let name = path.split(separator: "/").last {
            values["process.executable.name"] = String(name)
        }
        // A resource that names its host in any way is not from here, or somebody knows better.
        guard let host, self["host.id"].isEmpty else { return }
        if self["host.name"].isEmpty || self["host.name"] == host.name {
            values["host.id"] = host.id
            values["host.name"] = host.name
            if self["host.arch"].isEmpty { values["host.arch"] = host.architecture }
            if self["os.type"].isEmpty { values["os.type"] = "linux" }
            if self["os.kernel"].isEmpty { values["os.kernel"] = host.kernel }
        } else {
            values["host.id"] = self["host.name"]
        }
    }

    /// Empty if there is none.
    subscript(key: String) -> String { values[key] ?? "" }

    /// What describes the host and not one process on it, sorted by key.
    var ofHost: [(key: String, value: String)] {
        let prefixes = ["host.", "os.", "cloud.", "k8s.cluster.", "k8s.node.", "profiling.", "ec2.", "azure.", "gce."]
        return values.filter { key, value in
            !value.isEmpty && key != "host.id" && prefixes.contains { key.lowercased().hasPrefix($0) }
        }
        .map { ($0.key.lowercased(), $0.value.lowercased()) }
        .sorted { $0.key < $1.key }
    }
}

extension String {
    /// The text, or of a longer one as many whole characters of Unicode as fit.
    func cut(toBytes limit: Int) -> String {
        guard utf8.count > limit else { return self }
        var end = utf8.index(utf8.startIndex, offsetBy: limit)
        while end > utf8.startIndex, utf8[end] & 0xc0 == 0x80 { end = utf8.index(before: end) }
        return String(self[..<end])
    }
}

/// Attribute values as text.
enum AttributeText {
    static func text(_ value: OTLPAnyValue) -> String {
        switch value.value {
        case .stringValue(let text): return text
        case .boolValue(let flag): return flag ? "true" : "false"
        case .intValue(let number): return String(number)
        case .doubleValue(let number): return number.description
        case .bytesValue(let bytes): return Hexadecimal.text(bytes)
        case .arrayValue, .kvlistValue:
            var json = JSONWriter()
            AttributeJSON.write(value, to: &json)
            return String(decoding: json.bytes, as: UTF8.self)
        case .stringValueStrindex, nil: return ""
        }
    }
}
