import Collector
import RegularExpressions

/// Which attributes are written.
public struct Extraction: Sendable {
    /// Facts that are not labels or annotations; the raw value is the attribute's name.
    public enum Fact: String, Sendable, CaseIterable {
        case namespaceName = "k8s.namespace.name"
        case podName = "k8s.pod.name"
        case podUID = "k8s.pod.uid"
        case podHostName = "k8s.pod.hostname"
        case podIP = "k8s.pod.ip"
        case podStartTime = "k8s.pod.start_time"
        case deploymentName = "k8s.deployment.name"
        case deploymentUID = "k8s.deployment.uid"
        case replicaSetName = "k8s.replicaset.name"
        case replicaSetUID = "k8s.replicaset.uid"
        case daemonSetName = "k8s.daemonset.name"
        case daemonSetUID = "k8s.daemonset.uid"
        case statefulSetName = "k8s.statefulset.name"
        case statefulSetUID = "k8s.statefulset.uid"
        case jobName = "k8s.job.name"
        case jobUID = "k8s.job.uid"
        case cronJobName = "k8s.cronjob.name"
        case cronJobUID = "k8s.cronjob.uid"
        case nodeName = "k8s.node.name"
        case nodeUID = "k8s.node.uid"
        case clusterUID = "k8s.cluster.uid"
        case containerName = "k8s.container.name"
        case containerID = "container.id"
        case imageName = "container.image.name"
        case imageTag = "container.image.tag"
        case imageTags = "container.image.tags"
        case imageRepositoryDigests = "container.image.repo_digests"
        case serviceNamespace = "service.namespace"
        case serviceName = "service.name"
        case serviceVersion = "service.version"
        case serviceInstanceID = "service.instance.id"
    }

    public var facts: Set<Fact> = [
        .namespaceName, .podName, .podUID, .podStartTime, .deploymentName, .nodeName, .imageName, .imageTag,
    ]
    public var labels: [FieldRule] = []
    public var annotations: [FieldRule] = []
    /// Whether pods' annotations `resource.opentelemetry.io/NAME` become the attributes NAME.
    public var takesOTelAnnotations = false
    /// Whether a deployment's name is derived from its replica set's, without asking for replica sets.
    public var derivesDeploymentName = true

    public init() {}

    init(_ section: ConfigurationSection) {
        if section.isSet("metadata") {
            facts = []
            for name in section.strings("metadata") {
                if let fact = Fact(rawValue: name) {
                    facts.insert(fact)
                } else {
                    let near = Fact.allCases.map(\.rawValue).joined(separator: ", ")
                    section.error("metadata", "\"\(name)\" is not a supported metadata field (known ones: [\(near)])")
                }
            }
        }
        labels = section.sections("labels").compactMap { FieldRule($0, .labels) }
        annotations = section.sections("annotations").compactMap { FieldRule($0, .annotations) }
        takesOTelAnnotations = section.boolean("otel_annotations", default: false)
        derivesDeploymentName = section.boolean("deployment_name_from_replicaset", default: true)
    }

    /// True if any rule takes labels or annotations of such objects.
    func hasRules(from object: FieldRule.Object) -> Bool {
        labels.contains { $0.object == object } || annotations.contains { $0.object == object }
    }
}

/// Labels or annotations of one kind of object that become attributes.
public struct FieldRule: Sendable {
    public enum Object: String, Sendable, CaseIterable {
        case pod, namespace, node, deployment, statefulset, daemonset, job
    }

    public enum Field: String, Sendable {
        case labels, annotations
    }

    public enum Key: Sendable {
        case exactly(String)
        /// Matches whole keys.
        case pattern(RegularExpression)
    }

    public var object: Object
    public var key: Key
    /// Nil: `k8s.OBJECT.labels.KEY` or `k8s.OBJECT.annotations.KEY`.
    public var tagName: String?
    public var field: Field

    public init(_ object: Object, _ field: Field, _ key: Key, tagName: String? = nil) {
        self.object = object
        self.field = field
        self.key = key
        self.tagName = tagName
    }

    init?(_ section: ConfigurationSection, _ field: Field) {
        let tagName = section.string("tag_name")
        let (key, pattern, from) = (section.string("key"), section.string("key_regex"), section.string("from"))
        guard let object = from.isEmpty ? .pod : Object(rawValue: from) else {
            let valid = Object.allCases.map(\.rawValue).joined(separator: ", ")
            section.error("from", "\(from) is not a valid choice for From. Must be one of: \(valid)")
            return nil
        }
        if !key.isEmpty, !pattern.isEmpty {
            section.error(
                nil,
                "Out of Key or KeyRegex only one option is expected to be configured at a time, currently Key:\(key) "
                    + "and KeyRegex:\(pattern)")
            return nil
        }
        if !key.isEmpty {
            self.init(object, field, .exactly(key), tagName: tagName.isEmpty ? nil : tagName)
            return
        }
        guard !pattern.isEmpty else {
            section.error(nil, "requires \"key\" or \"key_regex\"")
            return nil
        }
        do {
            let expression = try RegularExpression("^(?:\(pattern))$")
            self.init(object, field, .pattern(expression), tagName: tagName.isEmpty ? nil : tagName)
        } catch {
            section.error("key_regex", "invalid regular expression: \(error)")
            return nil
        }
    }

    /// The attributes that an object's labels or annotations give, sorted by the keys they come from.
    func attributes(of fields: [String: String]) -> [(name: String, value: String)] {
        switch key {
        case .exactly(let key):
            guard let value = fields[key] else { return [] }
            return [(tagName ?? defaultName(key), value)]
        case .pattern(let expression):
            return fields.sorted { $0.key < $1.key }.compactMap { key, value in
                guard let match = expression.firstMatch(in: key) else { return nil }
                let name = tagName.map { match.expand($0, in: key) } ?? defaultName(key)
                return name.isEmpty ? nil : (name, value)
            }
        }
    }

    private func defaultName(_ key: String) -> String { "k8s.\(object.rawValue).\(field.rawValue).\(key)" }
}
