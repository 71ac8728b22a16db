/// The name under which people know what a process is part of, and the rule that gave it.
public struct ServiceName: Sendable, Hashable {
    /// In the order in which they are asked.
    public enum Source: String, Sendable, CaseIterable {
        /// What the process publishes about itself (`ProcessContext`).
        case processContext = "process_context"
        /// `OTEL_SERVICE_NAME`, else `service.name` in `OTEL_RESOURCE_ATTRIBUTES`, of the initial environment.
        case environment
        /// The container's name, as its runtime keeps it.
        case container
        /// The systemd service, without ".service"; of a template's instance what stands before "@".
        case systemdUnit = "systemd_unit"
        /// The executable's base name.
        case executable
    }

    public var name: String
    public var source: Source

    public init(_ name: String, source: Source) {
        self.name = name
        self.source = source
    }

    /// The variables that `init(environment:…)` asks for.
    static let environmentVariables: Set<String> = ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"]

    /// - Parameters:
    ///   - environment: has what the process set of `environmentVariables`.
    ///   - containerName: nil outside of containers, and where the name is not known.
    /// - Returns: nil for what has no name at all, such as a kernel thread.
    init?(
        environment: [ProcessFacts.EnvironmentVariable], containerName: String?, systemdUnit: String?,
        executableName: String?
    ) {
        if let name = Self.name(in: environment) {
            self.init(name, source: .environment)
        } else if let containerName, !containerName.isEmpty {
            self.init(containerName, source: .container)
        } else if let systemdUnit, let name = Self.name(ofUnit: systemdUnit) {
            self.init(name, source: .systemdUnit)
        } else if let executableName, !executableName.isEmpty {
            self.init(executableName, source: .executable)
        } else {
            return nil
        }
    }

    private static func name(in environment: [ProcessFacts.EnvironmentVariable]) -> String? {
        if let name = environment.first(where: { $0.name == "OTEL_SERVICE_NAME" })?.value, !name.isEmpty { return name }
        guard let attributes = environment.first(where: { $0.name == "OTEL_RESOURCE_ATTRIBUTES" })?.value
        else { return nil }
        // W3C Baggage without metadata (OpenTelemetry specification, Resource SDK, "Specifying resource information via an
        // environment variable").
        for pair in attributes.utf8.split(separator: UInt8(ascii: ",")) {
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1)
            guard parts.count == 2, trimmed(parts[0]).elementsEqual("service.name".utf8) else { continue }
            let name = decoded(trimmed(parts[1]))
            return name.isEmpty ? nil : name
        }
        return nil
    }

    private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
        let text = text.drop { $0 == UInt8(ascii: " ") }
        guard let last = text.lastIndex(where: { $0 != UInt8(ascii: " ") }) else { return text.prefix(0) }
        return text[...last]
    }

    private static func decoded(_ text: Substring.UTF8View) -> String {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2)
            if byte == UInt8(ascii: "%"), digits.count == 2,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Sessions of people and what they started are no services: a scope gives no name.
    private static func name(ofUnit unit: String) -> String? {
        guard unit.hasSuffix(".service") else { return nil }
        let name = unit.dropLast(8).prefix { $0 != "@" }
        // user@1000.service manages a person's own units.
        return name.isEmpty || name == "user" ? nil : String(name)
    }
}
