import OTLP

/// Parts that documents of the mapping mode `otel` have in common, whatever their signal.
enum OTelDocument {
    /// Attributes that say what to do with a document, and are not part of it.
    static let instructions: Set<String> = [
        "data_stream.type", "data_stream.dataset", "data_stream.namespace", "elasticsearch.mapping.hints",
        "elastic.mapping.mode", "elasticsearch.document_id", "elasticsearch.ingest_pipeline", "elasticsearch.index",
    ]

    static func dataStream(_ name: DataStreamName?, to json: inout JSONWriter) {
        guard let name else { return }
        json.key("data_stream")
        json.beginObject()
        json.member("type", name.type)
        json.member("dataset", name.dataset)
        json.member("namespace", name.namespace)
        json.endObject()
    }

    static func resource(_ resource: OTLPResource, schemaURL: String, to json: inout JSONWriter) {
        json.key("resource")
        json.beginObject()
        if !schemaURL.isEmpty { json.member("schema_url", schemaURL) }
        attributes(resource.attributes, flattensMaps: true, to: &json)
        if resource.droppedAttributesCount > 0 {
            json.member("dropped_attributes_count", resource.droppedAttributesCount)
        }
        json.endObject()
    }

    static func scope(_ scope: OTLPScope, schemaURL: String, to json: inout JSONWriter) {
        json.key("scope")
        json.beginObject()
        if !schemaURL.isEmpty { json.member("schema_url", schemaURL) }
        if !scope.name.isEmpty { json.member("name", scope.name) }
        if !scope.version.isEmpty { json.member("version", scope.version) }
        attributes(scope.attributes, flattensMaps: true, to: &json)
        if scope.droppedAttributesCount > 0 { json.member("dropped_attributes_count", scope.droppedAttributesCount) }
        json.endObject()
    }

    /// - Parameters:
    ///   - flattensMaps: A map becomes one text of JSON, because dimensions of time series must not be objects.
    ///   - extra: Written first, unless an attribute has the key.
    static func attributes(
        _ attributes: [OTLPKeyValue], flattensMaps: Bool, extra: [(key: String, value: String)] = [],
        to json: inout JSONWriter
    ) {
        let kept = GeoPoints.merged(attributes.filter { !instructions.contains($0.key) })
        guard !kept.isEmpty || !extra.isEmpty else { return }
        json.key("attributes")
        json.beginObject()
        var seen: Set<String> = []
        for (key, value) in extra where !kept.contains(where: { $0.key == key }) { json.member(key, value) }
        for entry in kept where seen.insert(entry.key).inserted {
            json.key(entry.key)
            switch entry.value {
            case .point(let longitude, let latitude):
                json.beginArray()
                json.double(longitude)
                json.double(latitude)
                json.endArray()
            case .plain(let value):
                if flattensMaps, case .kvlistValue = value.value {
                    json.string(AttributeText.text(value))
                } else {
                    AttributeJSON.write(value, to: &json)
                }
            }
        }
        json.endObject()
    }
}

/// Pairs of attributes that make one point on the map.
enum GeoPoints {
    enum Value {
        case plain(OTLPAnyValue)
        case point(longitude: Double, latitude: Double)
    }

    /// `X.geo.location.lat` and `X.geo.location.lon` become `X.geo.location`, in the place of the first of them.
    static func merged(_ attributes: [OTLPKeyValue]) -> [(key: String, value: Value)] {
        guard attributes.contains(where: { $0.key.hasSuffix("geo.location.lat") }) else {
            return attributes.map { ($0.key, .plain($0.value)) }
        }
        var coordinates: [String: (latitude: Double?, longitude: Double?)] = [:]
        for attribute in attributes {
            guard let (name, isLatitude) = name(attribute.key), case .doubleValue(let number) = attribute.value.value
            else { continue }
            if isLatitude {
                coordinates[name, default: (nil, nil)].latitude = number
            } else {
                coordinates[name, default: (nil, nil)].longitude = number
            }
        }
        var merged: [(key: String, value: Value)] = []
        var done: Set<String> = []
        for attribute in attributes {
            guard let (name, _) = name(attribute.key), case .doubleValue = attribute.value.value,
                let pair = coordinates[name], let latitude = pair.latitude, let longitude = pair.longitude
            else {
                merged.append((attribute.key, .plain(attribute.value)))
                continue
            }
            if done.insert(name).inserted { merged.append((name, .point(longitude: longitude, latitude: latitude))) }
        }
        return merged
    }

    private static func name(_ key: String) -> (name: String, isLatitude: Bool)? {
        for (suffix, isLatitude) in [(".lat", true), (".lon", false)] where key.hasSuffix(suffix) {
            let name = String(key.dropLast(suffix.count))
            if name == "geo.location" || name.hasSuffix(".geo.location") { return (name, isLatitude) }
        }
        return nil
    }
}
