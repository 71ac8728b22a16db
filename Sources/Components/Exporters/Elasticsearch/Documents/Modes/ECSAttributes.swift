import OTLP

/// Names of OpenTelemetry's semantic conventions and those of the Elastic Common Schema that mean the same. Attributes
/// that are not listed keep their names: most agree.
enum ECSAttributes {
    static let resource: [String: String] = [
        "client.address": "client.ip", "cloud.platform": "cloud.service.name",
        "container.image.tags": "container.image.tag", "deployment.environment": "service.environment",
        "deployment.environment.name": "service.environment", "faas.instance": "faas.id",
        "faas.trigger": "faas.trigger.type", "host.arch": "host.architecture", "host.name": "host.hostname",
        "k8s.cluster.name": "orchestrator.cluster.name", "k8s.container.name": "kubernetes.container.name",
        "k8s.cronjob.name": "kubernetes.cronjob.name", "k8s.daemonset.name": "kubernetes.daemonset.name",
        "k8s.deployment.name": "kubernetes.deployment.name", "k8s.job.name": "kubernetes.job.name",
        "k8s.namespace.name": "kubernetes.namespace", "k8s.node.name": "kubernetes.node.name",
        "k8s.pod.name": "kubernetes.pod.name", "k8s.pod.uid": "kubernetes.pod.uid",
        "k8s.replicaset.name": "kubernetes.replicaset.name", "k8s.statefulset.name": "kubernetes.statefulset.name",
        "os.description": "host.os.full", "os.name": "host.os.name", "os.type": "host.os.platform",
        "os.version": "host.os.version", "process.command_line": "process.args",
        "process.executable.name": "process.title", "process.executable.path": "process.executable",
        "process.parent_pid": "process.parent.pid", "process.runtime.name": "service.runtime.name",
        "process.runtime.version": "service.runtime.version", "service.instance.id": "service.node.name",
        "source.address": "source.ip",
    ]

    static let record: [String: String] = [
        "event.name": "event.action", "exception.escaped": "event.error.exception.handled",
        "exception.message": "error.message", "exception.stacktrace": "error.stacktrace",
        "exception.type": "error.type", "http.response.body.size": "http.response.encoded_body_size",
    ]

    static let span: [String: String] = [
        "db.namespace": "span.db.instance", "db.query.text": "span.db.statement", "db.system": "span.db.type",
        "http.response.body.size": "http.response.encoded_body_size", "messaging.operation.name": "span.action",
    ]

    /// What they say is in `agent.name` and `agent.version`.
    private static let agent: Set<String> = [
        "telemetry.distro.name", "telemetry.distro.version", "telemetry.sdk.language", "telemetry.sdk.name",
        "telemetry.sdk.version",
    ]

    /// Fields of the schema that are values: an attribute that would make one of them an object goes.
    static let values: Set<String> = Set(resource.values).union(record.values).union(span.values)
        .union(["agent.name", "agent.version", "event.outcome", "host.os.type", "log.level", "message", "parent.id"])

    /// - Parameter names: What attributes are called in the schema.
    static func add(_ attributes: [OTLPKeyValue], _ names: [String: String], to document: inout FieldDocument) {
        for attribute in attributes.withoutInstructions {
            document.add(names[attribute.key] ?? attribute.key, attribute.value)
        }
    }

    static func add(_ resource: OTLPResource, to document: inout FieldDocument) {
        let attributes = resource.attributes.withoutInstructions.filter { !agent.contains($0.key) }
        for attribute in attributes {
            switch attribute.key {
            case "host.name":
                // The schema has both: the name that users see, and what the system calls itself.
                document.add("host.name", attribute.value)
                if !attributes.contains(where: { $0.key == "host.hostname" }) {
                    document.add("host.hostname", attribute.value)
                }
            default: document.add(Self.resource[attribute.key] ?? attribute.key, attribute.value)
            }
        }
        if let type = operatingSystem(attributes) { document.add("host.os.type", type) }
    }

    /// One of the few values that the schema has for `host.os.type`.
    private static func operatingSystem(_ attributes: [OTLPKeyValue]) -> String? {
        switch attributes.text("os.name") {
        case "Android": return "android"
        case "iOS": return "ios"
        default: break
        }
        switch attributes.text("os.type") {
        case "linux": return "linux"
        case "windows": return "windows"
        case "darwin": return "macos"
        case "aix", "hpux", "solaris": return "unix"
        default: return nil
        }
    }

    /// What made the telemetry: `name/language/distribution`, as far as it is known.
    static func addAgent(_ resource: OTLPResource, to document: inout FieldDocument) {
        let attributes = resource.attributes
        var parts = [attributes.text("telemetry.sdk.name") ?? "otlp"]
        let language = attributes.text("telemetry.sdk.language") ?? ""
        let distribution = attributes.text("telemetry.distro.name") ?? ""
        if !distribution.isEmpty {
            parts += [language.isEmpty ? "unknown" : language, distribution]
        } else if !language.isEmpty {
            parts.append(language)
        }
        document.addUnlessEmpty("agent.name", parts.joined(separator: "/"))
        let version = attributes.text("telemetry.distro.version") ?? attributes.text("telemetry.sdk.version")
        document.addUnlessEmpty("agent.version", version ?? "")
    }
}
