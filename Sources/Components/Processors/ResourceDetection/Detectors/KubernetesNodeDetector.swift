import Collector
import Foundation
import K8sAttributesProcessor

/// `k8s_api`: the node that this pod runs on.
struct KubernetesNodeDetector: ResourceDetector {
    /// The environment variable that names the node.
    var variable: String
    var lookup: KubernetesNodeLookup
    var environment = ProcessInfo.processInfo.environment

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        guard let name = environment[variable], !name.isEmpty else {
            throw CollectorError(
                "the variable \(variable), which names the node, is not set; set it from spec.nodeName")
        }
        let node = try await lookup.node(name, timeout: timeout)
        var found = [DetectedAttribute("k8s.node.name", node.name)]
        if !node.uid.isEmpty { found.append(DetectedAttribute("k8s.node.uid", node.uid)) }
        return found
    }
}
