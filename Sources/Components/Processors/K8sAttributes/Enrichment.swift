import OTLP
import ProcessorSupport

/// Writes to a resource what is known of its pod.
struct Enrichment: Sendable {
    let state: ClusterState

    private var configuration: K8sAttributesConfiguration { state.configuration }

    /// - Parameter clientAddress: Where the telemetry came from, if it came by a connection.
    func enrich(_ resource: inout OTLPResource, clientAddress: String?) {
        if configuration.isPassthrough {
            if let clientAddress { resource.setIfEmpty("k8s.pod.ip", .string(clientAddress)) }
            return
        }
        let identifiers = configuration.associations.compactMap {
            $0.identifier(of: resource, clientAddress: clientAddress)
        }
        let (attributes, isMissed) = state.read { tables -> ([OTLPKeyValue], Bool) in
            // A rule that finds no pod leaves the resource to the next one.
            for identifier in identifiers {
                guard let pod = tables.pods.pod(identifier) else { continue }
                guard !pod.isExcluded else { return ([], false) }
                var attributes = Self.attributes(of: pod, resource, tables, configuration.extraction)
                if let address = identifier.connectionAddress {
                    attributes.append(OTLPKeyValue("k8s.pod.ip", address))
                }
                return (attributes + Self.surroundings(of: pod, resource, tables), false)
            }
            return (Self.surroundings(of: nil, resource, tables), !identifiers.isEmpty)
        }
        if isMissed { state.countMiss() }
        for attribute in attributes { resource.setIfEmpty(attribute.key, attribute.value) }
    }

    // MARK: - The pod

    /// In the order of their precedence.
    private static func attributes(
        of pod: PodRecord, _ resource: OTLPResource, _ tables: ClusterState.Tables, _ extraction: Extraction
    ) -> [OTLPKeyValue] {
        var result = pod.fieldAttributes
        func add(_ fact: Extraction.Fact, _ text: String?) {
            guard extraction.facts.contains(fact), let text, !text.isEmpty else { return }
            result.append(OTLPKeyValue(fact.rawValue, text))
        }
        let replicaSet = pod.replicaSet.flatMap { tables.objects[.replicasets]?[$0.uid] }
        let deployment = replicaSet?.owner
        let deploymentName = pod.derivedDeployment ?? deployment?.name
        add(.namespaceName, pod.namespace)
        add(.podName, pod.name)
        add(.podUID, pod.uid)
        add(.podHostName, pod.hostName)
        add(.podIP, pod.addresses.first)
        add(.podStartTime, pod.created)
        add(.nodeName, pod.nodeName)
        add(.deploymentName, deploymentName)
        add(.deploymentUID, deployment?.uid)
        add(.replicaSetName, pod.replicaSet?.name)
        add(.replicaSetUID, pod.replicaSet?.uid)
        add(.daemonSetName, pod.daemonSet?.name)
        add(.daemonSetUID, pod.daemonSet?.uid)
        add(.statefulSetName, pod.statefulSet?.name)
        add(.statefulSetUID, pod.statefulSet?.uid)
        add(.jobName, pod.job?.name)
        add(.jobUID, pod.job?.uid)
        add(.cronJobName, pod.cronJob)
        add(.cronJobUID, pod.job.flatMap { tables.objects[.jobs]?[$0.uid] }?.owner?.uid)
        add(.nodeUID, pod.nodeName.flatMap { tables.objects[.nodes]?[$0] }?.uid)
        add(.clusterUID, tables.objects[.namespaces]?["kube-system"]?.uid)
        add(.serviceNamespace, pod.namespace)
        add(.serviceName, serviceName(of: pod, deploymentName))
        add(.serviceVersion, pod.serviceVersionLabel)
        if let container = pod.container(of: resource) {
            result += attributes(of: container, pod, resource, extraction)
        }
        return result
    }

    /// OpenTelemetry's rule for Kubernetes; annotations go before all of it.
    private static func serviceName(of pod: PodRecord, _ deploymentName: String?) -> String {
        pod.serviceNameLabel ?? deploymentName ?? pod.replicaSet?.name ?? pod.statefulSet?.name ?? pod.daemonSet?.name
            ?? pod.cronJob ?? pod.job?.name ?? pod.name
    }

    private static func attributes(
        of container: ContainerRecord, _ pod: PodRecord, _ resource: OTLPResource, _ extraction: Extraction
    ) -> [OTLPKeyValue] {
        var result: [OTLPKeyValue] = []
        func add(_ fact: Extraction.Fact, _ value: OTLPAnyValue?) {
            guard extraction.facts.contains(fact), let value else { return }
            result.append(OTLPKeyValue(fact.rawValue, value))
        }
        let instance = container.instance(of: resource)
        let tag = container.image?.effectiveTag
        add(.containerName, .string(container.name))
        add(.containerID, instance.map { .string($0.id) })
        add(.imageName, container.image.map { .string($0.name) })
        add(.imageTag, tag.map { .string($0) })
        add(.imageTags, tag.map { .strings([$0]) })
        add(.imageRepositoryDigests, instance?.repositoryDigest.map { .strings([$0]) })
        add(.serviceVersion, container.image?.version.map { .string($0) })
        add(.serviceInstanceID, .string("\(pod.namespace).\(pod.name).\(container.name)"))
        return result
    }

    // MARK: - What the pod is in

    /// Labels and annotations of the namespace, node and workload: the pod's, or those that the resource itself names.
    private static func surroundings(
        of pod: PodRecord?, _ resource: OTLPResource, _ tables: ClusterState.Tables
    ) -> [OTLPKeyValue] {
        guard !tables.objects.isEmpty else { return [] }
        func own(_ name: String) -> String? { resource.attributes[name]?.stringIfSet }
        func find(_ kind: ResourceKind, _ key: String?) -> [OTLPKeyValue] {
            key.flatMap { tables.objects[kind]?[$0]?.attributes } ?? []
        }
        let deployment = pod?.replicaSet.flatMap { tables.objects[.replicasets]?[$0.uid] }?.owner?.uid
        return find(.namespaces, pod?.namespace ?? own("k8s.namespace.name"))
            + find(.nodes, pod?.nodeName ?? own("k8s.node.name"))
            + find(.deployments, deployment ?? own("k8s.deployment.uid"))
            + find(.statefulsets, pod?.statefulSet?.uid ?? own("k8s.statefulset.uid"))
            + find(.daemonsets, pod?.daemonSet?.uid ?? own("k8s.daemonset.uid"))
            + find(.jobs, pod?.job?.uid ?? own("k8s.job.uid"))
    }
}

extension PodRecord {
    /// The container that the resource names, else the one with its id, else the only one.
    func container(of resource: OTLPResource) -> ContainerRecord? {
        if let name = resource.attributes["k8s.container.name"]?.stringIfSet {
            return containers.first { $0.name == name }
        }
        let id =
            resource.attributes["container.id"]?.stringIfSet
            ?? resource.attributes["process.linux.cgroup"]?.stringIfSet.flatMap(PodCgroup.containerID(inPath:))
        if let id { return containers.first { $0.instances.contains { $0.id == id } } }
        let regular = containers.filter { $0.kind == .regular }
        return regular.count == 1 ? regular.first : nil
    }
}

extension ContainerRecord {
    /// The start that the resource means: by container id, by the count of restarts, else the newest.
    func instance(of resource: OTLPResource) -> Instance? {
        if let id = resource.attributes["container.id"]?.stringIfSet,
            let instance = instances.first(where: { $0.id == id })
        {
            return instance
        }
        let text = resource.attributes["k8s.container.restart_count"]?.text
        if let text, let count = Int(text) { return instances.first { $0.restartCount == count } }
        return instances.max { $0.restartCount < $1.restartCount }
    }
}

extension OTLPResource {
    /// What a resource says of itself is never overwritten.
    mutating func setIfEmpty(_ key: String, _ value: OTLPAnyValue) {
        switch attributes[key]?.value {
        case nil, .stringValue(""): attributes[key] = value
        default: break
        }
    }
}

extension OTLPAnyValue {
    fileprivate static func strings(_ texts: [String]) -> OTLPAnyValue {
        .with { $0.value = .arrayValue(.with { $0.values = texts.map { .string($0) } }) }
    }
}
