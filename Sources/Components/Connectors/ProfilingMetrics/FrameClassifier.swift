import OTLP

/// What the frames of one message mean. Each location, mapping and function of its dictionary is looked at once.
struct FrameClassifier {
    struct Frame {
        var type = FrameType.other
        /// The type as it stands there; 0 if there is none.
        var typeName: NameTable.Number = 0
        var isIncompleteMarker = false
        /// Of kernel code only.
        var kernelClass = KernelClass.none
        var systemCall: NameTable.Number = 0
    }

    private static let unknown = NameTable.Number.max

    /// What an attribute says of the type of the frames that have it.
    private enum TypeAttribute {
        case notLookedAt
        /// It has another key.
        case other
        /// It has the key, but no text for a value; or it, or its key, is not there.
        case invalid
        case type(Frame)
    }

    // The tables themselves: each access through the message would count references.
    private let strings: [String]
    private let functions: [OTLPFunction]
    private let mappings: [OTLPMapping]
    private let attributes: [OTLPKeyValueAndUnit]
    private let locations: [OTLPLocation]
    private let aggregations: [ProfilingMetricsConfiguration.Aggregation]
    private var frames: [Frame?]
    private var types: [TypeAttribute]
    /// Numbers of names; `unknown` until asked for.
    private var sharedLibraries: [NameTable.Number]
    private var threadNames: [NameTable.Number]
    private var goPackages: [NameTable.Number]
    private var javaClasses: [NameTable.Number]
    /// Which aggregations match a function.
    private var labels: [[NameTable.Number]?]

    init(_ dictionary: OTLPProfilesDictionary, _ configuration: ProfilingMetricsConfiguration) {
        strings = dictionary.stringTable
        functions = dictionary.functionTable
        mappings = dictionary.mappingTable
        attributes = dictionary.attributeTable
        locations = dictionary.locationTable
        aggregations = configuration.aggregations
        frames = Array(repeating: nil, count: locations.count)
        types = Array(repeating: .notLookedAt, count: attributes.count)
        sharedLibraries = Array(repeating: Self.unknown, count: mappings.count)
        threadNames = Array(repeating: Self.unknown, count: attributes.count)
        goPackages = Array(repeating: Self.unknown, count: functions.count)
        javaClasses = Array(repeating: Self.unknown, count: functions.count)
        labels = Array(repeating: nil, count: functions.count)
    }

    /// Nil if there is no such location.
    mutating func frame(at location: Int32, _ names: inout NameTable) -> Frame? {
        let index = Int(location)
        guard frames.indices.contains(index) else { return nil }
        if let known = frames[index] { return known }
        var frame = Frame()
        attributes: for attribute in locations[index].attributeIndices {
            switch typeAttribute(at: attribute, &names) {
            case .other: continue
            case .type(let known):
                frame = known
                break attributes
            // An attribute that is not there could have been the type.
            case .invalid, .notLookedAt: break attributes
            }
        }
        if frame.type == .kernel, let name = functionName(at: location) {
            frame.kernelClass = KernelRules.classify(name)
            if let call = KernelRules.systemCall(name) { frame.systemCall = names.number(of: call) }
        }
        frames[index] = frame
        return frame
    }

    private mutating func typeAttribute(at index: Int32, _ names: inout NameTable) -> TypeAttribute {
        let index = Int(index)
        guard types.indices.contains(index) else { return .invalid }
        if case .notLookedAt = types[index] { types[index] = readType(attributes[index], &names) }
        return types[index]
    }

    private func readType(_ attribute: OTLPKeyValueAndUnit, _ names: inout NameTable) -> TypeAttribute {
        guard let key = string(at: attribute.keyStrindex) else { return .invalid }
        guard key == FrameType.key else { return .other }
        guard case .stringValue(let name)? = attribute.value.value else { return .invalid }
        return .type(
            Frame(
                type: FrameType(named: name), typeName: names.number(of: name),
                isIncompleteMarker: name == FrameType.incomplete))
    }

    private func string(at index: Int32) -> String? {
        strings.indices.contains(Int(index)) ? strings[Int(index)] : nil
    }

    private func lines(at location: Int32) -> [OTLPLine] {
        locations.indices.contains(Int(location)) ? locations[Int(location)].lines : []
    }

    /// The innermost function of a location that has a name.
    func functionName(at location: Int32) -> String? {
        for line in lines(at: location) where functions.indices.contains(Int(line.functionIndex)) {
            if let name = string(at: functions[Int(line.functionIndex)].nameStrindex), !name.isEmpty { return name }
        }
        return nil
    }

    /// The library that a location's code lies in, without suffix; 0 if it is none.
    mutating func sharedLibrary(at location: Int32, _ names: inout NameTable) -> NameTable.Number {
        guard locations.indices.contains(Int(location)) else { return 0 }
        let mapping = Int(locations[Int(location)].mappingIndex)
        guard sharedLibraries.indices.contains(mapping) else { return 0 }
        if sharedLibraries[mapping] != Self.unknown { return sharedLibraries[mapping] }
        let file = string(at: mappings[mapping].filenameStrindex) ?? ""
        let number = names.number(of: FunctionNames.sharedLibrary(fileName: file) ?? "")
        sharedLibraries[mapping] = number
        return number
    }

    /// The value of the first attribute `thread.name` of a sample; 0 if it has none.
    mutating func threadName(of indices: [Int32], _ names: inout NameTable) -> NameTable.Number {
        for index in indices where threadNames.indices.contains(Int(index)) {
            if threadNames[Int(index)] == Self.unknown {
                let attribute = attributes[Int(index)]
                threadNames[Int(index)] = 0
                if string(at: attribute.keyStrindex) == "thread.name",
                    case .stringValue(let name)? = attribute.value.value
                {
                    threadNames[Int(index)] = names.number(of: name)
                }
            }
            if threadNames[Int(index)] != 0 { return threadNames[Int(index)] }
        }
        return 0
    }

    /// Calls `body` with what each line of a Go or Java location is classified as.
    mutating func eachClassification(
        at location: Int32, type: FrameType, _ names: inout NameTable, _ body: (NameTable.Number) -> Void
    ) {
        for line in lines(at: location) {
            let function = Int(line.functionIndex)
            guard functions.indices.contains(function) else { continue }
            let isGo = type == .go
            let known = isGo ? goPackages[function] : javaClasses[function]
            if known != Self.unknown {
                body(known)
                continue
            }
            let name = string(at: functions[function].nameStrindex) ?? ""
            let number = names.number(of: isGo ? FunctionNames.goPackage(name) : FunctionNames.javaClass(name))
            if isGo { goPackages[function] = number } else { javaClasses[function] = number }
            body(number)
        }
    }

    /// Calls `body` with the label of each aggregation that each line of a location matches.
    mutating func eachLabel(
        at location: Int32, _ names: inout NameTable, _ body: (NameTable.Number) -> Void
    ) {
        for line in lines(at: location) {
            let function = Int(line.functionIndex)
            guard functions.indices.contains(function) else { continue }
            let matching: [NameTable.Number]
            if let known = labels[function] {
                matching = known
            } else {
                let name = string(at: functions[function].nameStrindex) ?? ""
                var found: [NameTable.Number] = []
                for aggregation in aggregations where aggregation.expression.matches(name) {
                    found.append(names.number(of: aggregation.label))
                }
                labels[function] = found
                matching = found
            }
            for label in matching { body(label) }
        }
    }
}
