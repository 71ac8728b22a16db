import HostIdentity
import OTLP

/// Attributes of a profile's resource, scope and profile itself, merged: the later ones win. All values are text.
struct ProfileAttributes {
    private(set) var values: [String: String] = [:]

    init(
        resource: [OTLPKeyValue], scope: [OTLPKeyValue], profile: [Int32], dictionary: OTLPProfilesDictionary,
        host: HostIdentity?
    ) {
        for attribute in resource + scope { values[attribute.key] = AttributeText.text(attribute.value) }
        for index in profile {
            guard let attribute = dictionary.attribute(at: index),
                let key = dictionary.string(at: attribute.keyStrindex)
            else { continue }
            values[key] = AttributeText.text(attribute.value)
        }
        // Pages group by the program's name.
        let path = self["process.executable.path"]
        if self["process.executable.name"].isEmpty, let name = path.split(separator: "/").last {
            values["process.executable.name"] = String(name)
        }
        // A resource that names its host in any way is not from here, or somebody knows better.
        if let host, self["host.id"].isEmpty {
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
