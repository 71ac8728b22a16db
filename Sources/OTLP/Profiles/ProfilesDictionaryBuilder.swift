import FoundationEssentials
import SwiftProtobuf

/// Builds the dictionary of one profiles message: interns strings, functions, mappings, locations, stacks, attributes
/// and links, and gives out their indices.
///
/// Every table begins with the zero value, and no table holds an entry twice. Each call costs one hash look-up. Indices
/// follow the order of the calls, so equal calls give equal bytes. Negative indices and such that this builder did not
/// give out must not be passed in; they are kept as they are.
public struct ProfilesDictionaryBuilder: Sendable {
    private struct FunctionKey: Hashable {
        var name: Int32
        var systemName: Int32
        var fileName: Int32
        var startLine: Int64
    }

    private struct MappingKey: Hashable {
        var memoryStart: UInt64
        var memoryLimit: UInt64
        var fileOffset: UInt64
        var fileName: Int32
        var attributes: [Int32]
    }

    private struct LineKey: Hashable {
        var function: Int32
        var line: Int64
        var column: Int64
    }

    private struct LocationKey: Hashable {
        var mapping: Int32
        var address: UInt64
        var lines: [LineKey]
        var attributes: [Int32]
    }

    private struct AttributeKey: Hashable {
        var key: Int32
        var unit: Int32
        var value: ValueKey
    }

    private enum ValueKey: Hashable {
        case unset
        case string(ExactText)
        case boolean(Bool)
        case integer(Int64)
        /// The bits, because a NaN does not equal itself and would be added again and again.
        case double(UInt64)
        /// Bytes, arrays, maps and references in their deterministic wire form.
        case serialized([UInt8])
    }

    private struct LinkKey: Hashable {
        var traceID: Data
        var spanID: Data
    }

    private var strings = InterningTable<ExactText, String>(zero: "", zeroKey: ExactText(""))
    private var functions = InterningTable<FunctionKey, OTLPFunction>(
        zero: OTLPFunction(), zeroKey: FunctionKey(name: 0, systemName: 0, fileName: 0, startLine: 0))
    private var mappings = InterningTable<MappingKey, OTLPMapping>(
        zero: OTLPMapping(),
        zeroKey: MappingKey(memoryStart: 0, memoryLimit: 0, fileOffset: 0, fileName: 0, attributes: []))
    private var locations = InterningTable<LocationKey, OTLPLocation>(
        zero: OTLPLocation(), zeroKey: LocationKey(mapping: 0, address: 0, lines: [], attributes: []))
    private var stacks = InterningTable<[Int32], OTLPStack>(zero: OTLPStack(), zeroKey: [])
    private var attributes = InterningTable<AttributeKey, OTLPKeyValueAndUnit>(
        zero: OTLPKeyValueAndUnit(), zeroKey: AttributeKey(key: 0, unit: 0, value: .unset))
    private var links = InterningTable<LinkKey, OTLPLink>(
        zero: OTLPLink(), zeroKey: LinkKey(traceID: Data(), spanID: Data()))

    public init() {}

    // MARK: - Entries

    public mutating func string(_ text: String) -> Int32 {
        strings.index(of: ExactText(text)) { text }
    }

    /// - Parameters:
    ///   - name: For display; demangled.
    ///   - systemName: As the executable has it, for example mangled; empty if it is not known.
    ///   - fileName: Of the source file; empty if it is not known.
    ///   - startLine: From 1; 0 if it is not known.
    public mutating func function(
        name: String, systemName: String = "", fileName: String = "", startLine: Int64 = 0
    ) -> Int32 {
        let key = FunctionKey(
            name: string(name), systemName: string(systemName), fileName: string(fileName), startLine: startLine)
        return functions.index(of: key) {
            .with {
                $0.nameStrindex = key.name
                $0.systemNameStrindex = key.systemName
                $0.filenameStrindex = key.fileName
                $0.startLine = startLine
            }
        }
    }

    /// - Parameters:
    ///   - memoryStart: In the address space that the locations' addresses are in.
    ///   - memoryLimit: The first address behind the mapping.
    ///   - fileName: May be a virtual name such as `[vdso]`.
    ///   - attributes: Indices of attributes with distinct keys; OTLP asks for at least one build id.
    public mutating func mapping(
        memoryStart: UInt64 = 0, memoryLimit: UInt64 = 0, fileOffset: UInt64 = 0, fileName: String,
        attributes attributeIndices: [Int32] = []
    ) -> Int32 {
        let key = MappingKey(
            memoryStart: memoryStart, memoryLimit: memoryLimit, fileOffset: fileOffset, fileName: string(fileName),
            attributes: Self.set(attributeIndices))
        return mappings.index(of: key) {
            .with {
                $0.memoryStart = memoryStart
                $0.memoryLimit = memoryLimit
                $0.fileOffset = fileOffset
                $0.filenameStrindex = key.fileName
                $0.attributeIndices = key.attributes
            }
        }
    }

    /// One source position of a location.
    public struct Line: Sendable, Hashable {
        /// Index of a function.
        public var function: Int32
        /// From 1; 0 if it is not known.
        public var line: Int64
        /// From 1; 0 if it is not known.
        public var column: Int64

        public init(function: Int32, line: Int64 = 0, column: Int64 = 0) {
            self.function = function
            self.line = line
            self.column = column
        }
    }

    /// - Parameters:
    ///   - mapping: Index of a mapping; 0 if there is none.
    ///   - lines: More than one where functions were inlined: the innermost first, the outermost caller last.
    public mutating func location(
        mapping: Int32 = 0, address: UInt64 = 0, lines: [Line] = [], attributes attributeIndices: [Int32] = []
    ) -> Int32 {
        let key = LocationKey(
            mapping: mapping, address: address,
            lines: lines.map { LineKey(function: $0.function, line: $0.line, column: $0.column) },
            attributes: Self.set(attributeIndices))
        return locations.index(of: key) {
            .with {
                $0.mappingIndex = mapping
                $0.address = address
                $0.lines = lines.map { line in
                    .with {
                        $0.functionIndex = line.function
                        $0.line = line.line
                        $0.column = line.column
                    }
                }
                $0.attributeIndices = key.attributes
            }
        }
    }

    /// - Parameter locations: Indices of locations, leaf first.
    public mutating func stack(_ locations: [Int32]) -> Int32 {
        stacks.index(of: locations) { .with { $0.locationIndices = locations } }
    }

    /// - Parameters:
    ///   - traceID: 16 bytes.
    ///   - spanID: 8 bytes.
    /// - Returns: 0, no link, if one of the ids has another length or is all zero.
    public mutating func link(traceID: Data, spanID: Data) -> Int32 {
        guard traceID.count == 16, spanID.count == 8, traceID.contains(where: { $0 != 0 }),
            spanID.contains(where: { $0 != 0 })
        else { return 0 }
        return links.index(of: LinkKey(traceID: traceID, spanID: spanID)) {
            .with {
                $0.traceID = traceID
                $0.spanID = spanID
            }
        }
    }

    // MARK: - Attributes

    public mutating func attribute(_ key: String, _ value: String, unit: String = "") -> Int32 {
        attribute(key: key, value: .string(ExactText(value)), unit: unit) { .string(value) }
    }

    public mutating func attribute(_ key: String, _ value: Int64, unit: String = "") -> Int32 {
        attribute(key: key, value: .integer(value), unit: unit) { .integer(value) }
    }

    public mutating func attribute(_ key: String, _ value: Bool, unit: String = "") -> Int32 {
        attribute(key: key, value: .boolean(value), unit: unit) { .boolean(value) }
    }

    /// For every kind of value. References to strings of another dictionary must have been resolved.
    public mutating func attribute(_ key: String, _ value: OTLPAnyValue, unit: String = "") -> Int32 {
        let valueKey: ValueKey
        switch value.value {
        case nil: valueKey = .unset
        case .stringValue(let text): valueKey = .string(ExactText(text))
        case .boolValue(let flag): valueKey = .boolean(flag)
        case .intValue(let number): valueKey = .integer(number)
        case .doubleValue(let number): valueKey = .double(number.bitPattern)
        case .arrayValue, .kvlistValue, .bytesValue, .stringValueStrindex:
            // Serializing a value can fail only for lack of required fields, which OTLP has none of.
            valueKey = .serialized((try? value.serializedBytes()) ?? [])
        }
        return attribute(key: key, value: valueKey, unit: unit) { value }
    }

    private mutating func attribute(
        key: String, value: ValueKey, unit: String, make: () -> OTLPAnyValue
    ) -> Int32 {
        let key = AttributeKey(key: string(key), unit: string(unit), value: value)
        return attributes.index(of: key) {
            .with {
                $0.keyStrindex = key.key
                if value != .unset { $0.value = make() }
                $0.unitStrindex = key.unit
            }
        }
    }

    /// A list of attributes is a set: one form for all orders, so that equal sets are found equal.
    private static func set(_ indices: [Int32]) -> [Int32] {
        switch indices.count {
        case 0, 1: return indices
        default:
            var sorted = indices.sorted()
            var kept = 1
            for index in 1..<sorted.count where sorted[index] != sorted[kept - 1] {
                sorted[kept] = sorted[index]
                kept += 1
            }
            sorted.removeLast(sorted.count - kept)
            return sorted
        }
    }

    // MARK: - The result

    /// How many entries the tables have, the zero values included.
    public var entryCount: Int {
        strings.count + functions.count + mappings.count + locations.count + stacks.count + attributes.count
            + links.count
    }

    /// The tables as they are now.
    public var dictionary: OTLPProfilesDictionary {
        .with {
            $0.stringTable = strings.entries
            $0.functionTable = functions.entries
            $0.mappingTable = mappings.entries
            $0.locationTable = locations.entries
            $0.stackTable = stacks.entries
            $0.attributeTable = attributes.entries
            $0.linkTable = links.entries
        }
    }

    public mutating func valueType(_ type: String, _ unit: String) -> OTLPValueType {
        let (type, unit) = (string(type), string(unit))
        return .with {
            $0.typeStrindex = type
            $0.unitStrindex = unit
        }
    }
}
