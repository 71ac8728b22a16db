import Collector
import Logging
import Processes

/// How the labels of a node's pods are learned, for selections that name them: `processes::kubernetes`.
public struct PodLabelSettings: Sendable, Equatable {
    public enum Authentication: String, Sendable, CaseIterable {
        case serviceAccount, kubeConfig, none
    }

    /// See `k8s_attributes`, whose keys these are.
    public var authentication = Authentication.serviceAccount
    public var kubeConfigPath: String?
    public var context: String?
    /// Of which pods are watched; nil: those of the whole cluster.
    public var node: String?

    public init() {}

    init(_ section: ConfigurationSection, environment: (String) -> String?) {
        authentication = section.enumeration("auth_type", default: authentication)
        kubeConfigPath = section.optionalString("kube_config_path")
        context = section.optionalString("context")
        guard let variable = section.optionalString("node_from_env_var"), !variable.isEmpty else { return }
        node = environment(variable).flatMap { $0.isEmpty ? nil : $0 }
        if node == nil { section.error("node_from_env_var", "the environment variable \(variable) is not set") }
    }
}

/// Follows the labels of pods while it runs.
public protocol PodLabelWatch: PodLabelSource {
    /// Returns once the first list is there, or has not come in time, which is logged.
    /// - Throws: when there is nobody to be asked.
    func start() async throws
    func stop() async
}
