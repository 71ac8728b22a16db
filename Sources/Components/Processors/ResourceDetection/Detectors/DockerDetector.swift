import Collector
import Foundation

/// `docker`: the host that Docker's daemon runs on, which within a container is another than the container's own name
/// (Docker Engine API, "Get system information").
struct DockerDetector: ResourceDetector {
    private struct Information: Decodable {
        var Name: String?
        var OSType: String?
    }

    var service = MetadataService(base: Self.base(ProcessInfo.processInfo.environment["DOCKER_HOST"]))

    /// - Parameter host: As Docker's own programs read it: `unix:///path` or `tcp://host:port`.
    static func base(_ host: String?) -> String {
        let host = host.flatMap { $0.isEmpty ? nil : $0 } ?? "unix:///var/run/docker.sock"
        if host.hasPrefix("tcp://") { return "http://" + host.dropFirst("tcp://".count) }
        guard host.hasPrefix("unix://") else { return host }
        let path = String(host.dropFirst("unix://".count))
        let escaped = path.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? path
        return "http+unix://" + escaped
    }

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        let information: Information
        do {
            information = try await service.json(Information.self, "/info", timeout: timeout)
        } catch {
            throw CollectorError("Docker's daemon does not answer at \(service.base): \(error)")
        }
        return [("host.name", information.Name), ("os.type", information.OSType)].compactMap { name, value in
            value.flatMap { $0.isEmpty ? nil : DetectedAttribute(name, $0) }
        }
    }
}
