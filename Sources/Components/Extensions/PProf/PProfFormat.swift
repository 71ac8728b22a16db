import OTLP

/// Writes pprof's `profile.proto` (github.com/google/pprof, proto/profile.proto): two values a sample, how often and
/// for how many nanoseconds, and the thread's name as a label.
enum PProfFormat {
    static func encode(_ profile: OwnProfile) -> [UInt8] {
        let dictionary = profile.dictionary
        var strings = Strings(dictionary.stringTable)
        var message = ProtobufWriter()
        let samples = valueType("samples", "count", &strings)
        let cpu = valueType("cpu", "nanoseconds", &strings)
        message.add(1, samples)
        message.add(1, cpu)
        let thread = strings.index(of: "thread")
        let ordered = profile.counts.sorted { left, right in
            (left.key.stack, left.key.threadName) < (right.key.stack, right.key.threadName)
        }
        for (key, count) in ordered {
            var sample = ProtobufWriter()
            let locations = dictionary.stack(at: key.stack)?.locationIndices ?? []
            sample.addPacked(1, locations.filter { $0 > 0 }.map { UInt64($0) })
            let nanoseconds = Int64(count).multipliedReportingOverflow(by: profile.periodNanoseconds).partialValue
            sample.addPacked(2, [UInt64(count), UInt64(bitPattern: nanoseconds)])
            if !key.threadName.isEmpty {
                var label = ProtobufWriter()
                label.add(1, UInt64(thread))
                label.add(2, UInt64(strings.index(of: key.threadName)))
                sample.add(3, label)
            }
            message.add(2, sample)
        }
        addTables(of: dictionary, &strings, to: &message)
        for string in strings.table { message.add(6, string) }
        message.add(9, profile.start)
        message.add(10, (profile.end ?? profile.start) &- profile.start)
        message.add(11, cpu)
        message.add(12, UInt64(bitPattern: profile.periodNanoseconds))
        return message.bytes
    }

    private static func addTables(
        of dictionary: OTLPProfilesDictionary, _ strings: inout Strings, to message: inout ProtobufWriter
    ) {
        // Entry 0 means "not set" in OTLP, and the id 0 does here.
        // pprof takes the first mapping for the program.
        let program = (CommandLine.arguments.first ?? "").split(separator: "/").last ?? ""
        let mappings = dictionary.mappingTable.enumerated().dropFirst()
        func isProgram(_ mapping: OTLPMapping) -> Bool {
            (dictionary.string(at: mapping.filenameStrindex) ?? "").split(separator: "/").last == program
        }
        for (index, mapping) in mappings.filter({ isProgram($1) }) + mappings.filter({ !isProgram($1) }) {
            var written = ProtobufWriter()
            written.add(1, UInt64(index))
            written.add(2, mapping.memoryStart)
            written.add(3, mapping.memoryLimit)
            written.add(4, mapping.fileOffset)
            written.add(5, mapping.filenameStrindex)
            written.add(6, UInt64(strings.index(of: buildID(mapping, dictionary))))
            // Names are in the profile; nobody should look for them on the machine that reads it.
            for field in 7...10 { written.add(field, 1 as UInt64) }
            message.add(3, written)
        }
        for (index, location) in dictionary.locationTable.enumerated().dropFirst() {
            var written = ProtobufWriter()
            written.add(1, UInt64(index))
            written.add(2, location.mappingIndex)
            written.add(3, location.address)
            for line in location.lines where line.functionIndex > 0 {
                var writtenLine = ProtobufWriter()
                writtenLine.add(1, line.functionIndex)
                writtenLine.add(2, UInt64(bitPattern: line.line))
                writtenLine.add(3, UInt64(bitPattern: line.column))
                written.add(4, writtenLine)
            }
            message.add(4, written)
        }
        for (index, function) in dictionary.functionTable.enumerated().dropFirst() {
            var written = ProtobufWriter()
            written.add(1, UInt64(index))
            written.add(2, function.nameStrindex)
            written.add(3, function.systemNameStrindex)
            written.add(4, function.filenameStrindex)
            written.add(5, UInt64(bitPattern: function.startLine))
            message.add(5, written)
        }
    }

    private static func valueType(_ type: String, _ unit: String, _ strings: inout Strings) -> ProtobufWriter {
        var written = ProtobufWriter()
        written.add(1, UInt64(strings.index(of: type)))
        written.add(2, UInt64(strings.index(of: unit)))
        return written
    }

    private static func buildID(_ mapping: OTLPMapping, _ dictionary: OTLPProfilesDictionary) -> String {
        for index in mapping.attributeIndices {
            if let attribute = dictionary.attribute(at: index),
                dictionary.string(at: attribute.keyStrindex) == "process.executable.build_id.gnu"
            {
                return attribute.value.stringValue
            }
        }
        return ""
    }

    /// The dictionary's strings in their places, and more behind them.
    private struct Strings {
        private(set) var table: [String]
        private var places: [String: Int]

        init(_ table: [String]) {
            self.table = table.isEmpty ? [""] : table
            places = Dictionary(zip(self.table, self.table.indices), uniquingKeysWith: { first, _ in first })
        }

        mutating func index(of text: String) -> Int {
            if let place = places[text] { return place }
            table.append(text)
            places[text] = table.count - 1
            return table.count - 1
        }
    }
}

/// The three kinds of fields that pprof has (protobuf.dev/programming-guides/encoding).
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    /// Zero is what a missing field means.
    mutating func add(_ field: Int, _ value: UInt64) {
        guard value != 0 else { return }
        addVariable(UInt64(field) << 3)
        addVariable(value)
    }

    /// An index; negative ones are left out.
    mutating func add(_ field: Int, _ index: Int32) {
        if index > 0 { add(field, UInt64(index)) }
    }

    mutating func add(_ field: Int, _ message: ProtobufWriter) { add(field, bytes: message.bytes) }

    mutating func add(_ field: Int, _ text: String) { add(field, bytes: Array(text.utf8)) }

    mutating func addPacked(_ field: Int, _ values: [UInt64]) {
        guard !values.isEmpty else { return }
        var packed = ProtobufWriter()
        for value in values { packed.addVariable(value) }
        add(field, packed)
    }

    private mutating func add(_ field: Int, bytes content: [UInt8]) {
        addVariable(UInt64(field) << 3 | 2)
        addVariable(UInt64(content.count))
        bytes += content
    }

    private mutating func addVariable(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }
}
