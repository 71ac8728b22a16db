import OTLP
import SwiftProtobuf

/// Checks a profiles message against every rule of the OTLP specification that can be checked on one message.
///
/// All problems are collected; nothing in a message, however broken, makes the checker fail itself.
public struct ProfilesChecker {
    /// The rules, numbered as in the project's notes on the data model.
    public enum Rule: Int, Sendable, CaseIterable {
        case hasResources = 1
        case hasScopesAndProfiles
        case profileAttributes
        case valueTypes
        case sampleIndices
        case timestampsInsideProfile
        case sampleShapes
        case zeroEntries
        case mappings
        case locations
        case functions
        case links
        case duplicateStrings
        case duplicateMappings
        case attributeTable
        case stacks
        case orphans
        case otherDuplicates
        case sampleIdentity
        case functionIsNamed
        case mappingHasBuildID
        case attributeReferences
        case profileID
        case originalPayload
        case addressInsideMapping
        case validUTF8
    }

    public struct Finding: Sendable, CustomStringConvertible {
        public var rule: Rule
        public var path: String
        public var message: String
        /// True if the specification only advises.
        public var isWarning: Bool

        public var description: String { "\(isWarning ? "warning: " : "")\(path): \(message) [\(rule)]" }
    }

    var message: OTLPProfilesData
    var findings: [Finding] = []
    var references = References()

    init(_ message: OTLPProfilesData) {
        self.message = message
    }

    /// All problems of a message, in the order of its fields.
    /// - Parameter ignoring: Rules to leave out, for messages that come from others.
    public static func check(_ message: OTLPProfilesData, ignoring: Set<Rule> = []) -> [Finding] {
        var checker = ProfilesChecker(message)
        checker.checkTables()
        checker.checkResources()
        checker.checkOrphans()
        return checker.findings.filter { !ignoring.contains($0.rule) }
    }

    /// The same for a message as it is on the wire: the only form in which text can be invalid.
    /// - Throws: An error of the decoder for bytes that are no message at all.
    public static func check(serialized bytes: [UInt8], ignoring: Set<Rule> = []) throws -> [Finding] {
        do {
            return check(try OTLPProfilesData(serializedBytes: bytes), ignoring: ignoring)
        } catch BinaryDecodingError.invalidUTF8 {
            return [Finding(rule: .validUTF8, path: "message", message: "text is no UTF-8", isWarning: false)]
        }
    }

    // MARK: - Reporting

    mutating func report(_ rule: Rule, _ path: String, _ message: String, isWarning: Bool = false) {
        findings.append(Finding(rule: rule, path: path, message: message, isWarning: isWarning))
    }

    /// Reports an index that a table does not have.
    mutating func checkIndex(_ index: Int32, _ table: Int, _ rule: Rule, _ path: String, _ what: String) {
        if !(0..<table).contains(Int(index)) {
            report(rule, path, "\(what) \(index) is out of range, the table has \(table) entries")
        }
    }

    /// Reports attribute lists with indices out of range, keys out of range, or a key twice.
    mutating func checkAttributes(_ indices: [Int32], _ rule: Rule, _ path: String) {
        let table = message.dictionary.attributeTable
        var keys: Set<Int32> = []
        for (position, index) in indices.enumerated() {
            let path = "\(path): attribute_indices[\(position)]"
            guard table.indices.contains(Int(index)) else {
                checkIndex(index, table.count, rule, path, "attribute")
                continue
            }
            let key = table[Int(index)].keyStrindex
            checkIndex(key, message.dictionary.stringTable.count, rule, path, "key")
            if !keys.insert(key).inserted { report(rule, path, "key \(key) appears twice") }
        }
    }

    // MARK: - What refers to what

    /// The entries of every table that something refers to.
    struct References {
        var mappings: Set<Int32> = []
        var locations: Set<Int32> = []
        var functions: Set<Int32> = []
        var links: Set<Int32> = []
        var strings: Set<Int32> = []
        var attributes: Set<Int32> = []
        var stacks: Set<Int32> = []
    }

    private mutating func checkOrphans() {
        func orphans(_ count: Int, _ referenced: Set<Int32>) -> [Int] {
            (0..<count).dropFirst().filter { !referenced.contains(Int32(clamping: $0)) }
        }
        let dictionary = message.dictionary
        let tables: [(String, Int, Set<Int32>)] = [
            ("mapping_table", dictionary.mappingTable.count, references.mappings),
            ("location_table", dictionary.locationTable.count, references.locations),
            ("function_table", dictionary.functionTable.count, references.functions),
            ("link_table", dictionary.linkTable.count, references.links),
            ("string_table", dictionary.stringTable.count, references.strings),
            ("attribute_table", dictionary.attributeTable.count, references.attributes),
            ("stack_table", dictionary.stackTable.count, references.stacks),
        ]
        for (name, count, referenced) in tables {
            for index in orphans(count, referenced) {
                report(.orphans, "dictionary: \(name)[\(index)]", "nothing refers to it")
            }
        }
    }
}
