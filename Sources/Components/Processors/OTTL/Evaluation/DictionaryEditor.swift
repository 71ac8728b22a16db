import FoundationEssentials
import OTLP
import SwiftProtobuf

/// The dictionary that all profiles of a batch share. Entries are never changed, for others use them: a new value is a
/// new entry, unless there is an equal one. So what nobody changes keeps its indices, and the tables grow only by what
/// is new.
struct DictionaryEditor {
    private(set) var dictionary: OTLPProfilesDictionary
    /// Made when first needed. By bytes: Swift's strings are equal also in different forms of Unicode.
    private var strings: [[UInt8]: Int32]?
    private var attributes: [AttributeKey: Int32]?

    private struct AttributeKey: Hashable {
        var key: Int32
        var unit: Int32
        var value: OTLPAnyValue
    }

    init(_ dictionary: OTLPProfilesDictionary = OTLPProfilesDictionary()) {
        self.dictionary = dictionary
    }

    // MARK: - Strings

    func string(_ index: Int32) -> String { dictionary.string(at: index) ?? "" }

    mutating func index(of text: String) throws -> Int32 {
        var known = strings ?? [:]
        if strings == nil {
            // Index 0 is the empty string, also in a dictionary without tables.
            if dictionary.stringTable.isEmpty { dictionary.stringTable = [""] }
            for (index, text) in dictionary.stringTable.enumerated() where known[Array(text.utf8)] == nil {
                known[Array(text.utf8)] = Int32(clamping: index)
            }
        }
        strings = nil
        defer { strings = known }
        if let index = known[Array(text.utf8)] { return index }
        let index = try Self.next(dictionary.stringTable.count)
        dictionary.stringTable.append(text)
        known[Array(text.utf8)] = index
        return index
    }

    // MARK: - Attributes

    /// The attributes that indices stand for; those that the table does not have are left out.
    func attributes(_ indices: [Int32]) -> [OTLPKeyValue] {
        indices.compactMap { index in
            guard index != 0, let entry = dictionary.attribute(at: index) else { return nil }
            return OTLPKeyValue(string(entry.keyStrindex), entry.value)
        }
    }

    /// Indices for attributes. Those that were there before keep their indices, and changed ones their units.
    mutating func indices(of attributes: [OTLPKeyValue], before: [Int32]) throws -> [Int32] {
        var old: [String: (index: Int32, entry: OTLPKeyValueAndUnit)] = [:]
        for index in before {
            guard index != 0, let entry = dictionary.attribute(at: index) else { continue }
            let key = string(entry.keyStrindex)
            if old[key] == nil { old[key] = (index, entry) }
        }
        var result: [Int32] = []
        for attribute in attributes {
            let known = old[attribute.key]
            if let known, known.entry.value == attribute.value {
                result.append(known.index)
            } else {
                result.append(
                    try index(of: attribute, key: known?.entry.keyStrindex, unit: known?.entry.unitStrindex ?? 0))
            }
        }
        return result
    }

    private mutating func index(of attribute: OTLPKeyValue, key: Int32?, unit: Int32) throws -> Int32 {
        let key = AttributeKey(key: try key ?? index(of: attribute.key), unit: unit, value: attribute.value)
        var known = attributes ?? [:]
        if attributes == nil {
            if dictionary.attributeTable.isEmpty { dictionary.attributeTable = [OTLPKeyValueAndUnit()] }
            for (index, entry) in dictionary.attributeTable.enumerated().dropFirst() {
                let key = AttributeKey(key: entry.keyStrindex, unit: entry.unitStrindex, value: entry.value)
                if known[key] == nil { known[key] = Int32(clamping: index) }
            }
        }
        attributes = nil
        defer { attributes = known }
        if let index = known[key] { return index }
        let index = try Self.next(dictionary.attributeTable.count)
        dictionary.attributeTable.append(
            .with {
                $0.keyStrindex = key.key
                $0.unitStrindex = key.unit
                $0.value = key.value
            })
        known[key] = index
        return index
    }

    /// Indices are 32 bits on the wire.
    private static func next(_ count: Int) throws -> Int32 {
        guard let index = Int32(exactly: count) else { throw EvaluationError("the profiles' dictionary is full") }
        return index
    }
}
