import OTLP

extension Opentelemetry_Proto_Common_V1_AnyValue {
    /// The value's text; references into the string table are followed.
    func text(strings: [String]) -> String? {
        switch value {
        case .stringValue(let text): text
        case .stringValueStrindex(let index): strings.indices.contains(Int(index)) ? strings[Int(index)] : nil
        default: nil
        }
    }

    var integer: Int64? {
        if case .intValue(let value) = value { return value }
        return nil
    }
}

/// What of a resource says which process the samples are of.
struct ResourceAttributes {
    var pid: Int64?
    var executableName = ""
    var executablePath = ""
    var containerID = ""
    var serviceName = ""

    init(_ resource: Opentelemetry_Proto_Resource_V1_Resource, strings: [String]) {
        for attribute in resource.attributes {
            var key = attribute.key
            if key.isEmpty, attribute.keyStrindex != 0, strings.indices.contains(Int(attribute.keyStrindex)) {
                key = strings[Int(attribute.keyStrindex)]
            }
            switch key {
            case "process.pid": pid = attribute.value.integer
            case "process.executable.name": executableName = attribute.value.text(strings: strings) ?? ""
            case "process.executable.path": executablePath = attribute.value.text(strings: strings) ?? ""
            case "container.id": containerID = attribute.value.text(strings: strings) ?? ""
            case "service.name": serviceName = attribute.value.text(strings: strings) ?? ""
            default: break
            }
        }
    }

    var name: String? {
        if !executableName.isEmpty { return executableName }
        if let last = executablePath.split(separator: "/").last { return String(last) }
        return serviceName.isEmpty ? nil : serviceName
    }
}

/// A frame's type as the `profile.frame.type` attribute of its location gives it.
struct FrameType {
    /// `native`, `kernel`, `cpython`…; empty when the sender says nothing.
    var name = ""
    /// Set when the frame stands for a failure: unwinding ended here, before the thread's root.
    var isError: Bool { name == Self.abortMarker || hasErrorCode }

    /// The profilers' frame type of frames that say why unwinding ended.
    static let abortMarker = "abort-marker"
    private var hasErrorCode = false

    init(
        _ location: Opentelemetry_Proto_Profiles_V1development_Location,
        _ dictionary: Opentelemetry_Proto_Profiles_V1development_ProfilesDictionary
    ) {
        for index in location.attributeIndices where dictionary.attributeTable.indices.contains(Int(index)) {
            let attribute = dictionary.attributeTable[Int(index)]
            guard dictionary.stringTable.indices.contains(Int(attribute.keyStrindex)) else { continue }
            switch dictionary.stringTable[Int(attribute.keyStrindex)] {
            case "profile.frame.type": name = attribute.value.text(strings: dictionary.stringTable) ?? ""
            case "profile.frame.error", "profile.frame.error_code": hasErrorCode = true
            default: break
            }
        }
    }

    /// What a frame without a function is called.
    func nameWithoutFunction(module: String, address: UInt64) -> String {
        if isError { return "[unwinding stopped: error \(address)]" }
        if module.isEmpty { return address == 0 ? "[unknown]" : "0x\(String(address, radix: 16))" }
        return "\(module)+0x\(String(address, radix: 16))"
    }
}
