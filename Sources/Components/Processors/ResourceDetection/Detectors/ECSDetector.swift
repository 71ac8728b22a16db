import Collector
import Foundation

/// `ecs`: the metadata of this task, version 4 or 3 (Amazon ECS Developer Guide, "Task metadata endpoint").
struct ECSDetector: ResourceDetector {
    private struct Task: Decodable {
        var Cluster: String?
        var TaskARN: String?
        var Family: String?
        var Revision: String?
        var AvailabilityZone: String?
        var LaunchType: String?
    }

    private struct Container: Decodable {
        var ContainerARN: String?
        var LogDriver: String?
    }

    var base: String? = ["ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI"].lazy
        .compactMap { ProcessInfo.processInfo.environment[$0] }.first { !$0.isEmpty }

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        guard let base else { throw CollectorError("not within a task: ECS_CONTAINER_METADATA_URI_V4 is not set") }
        let service = MetadataService(base: base)
        let task = try await service.json(Task.self, "/task", timeout: timeout)
        let container = try? await service.json(Container.self, "", timeout: timeout)
        // arn:aws:ecs:<region>:<account>:task/<cluster>/<id>
        let parts = (task.TaskARN ?? "").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let (region, account) = parts.count > 5 ? (parts[3], parts[4]) : ("", "")
        // The cluster's name or its ARN.
        var cluster = task.Cluster ?? ""
        if !cluster.isEmpty, !cluster.hasPrefix("arn:"), parts.count > 5 {
            cluster = (parts.prefix(5) + ["cluster/\(cluster)"]).joined(separator: ":")
        }
        return [DetectedAttribute("cloud.provider", "aws"), DetectedAttribute("cloud.platform", "aws_ecs")]
            + [
                ("cloud.account.id", account), ("cloud.region", region),
                ("cloud.availability_zone", task.AvailabilityZone ?? ""), ("aws.ecs.cluster.arn", cluster),
                ("aws.ecs.task.arn", task.TaskARN ?? ""), ("aws.ecs.task.family", task.Family ?? ""),
                ("aws.ecs.task.revision", task.Revision ?? ""),
                ("aws.ecs.launchtype", (task.LaunchType ?? "").lowercased()),
                ("aws.ecs.container.arn", container?.ContainerARN ?? ""),
            ].compactMap { name, value in value.isEmpty ? nil : DetectedAttribute(name, value) }
    }
}
