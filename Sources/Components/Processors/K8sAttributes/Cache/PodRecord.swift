import Foundation
import OTLP

/// What is kept of a pod.
struct PodRecord: Sendable {
    struct Owner: Sendable, Equatable {
        var name: String
        var uid: String
    }

    var uid: String
    var name: String
    var namespace: String
    var nodeName: String?
    var hostName: String?
    /// Normalized; the main one first.
    var addresses: [String]
    var usesHostNetwork: Bool
    /// In RFC 3339.
    var created: String?
    /// Seconds since 1970; zero for a pod that was not started yet.
    var startSeconds: Int64
    /// Known, and to be left alone.
    var isExcluded: Bool
    var replicaSet: Owner?
    var daemonSet: Owner?
    var statefulSet: Owner?
    var job: Owner?
    /// As derived from the replica set's name; nil where that is not wanted.
    var derivedDeployment: String?
    var cronJob: String?
    var serviceNameLabel: String?
    var serviceVersionLabel: String?
    var containers: [ContainerRecord]
    /// By rules for labels and annotations.
    var fieldAttributes: [OTLPKeyValue]
}

struct ContainerRecord: Sendable {
    enum Kind: Sendable {
        case regular, initial, ephemeral
    }

    /// One start of it.
    struct Instance: Sendable {
        var id: String
        var restartCount: Int
        var repositoryDigest: String?
    }

    var name: String
    var kind: Kind
    var image: ImageReference?
    /// The newest first.
    var instances: [Instance]
}

extension PodRecord {
    /// More than any pod has.
    static let maximumContainers = 512
    static let ignoreAnnotation = "opentelemetry.io/k8s-processor.ignore"

    /// Nil if the object has no uid, name or namespace: then it cannot be told from others.
    init?(_ object: PodObject, _ configuration: K8sAttributesConfiguration) {
        let metadata = object.metadata
        guard let uid = metadata.uid, !uid.isEmpty, let name = metadata.name, !name.isEmpty,
            let namespace = metadata.namespace, !namespace.isEmpty
        else { return nil }
        (self.uid, self.name, self.namespace) = (uid, name, namespace)
        nodeName = object.spec?.nodeName.flatMap { $0.isEmpty ? nil : $0 }
        hostName = object.spec?.hostname.flatMap { $0.isEmpty ? nil : $0 }
        usesHostNetwork = object.spec?.hostNetwork ?? false
        created = metadata.creationTimestamp
        startSeconds = object.status?.startTime.flatMap(Timestamp.seconds(_:)) ?? 0
        addresses = []
        let status = object.status
        for text in [status?.podIP] + (status?.podIPs ?? []).prefix(16).map(\.ip) {
            if let address = text.flatMap(IPAddress.normalized(_:)), !addresses.contains(address) {
                addresses.append(address)
            }
        }
        let ignore = metadata.annotations?[Self.ignoreAnnotation]?.filter { !$0.isWhitespace }.lowercased()
        isExcluded = ignore == "true" || configuration.excludedPods.contains { $0.matches(name) }
        let labels = metadata.labels ?? [:]
        serviceNameLabel = labels["app.kubernetes.io/instance"] ?? labels["app.kubernetes.io/name"]
        serviceVersionLabel = labels["app.kubernetes.io/version"]
        containers = Self.containers(object)
        fieldAttributes = configuration.extraction.fieldAttributes(of: .pod, metadata)
        readOwners(metadata, configuration)
    }

    private mutating func readOwners(_ metadata: ObjectMetadata, _ configuration: K8sAttributesConfiguration) {
        for reference in (metadata.ownerReferences ?? []).prefix(16) {
            guard let kind = reference.kind, let name = reference.name, let uid = reference.uid else { continue }
            let owner = Owner(name: name, uid: uid)
            switch kind {
            case "ReplicaSet": replicaSet = replicaSet ?? owner
            case "DaemonSet": daemonSet = daemonSet ?? owner
            case "StatefulSet": statefulSet = statefulSet ?? owner
            case "Job": job = job ?? owner
            default: break
            }
        }
        if configuration.extraction.derivesDeploymentName, let replicaSet {
            derivedDeployment = OwnerNames.deployment(
                ofReplicaSet: replicaSet.name, podTemplateHash: metadata.labels?["pod-template-hash"])
        }
        cronJob = job.flatMap { OwnerNames.cronJob(ofJob: $0.name, podCreated: metadata.creationTimestamp) }
    }

    private static func containers(_ object: PodObject) -> [ContainerRecord] {
        let (spec, status) = (object.spec, object.status)
        let groups: [(ContainerRecord.Kind, [PodObject.Container]?, [PodObject.ContainerStatus]?)] = [
            (.regular, spec?.containers, status?.containerStatuses),
            (.initial, spec?.initContainers, status?.initContainerStatuses),
            (.ephemeral, spec?.ephemeralContainers, status?.ephemeralContainerStatuses),
        ]
        var result: [ContainerRecord] = []
        for (kind, specified, statuses) in groups {
            var instances: [String: [ContainerRecord.Instance]] = [:]
            for status in (statuses ?? []).prefix(maximumContainers) {
                if let name = status.name { instances[name] = Self.instances(status) }
            }
            for container in (specified ?? []).prefix(maximumContainers - result.count) {
                guard let name = container.name else { continue }
                result.append(
                    ContainerRecord(
                        name: name, kind: kind, image: container.image.flatMap(ImageReference.init),
                        instances: instances[name] ?? []))
            }
        }
        return result
    }

    /// The one that runs, and the one before it, whose last telemetry may still come.
    private static func instances(_ status: PodObject.ContainerStatus) -> [ContainerRecord.Instance] {
        let count = max(0, status.restartCount ?? 0)
        var result: [ContainerRecord.Instance] = []
        if let id = withoutRuntime(status.containerID) {
            let digest = status.imageID.flatMap(ImageReference.repositoryDigest(ofImageID:))
            result.append(.init(id: id, restartCount: count, repositoryDigest: digest))
        }
        if let id = withoutRuntime(status.lastState?.terminated?.containerID), id != result.first?.id {
            result.append(.init(id: id, restartCount: max(0, count - 1), repositoryDigest: nil))
        }
        return result
    }

    /// `containerd://ID` is the form; nil for anything without an id.
    static func withoutRuntime(_ text: String?) -> String? {
        guard let text, let start = text.range(of: "://")?.upperBound, start < text.endIndex else { return nil }
        return String(text[start...])
    }
}
