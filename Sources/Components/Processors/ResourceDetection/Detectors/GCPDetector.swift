import Collector
import Foundation

/// `gcp`: the metadata server of Compute Engine and Kubernetes Engine (Google Cloud, "About VM metadata").
struct GCPDetector: ResourceDetector {
    var service = MetadataService(
        base: "http://" + (ProcessInfo.processInfo.environment["GCE_METADATA_HOST"] ?? "metadata.google.internal"))

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        func value(_ path: String) async throws -> String {
            try await service.text(
                .GET, "/computeMetadata/v1/" + path, headers: [("Metadata-Flavor", "Google")], timeout: timeout)
        }
        let project = try await value("project/project-id")
        let cluster = (try? await value("instance/attributes/cluster-name")) ?? ""
        var found = [
            DetectedAttribute("cloud.provider", "gcp"),
            DetectedAttribute(
                "cloud.platform", cluster.isEmpty ? "gcp_compute_engine" : "gcp_kubernetes_engine"),
            DetectedAttribute("cloud.account.id", project),
        ]
        if !cluster.isEmpty { found.append(DetectedAttribute("k8s.cluster.name", cluster)) }
        // "projects/123/zones/europe-west1-b"
        if let zone = (try? await value("instance/zone"))?.split(separator: "/").last {
            found.append(DetectedAttribute("cloud.availability_zone", String(zone)))
            if let dash = zone.lastIndex(of: "-") {
                found.append(DetectedAttribute("cloud.region", String(zone[..<dash])))
            }
        }
        for (name, path) in [("host.id", "instance/id"), ("host.name", "instance/name")] {
            if let text = try? await value(path), !text.isEmpty { found.append(DetectedAttribute(name, text)) }
        }
        // "projects/123/machineTypes/n2-standard-4"
        if let type = (try? await value("instance/machine-type"))?.split(separator: "/").last {
            found.append(DetectedAttribute("host.type", String(type)))
        }
        return found
    }
}
