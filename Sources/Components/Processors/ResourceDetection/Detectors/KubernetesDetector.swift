import Collector
import Foundation

/// `eks` and `aks`: a cloud's own Kubernetes, which is that cloud's metadata service seen from within a pod.
struct KubernetesDetector: ResourceDetector {
    var cloud: any ResourceDetector
    var platform: String
    var environment = ProcessInfo.processInfo.environment

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        // Set in every pod (Kubernetes, "Accessing the Kubernetes API from a Pod").
        guard environment["KUBERNETES_SERVICE_HOST"] != nil else { throw CollectorError("not within a pod") }
        let found = try await cloud.detect(timeout: timeout)
        var result = found.filter { ["cloud.provider", "cloud.region", "cloud.account.id"].contains($0.name) }
        result.insert(DetectedAttribute("cloud.platform", platform), at: min(1, result.count))
        return result
    }
}
