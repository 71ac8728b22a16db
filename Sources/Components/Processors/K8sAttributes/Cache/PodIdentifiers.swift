import OTLP
import ProcessorSupport

extension PodRecord {
    /// No pod is entered under more identifiers of one rule.
    private static let maximumCombinations = 1024

    /// What the pod is found by: its uid, containers and addresses in any case, and what the rules say.
    func identifiers(_ associations: [PodAssociation]) -> Set<PodIdentifier> {
        var result: Set<PodIdentifier> = [PodIdentifier(.attribute("k8s.pod.uid"), uid)]
        for container in containers {
            for instance in container.instances {
                result.insert(PodIdentifier(.attribute("container.id"), instance.id))
            }
        }
        if !usesHostNetwork {
            for address in addresses {
                result.insert(PodIdentifier(.connection, address))
                result.insert(PodIdentifier(.attribute("k8s.pod.ip"), address))
            }
        }
        for association in associations {
            var combinations: [[PodIdentifier.Part]] = [[]]
            for source in association.sources {
                let values = values(of: source, isAlone: association.sources.count == 1)
                var longer: [[PodIdentifier.Part]] = []
                for parts in combinations.prefix(Self.maximumCombinations) {
                    for value in values where longer.count < Self.maximumCombinations {
                        longer.append(parts + [PodIdentifier.Part(source: source, value: value)])
                    }
                }
                combinations = longer
            }
            for parts in combinations where !parts.isEmpty { result.insert(PodIdentifier(parts)) }
        }
        return result
    }

    /// - Parameter isAlone: An address of the host's network, which many pods share, tells nothing by itself.
    private func values(of source: PodAssociation.Source, isAlone: Bool) -> [String] {
        switch source {
        case .connection: return usesHostNetwork ? [] : addresses
        case .attribute("k8s.pod.ip"), .attribute("ip"), .attribute("host.name"):
            return usesHostNetwork && isAlone ? [] : addresses
        case .attribute("k8s.pod.uid"): return [uid]
        case .attribute("k8s.pod.name"): return [name]
        case .attribute("k8s.namespace.name"): return [namespace]
        case .attribute("k8s.node.name"): return nodeName.map { [$0] } ?? []
        case .attribute("k8s.pod.hostname"): return hostName.map { [$0] } ?? []
        case .attribute("container.id"): return containers.flatMap { $0.instances.map(\.id) }
        case .attribute("k8s.container.name"): return containers.map(\.name)
        case .attribute("k8s.replicaset.name"): return replicaSet.map { [$0.name] } ?? []
        case .attribute("k8s.replicaset.uid"): return replicaSet.map { [$0.uid] } ?? []
        case .attribute("k8s.daemonset.name"): return daemonSet.map { [$0.name] } ?? []
        case .attribute("k8s.daemonset.uid"): return daemonSet.map { [$0.uid] } ?? []
        case .attribute("k8s.statefulset.name"): return statefulSet.map { [$0.name] } ?? []
        case .attribute("k8s.statefulset.uid"): return statefulSet.map { [$0.uid] } ?? []
        case .attribute("k8s.job.name"): return job.map { [$0.name] } ?? []
        case .attribute("k8s.job.uid"): return job.map { [$0.uid] } ?? []
        case .attribute("k8s.cronjob.name"): return cronJob.map { [$0] } ?? []
        case .attribute("k8s.deployment.name"): return derivedDeployment.map { [$0] } ?? []
        case .attribute("k8s.pod.start_time"): return created.map { [$0] } ?? []
        case .attribute(let name): return fieldAttributes[name].map { [$0.text] } ?? []
        }
    }
}

extension PodAssociation {
    /// What the rule finds in a resource; nil if a source has no value.
    /// - Parameter clientAddress: Normalized.
    func identifier(of resource: OTLPResource, clientAddress: String?) -> PodIdentifier? {
        var parts: [PodIdentifier.Part] = []
        for source in sources {
            let value: String? =
                switch source {
                case .connection: clientAddress
                case .attribute(let name): Self.value(name, of: resource)
                }
            guard let value, !value.isEmpty else { return nil }
            parts.append(PodIdentifier.Part(source: source, value: value))
        }
        return PodIdentifier(parts)
    }

    private static func value(_ name: String, of resource: OTLPResource) -> String? {
        let text = resource.attributes[name]?.stringIfSet
        switch name {
        // A host's name is a pod's address with some senders, and no pod's otherwise.
        case "host.name": return text.flatMap(IPAddress.normalized(_:))
        case "k8s.pod.ip", "ip": return text.map { IPAddress.normalized($0) ?? $0 }
        case "k8s.pod.uid": return text ?? cgroup(of: resource).flatMap(PodCgroup.podUID(inPath:))
        case "container.id": return text ?? cgroup(of: resource).flatMap(PodCgroup.containerID(inPath:))
        default: return text
        }
    }

    private static func cgroup(of resource: OTLPResource) -> String? {
        resource.attributes["process.linux.cgroup"]?.stringIfSet
    }
}

extension OTLPAnyValue {
    /// Nil for other types and for the empty text.
    var stringIfSet: String? {
        if case .stringValue(let text) = value, !text.isEmpty { text } else { nil }
    }
}
