import OTLP

/// What is kept of an object of which only the metadata counts.
struct ObjectRecord: Sendable {
    var uid: String
    /// What made it, if that is of the wanted kind.
    var owner: PodRecord.Owner?
    /// By rules for labels and annotations.
    var attributes: [OTLPKeyValue]
}

/// Objects of one kind: namespaces and nodes by name, all else by uid.
struct ObjectTable: Sendable {
    static let maximumObjects = 500_000
    private var entries: [String: (record: ObjectRecord, origin: Int)] = [:]

    var count: Int { entries.count }

    subscript(key: String) -> ObjectRecord? { entries[key]?.record }

    /// - Returns: False if the table is full.
    mutating func update(_ key: String, _ record: ObjectRecord, origin: Int) -> Bool {
        guard entries[key] != nil || entries.count < Self.maximumObjects else { return false }
        entries[key] = (record, origin)
        return true
    }

    /// - Parameter uid: A namespace of the same name may have been made meanwhile.
    mutating func delete(_ key: String, uid: String) {
        if entries[key]?.record.uid == uid { entries[key] = nil }
    }

    mutating func deleteAll(of origin: Int, except keys: Set<String>) {
        entries = entries.filter { $0.value.origin != origin || keys.contains($0.key) }
    }
}

extension ObjectRecord {
    /// Nil if the object has neither name nor uid.
    init?(_ object: MetadataObject, _ kind: ResourceKind, _ extraction: Extraction) {
        guard let uid = object.metadata.uid, !uid.isEmpty else { return nil }
        self.uid = uid
        let (ruleObject, ownerKind): (FieldRule.Object?, String?) =
            switch kind {
            case .pods: (.pod, nil)
            case .namespaces: (.namespace, nil)
            case .nodes: (.node, nil)
            case .replicasets: (nil, "Deployment")
            case .deployments: (.deployment, nil)
            case .statefulsets: (.statefulset, nil)
            case .daemonsets: (.daemonset, nil)
            case .jobs: (.job, "CronJob")
            }
        attributes = ruleObject.map { extraction.fieldAttributes(of: $0, object.metadata) } ?? []
        let reference = object.metadata.ownerReferences?.prefix(16).first { $0.kind == ownerKind && ownerKind != nil }
        if let name = reference?.name, let uid = reference?.uid { owner = PodRecord.Owner(name: name, uid: uid) }
    }

    static func key(_ object: MetadataObject, _ kind: ResourceKind) -> String? {
        let key = kind.isNamespaced ? object.metadata.uid : object.metadata.name
        return key.flatMap { $0.isEmpty ? nil : $0 }
    }
}
