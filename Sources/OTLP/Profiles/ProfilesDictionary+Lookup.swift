/// Looking up entries by indices that came from somewhere else: nil where the table has no such entry.
extension Opentelemetry_Proto_Profiles_V1development_ProfilesDictionary {
    public func string(at index: Int32) -> String? { Self.entry(stringTable, index) }
    public func function(at index: Int32) -> OTLPFunction? { Self.entry(functionTable, index) }
    public func mapping(at index: Int32) -> OTLPMapping? { Self.entry(mappingTable, index) }
    public func location(at index: Int32) -> OTLPLocation? { Self.entry(locationTable, index) }
    public func stack(at index: Int32) -> OTLPStack? { Self.entry(stackTable, index) }
    public func attribute(at index: Int32) -> OTLPKeyValueAndUnit? { Self.entry(attributeTable, index) }
    public func link(at index: Int32) -> OTLPLink? { Self.entry(linkTable, index) }

    private static func entry<Entry>(_ table: [Entry], _ index: Int32) -> Entry? {
        let index = Int(index)
        return table.indices.contains(index) ? table[index] : nil
    }
}
