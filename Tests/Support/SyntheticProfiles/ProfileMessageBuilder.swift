import OTLP

/// Builds OTLP profile messages from plain stacks.
public struct ProfileMessageBuilder {
    public struct Frame: Hashable, Sendable {
        public var name: String
        public var file: String
        public var line: Int64
        public var module: String
        public var kind: String

        public init(_ name: String, file: String = "", line: Int64 = 0, module: String = "", kind: String = "native") {
            self.name = name
            self.file = file
            self.line = line
            self.module = module
            self.kind = kind
        }
    }

    public struct Process: Hashable, Sendable {
        public var pid: Int64
        public var executablePath: String

        public init(pid: Int64, executablePath: String) {
            self.pid = pid
            self.executablePath = executablePath
        }
    }

    private var dictionary = Opentelemetry_Proto_Profiles_V1development_ProfilesDictionary()
    private var strings: [String: Int32] = ["": 0]
    private var functions: [[String]: Int32] = [:]
    private var mappings: [String: Int32] = ["": 0]
    private var attributes: [[String]: Int32] = [:]
    private var locations: [Frame: Int32] = [:]
    private var stacks: [[Int32]: Int32] = [:]
    private var samples: [Process: [Opentelemetry_Proto_Profiles_V1development_Sample]] = [:]

    public init() {
        dictionary.stringTable = [""]
        dictionary.functionTable = [.init()]
        dictionary.mappingTable = [.init()]
        dictionary.attributeTable = [.init()]
        dictionary.locationTable = [.init()]
        dictionary.stackTable = [.init()]
        dictionary.linkTable = [.init()]
    }

    /// - Parameter frames: leaf first, as OTLP has them.
    public mutating func add(
        _ frames: [Frame], process: Process, threadName: String, tid: Int64, timestampsUnixNano: [UInt64],
        values: [Int64] = []
    ) {
        var sample = Opentelemetry_Proto_Profiles_V1development_Sample()
        sample.stackIndex = stack(frames)
        sample.attributeIndices = [attribute("thread.name", text: threadName), attribute("thread.id", integer: tid)]
        sample.timestampsUnixNano = timestampsUnixNano
        sample.values = values
        samples[process, default: []].append(sample)
    }

    /// - Parameter periodNanoseconds: CPU time that one sample stands for.
    public mutating func message(
        type: String = "samples", unit: String = "count", periodNanoseconds: Int64 = 50_000_000,
        timeUnixNano: UInt64 = 0
    ) -> Opentelemetry_Proto_Profiles_V1development_ProfilesData {
        var data = Opentelemetry_Proto_Profiles_V1development_ProfilesData()
        var profile = Opentelemetry_Proto_Profiles_V1development_Profile()
        profile.sampleType.typeStrindex = string(type)
        profile.sampleType.unitStrindex = string(unit)
        if periodNanoseconds > 0 {
            profile.periodType.typeStrindex = string("cpu")
            profile.periodType.unitStrindex = string("nanoseconds")
            profile.period = periodNanoseconds
        }
        profile.timeUnixNano = timeUnixNano
        for process in samples.keys.sorted(by: { $0.pid < $1.pid }) {
            var resource = Opentelemetry_Proto_Profiles_V1development_ResourceProfiles()
            var pid = Opentelemetry_Proto_Common_V1_KeyValue()
            pid.key = "process.pid"
            pid.value.intValue = process.pid
            resource.resource.attributes = [pid]
            if !process.executablePath.isEmpty {
                var path = Opentelemetry_Proto_Common_V1_KeyValue()
                path.key = "process.executable.path"
                path.value.stringValue = process.executablePath
                resource.resource.attributes.append(path)
            }
            var scope = Opentelemetry_Proto_Profiles_V1development_ScopeProfiles()
            profile.samples = samples[process] ?? []
            scope.profiles = [profile]
            resource.scopeProfiles = [scope]
            data.resourceProfiles.append(resource)
        }
        data.dictionary = dictionary
        return data
    }

    // MARK: - Dictionary

    private mutating func string(_ text: String) -> Int32 {
        if let known = strings[text] { return known }
        let index = Int32(dictionary.stringTable.count)
        dictionary.stringTable.append(text)
        strings[text] = index
        return index
    }

    private mutating func attribute(_ key: String, text: String? = nil, integer: Int64? = nil) -> Int32 {
        let identity = [key, text ?? "", integer.map(String.init) ?? ""]
        if let known = attributes[identity] { return known }
        var attribute = Opentelemetry_Proto_Profiles_V1development_KeyValueAndUnit()
        attribute.keyStrindex = string(key)
        if let text { attribute.value.stringValue = text }
        if let integer { attribute.value.intValue = integer }
        let index = Int32(dictionary.attributeTable.count)
        dictionary.attributeTable.append(attribute)
        attributes[identity] = index
        return index
    }

    private mutating func mapping(_ module: String) -> Int32 {
        if let known = mappings[module] { return known }
        var mapping = Opentelemetry_Proto_Profiles_V1development_Mapping()
        mapping.filenameStrindex = string(module)
        let index = Int32(dictionary.mappingTable.count)
        dictionary.mappingTable.append(mapping)
        mappings[module] = index
        return index
    }

    private mutating func location(_ frame: Frame) -> Int32 {
        if let known = locations[frame] { return known }
        let identity = [frame.name, frame.file]
        let functionIndex: Int32
        if let known = functions[identity] {
            functionIndex = known
        } else {
            var function = Opentelemetry_Proto_Profiles_V1development_Function()
            function.nameStrindex = string(frame.name)
            function.filenameStrindex = string(frame.file)
            functionIndex = Int32(dictionary.functionTable.count)
            dictionary.functionTable.append(function)
            functions[identity] = functionIndex
        }
        var location = Opentelemetry_Proto_Profiles_V1development_Location()
        location.mappingIndex = mapping(frame.module)
        location.attributeIndices = [attribute("profile.frame.type", text: frame.kind)]
        if !frame.name.isEmpty {
            var line = Opentelemetry_Proto_Profiles_V1development_Line()
            line.functionIndex = functionIndex
            line.line = frame.line
            location.lines = [line]
        }
        let index = Int32(dictionary.locationTable.count)
        dictionary.locationTable.append(location)
        locations[frame] = index
        return index
    }

    private mutating func stack(_ frames: [Frame]) -> Int32 {
        let indices = frames.map { location($0) }
        if let known = stacks[indices] { return known }
        var stack = Opentelemetry_Proto_Profiles_V1development_Stack()
        stack.locationIndices = indices
        let index = Int32(dictionary.stackTable.count)
        dictionary.stackTable.append(stack)
        stacks[indices] = index
        return index
    }
}
