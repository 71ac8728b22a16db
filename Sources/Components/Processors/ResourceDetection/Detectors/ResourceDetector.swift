import OTLP

/// One fact about the resource.
struct DetectedAttribute: Sendable {
    var name: String
    var value: OTLPAnyValue
    /// Whether it is wanted if the configuration does not say.
    var isOnByDefault = true

    init(_ name: String, _ text: String, isOnByDefault: Bool = true) {
        self.init(name, .string(text), isOnByDefault: isOnByDefault)
    }

    init(_ name: String, _ value: OTLPAnyValue, isOnByDefault: Bool = true) {
        self.name = name
        self.value = value
        self.isOnByDefault = isOnByDefault
    }
}

/// Finds out something about where the program runs.
protocol ResourceDetector: Sendable {
    /// - Throws: an error that says why nothing is known.
    func detect(timeout: Duration) async throws -> [DetectedAttribute]
}

extension DetectorSettings {
    func makeDetector() -> any ResourceDetector {
        switch kind {
        case .env: EnvironmentDetector()
        case .system: SystemDetector(hostNameSources: hostNameSources)
        case .docker: DockerDetector()
        case .ec2: EC2Detector(tags: tags)
        case .ecs: ECSDetector()
        case .eks: KubernetesDetector(cloud: EC2Detector(), platform: "aws_eks")
        case .gcp: GCPDetector()
        case .azure: AzureDetector()
        case .aks: KubernetesDetector(cloud: AzureDetector(), platform: "azure_aks")
        case .k8sAPI: KubernetesNodeDetector(variable: nodeVariable, lookup: nodeLookup)
        case .heroku: HerokuDetector()
        case .dynatrace: DynatraceDetector()
        }
    }
}
