import Collector
import Foundation
import RegularExpressions

/// `ec2`: the instance metadata service, version 2 (Amazon EC2 User Guide, "Access instance metadata").
struct EC2Detector: ResourceDetector {
    private struct Identity: Decodable {
        var accountId: String?
        var availabilityZone: String?
        var imageId: String?
        var instanceId: String?
        var instanceType: String?
        var region: String?
    }

    var service = MetadataService(
        base: ProcessInfo.processInfo.environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"].map {
            $0.hasSuffix("/") ? String($0.dropLast()) : $0
        } ?? "http://169.254.169.254")

    /// Which of the instance's tags are wanted. The service shows them only if the instance allows that.
    var tags: [RegularExpression] = []
    private static let maximumTags = 50

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        let token = try await service.text(
            .PUT, "/latest/api/token", headers: [("X-aws-ec2-metadata-token-ttl-seconds", "60")], timeout: timeout)
        let shown = [("X-aws-ec2-metadata-token", token)]
        let identity = try await service.json(
            Identity.self, "/latest/dynamic/instance-identity/document", headers: shown, timeout: timeout)
        // Not every instance has a name.
        let name = try? await service.text(.GET, "/latest/meta-data/hostname", headers: shown, timeout: timeout)
        return [DetectedAttribute("cloud.provider", "aws"), DetectedAttribute("cloud.platform", "aws_ec2")]
            + [
                ("cloud.region", identity.region), ("cloud.account.id", identity.accountId),
                ("cloud.availability_zone", identity.availabilityZone), ("host.id", identity.instanceId),
                ("host.image.id", identity.imageId), ("host.type", identity.instanceType), ("host.name", name),
            ].compactMap { name, value in
                value.flatMap { $0.isEmpty ? nil : DetectedAttribute(name, $0) }
            } + (try await tagAttributes(shown, timeout: timeout))
    }

    /// As `ec2.tag.<key>`.
    private func tagAttributes(_ shown: [(String, String)], timeout: Duration) async throws -> [DetectedAttribute] {
        guard !tags.isEmpty else { return [] }
        let root = "/latest/meta-data/tags/instance"
        let keys = try await service.text(.GET, root, headers: shown, timeout: timeout)
            .split(whereSeparator: \.isNewline).map(String.init).prefix(Self.maximumTags)
        var found: [DetectedAttribute] = []
        for key in keys where tags.contains(where: { $0.matches(key) }) {
            let path = key.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? key
            let value = try await service.text(.GET, "\(root)/\(path)", headers: shown, timeout: timeout)
            found.append(DetectedAttribute("ec2.tag.\(key)", value))
        }
        return found
    }
}
