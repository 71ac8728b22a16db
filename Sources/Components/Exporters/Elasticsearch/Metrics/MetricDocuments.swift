/// Writes groups of points as documents.
enum MetricDocuments {
    /// - Parameter items: The points that the document stands for.
    /// - Returns: False for a group that would make too large a document.
    static func write(_ group: MetricGroups.Group, items: ItemRange, to buffer: inout BulkBuffer) -> Bool {
        let templates = group.metrics.compactMap { metric -> (field: String, template: String)? in
            switch group.mode {
            case .ecs:
                ECSDocuments.template(metric.template, in: group.target.dataStream).map { (metric.name, $0) }
            default: ("metrics.\(metric.name)", metric.template)
            }
        }
        let action = BulkAction(
            index: group.target.index, dynamicTemplates: templates,
            requiresDataStream: group.target.dataStream != nil)
        let bytes = group.mode == .ecs ? ECSDocuments.metrics(group) : document(group)
        guard !bytes.isEmpty else { return false }
        buffer.add(action: action.line, target: group.target.index, items: items) { $0 += bytes }
        return true
    }

    /// The mode `otel`.
    private static func document(_ group: MetricGroups.Group) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("@timestamp", group.timeUnixNano / 1_000_000)
        if group.startTimeUnixNano > 0 { json.member("start_timestamp", group.startTimeUnixNano / 1_000_000) }
        if !group.unit.isEmpty { json.member("unit", group.unit) }
        OTelDocument.dataStream(group.target.dataStream, to: &json)
        OTelDocument.attributes(group.attributes, flattensMaps: true, to: &json)
        OTelDocument.resource(group.resource, schemaURL: group.resourceSchemaURL, to: &json)
        OTelDocument.scope(group.scope, schemaURL: group.scopeSchemaURL, to: &json)
        json.key("metrics")
        json.beginObject()
        for metric in group.metrics {
            json.key(metric.name)
            metric.value.write(to: &json)
        }
        json.endObject()
        if group.documentCount > 0 { json.member("_doc_count", group.documentCount) }
        json.member("_metric_names_hash", namesHash(group.names))
        json.endObject()
        return json.bytes
    }

    /// Tells documents apart that have other metrics but the same dimensions.
    static func namesHash(_ names: Set<String>) -> String {
        var joined: [UInt8] = []
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            joined.append(contentsOf: name.utf8)
        }
        return String(XXHash64.hash(joined), radix: 16)
    }
}
