import OTLP

extension Extraction {
    /// No object gives more attributes by rules than this.
    static let maximumFieldAttributes = 256
    /// Longer values are left out.
    static let maximumValueBytes = 1 << 16
    static let otelAnnotationPrefix = "resource.opentelemetry.io/"

    /// The attributes that rules make of an object's labels and annotations: annotations before labels, and the first
    /// rule that gives an attribute decides about it.
    func fieldAttributes(of object: FieldRule.Object, _ metadata: ObjectMetadata) -> [OTLPKeyValue] {
        var result: [OTLPKeyValue] = []
        var seen: Set<String> = []
        func add(_ name: String, _ value: String) {
            guard !name.isEmpty, result.count < Self.maximumFieldAttributes,
                value.utf8.count <= Self.maximumValueBytes, seen.insert(name).inserted
            else { return }
            result.append(OTLPKeyValue(name, value))
        }
        for (rules, fields) in [(annotations, metadata.annotations), (labels, metadata.labels)] {
            guard let fields else { continue }
            for rule in rules where rule.object == object {
                for (name, value) in rule.attributes(of: fields) { add(name, value) }
            }
        }
        if object == .pod, takesOTelAnnotations {
            for (key, value) in (metadata.annotations ?? [:]).sorted(by: { $0.key < $1.key })
            where key.hasPrefix(Self.otelAnnotationPrefix) {
                add(String(key.dropFirst(Self.otelAnnotationPrefix.count)), value)
            }
        }
        return result
    }
}
