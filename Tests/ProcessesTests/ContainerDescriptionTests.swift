import Foundation
import LiveSupport
import Testing

@testable import Processes

private let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct ContainerDescriptionTests {
    private func write(_ text: String, _ path: String, in folder: TemporaryFolder) throws {
        let file = URL(fileURLWithPath: folder.path(of: "") + path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    @Test func containerdTellsOfKubernetes() throws {
        let folder = try TemporaryFolder()
        try write(
            """
            {"ociVersion": "1.1.0", "process": {"args": ["sh"]}, "annotations": {
              "io.kubernetes.cri.container-name": "web", "io.kubernetes.cri.container-type": "container",
              "io.kubernetes.cri.image-name": "registry.example/web:7", "io.kubernetes.cri.sandbox-name": "web-6d4cf56db6-x",
              "io.kubernetes.cri.sandbox-namespace": "shop", "io.kubernetes.cri.sandbox-uid": "u-1"}}
            """, "/run/containerd/io.containerd.runtime.v2.task/k8s.io/\(id)/config.json", in: folder)
        let found = ContainerDescriptions(root: folder.path(of: "")).description(of: id)
        var expected = ContainerDescription()
        expected.name = "web"
        expected.imageName = "registry.example/web:7"
        expected.podName = "web-6d4cf56db6-x"
        expected.podNamespace = "shop"
        expected.podUID = "u-1"
        #expect(found == expected)
    }

    @Test func crioTellsOfKubernetes() throws {
        let folder = try TemporaryFolder()
        try write(
            """
            {"annotations": {"io.kubernetes.container.name": "db", "io.kubernetes.pod.name": "db-0",
              "io.kubernetes.pod.namespace": "shop", "io.kubernetes.cri-o.ImageName": "quay.example/db:1"}}
            """, "/run/containers/storage/overlay-containers/\(id)/userdata/config.json", in: folder)
        let found = ContainerDescriptions(root: folder.path(of: "")).description(of: id)
        #expect(found?.name == "db" && found?.podName == "db-0" && found?.podNamespace == "shop")
        #expect(found?.imageName == "quay.example/db:1")
    }

    @Test(arguments: [
        (#"{"Name": "/brave_bell", "Config": {"Image": "nginx:1.27", "Labels": {}}}"#, "brave_bell"),
        (#"{"Name": "/shop-web-1", "Config": {"Labels": {"com.docker.compose.service": "web"}}}"#, "web"),
        (#"{"Name": "/k8s_x", "Config": {"Labels": {"io.kubernetes.container.name": "api"}}}"#, "api"),
        (#"{"Name": "/plain"}"#, "plain"),
    ])
    func dockerTellsNames(text: String, name: String) throws {
        let folder = try TemporaryFolder()
        try write(text, "/var/lib/docker/containers/\(id)/config.v2.json", in: folder)
        #expect(ContainerDescriptions(root: folder.path(of: "")).description(of: id)?.name == name)
    }

    @Test(arguments: ["", "{", "[]", "null", #"{"annotations": 3}"#, #"{"annotations": {}}"#, "{\"annotations\": {\"a\": 1}}"])
    func brokenFilesTellNothing(text: String) throws {
        let folder = try TemporaryFolder()
        try write(text, "/run/containerd/io.containerd.runtime.v2.task/k8s.io/\(id)/config.json", in: folder)
        #expect(ContainerDescriptions(root: folder.path(of: "")).description(of: id) == nil)
    }

    /// A runtime writes its file while the container starts; one without any is not looked for for ever.
    @Test func aFileThatComesLaterIsSeen() throws {
        let folder = try TemporaryFolder()
        let descriptions = ContainerDescriptions(root: folder.path(of: ""))
        #expect(descriptions.description(of: id) == nil)
        try write(#"{"Name": "/late"}"#, "/var/lib/docker/containers/\(id)/config.v2.json", in: folder)
        #expect(descriptions.description(of: id)?.name == "late")
        try FileManager.default.removeItem(atPath: folder.path(of: "var"))
        #expect(descriptions.description(of: id)?.name == "late")
    }
}
