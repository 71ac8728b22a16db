import Collector

/// `azure`: the instance metadata service (Microsoft Learn, "Azure Instance Metadata Service").
struct AzureDetector: ResourceDetector {
    private struct Compute: Decodable {
        var location: String?
        var name: String?
        var vmId: String?
        var vmSize: String?
        var vmScaleSetName: String?
        var subscriptionId: String?
        var resourceGroupName: String?
        var osProfile: Profile?

        struct Profile: Decodable {
            var computerName: String?
        }
    }

    var service = MetadataService(base: "http://169.254.169.254")

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        let compute = try await service.json(
            Compute.self, "/metadata/instance/compute?api-version=2020-09-01&format=json",
            headers: [("Metadata", "true")], timeout: timeout)
        return [DetectedAttribute("cloud.provider", "azure"), DetectedAttribute("cloud.platform", "azure_vm")]
            + [
                ("cloud.region", compute.location), ("cloud.account.id", compute.subscriptionId),
                ("host.id", compute.vmId), ("host.name", compute.osProfile?.computerName ?? compute.name),
                ("azure.vm.name", compute.name), ("azure.vm.size", compute.vmSize),
                ("azure.vm.scaleset.name", compute.vmScaleSetName),
                ("azure.resourcegroup.name", compute.resourceGroupName),
            ].compactMap { name, value in
                value.flatMap { $0.isEmpty ? nil : DetectedAttribute(name, $0) }
            }
    }
}
