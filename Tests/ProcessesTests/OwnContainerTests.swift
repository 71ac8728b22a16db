import LiveSupport
import Testing

@testable import Processes

struct OwnContainerTests {
    private let id = String(repeating: "0f", count: 32)

    @Test func theOwnCgroupIsFoundAmongTheHosts() throws {
        let host = try TemporaryFolder()
        let other = String(repeating: "ab", count: 32)
        try Command.runBlocking([
            "mkdir", "-p", host.path(of: "kubepods.slice/pod1/cri-containerd-\(id).scope"),
            host.path(of: "kubepods.slice/pod1/cri-containerd-\(other).scope"), host.path(of: "system.slice/ssh.service"),
        ])
        let own = host.path(of: "kubepods.slice/pod1/cri-containerd-\(id).scope")
        #expect(ContainerID.own(root: own, hostRoot: host.path) == id)
        #expect(ContainerID.own(root: host.path(of: "system.slice/ssh.service"), hostRoot: host.path) == nil)
        #expect(ContainerID.own(root: host.path, hostRoot: host.path) == nil)
        #expect(ContainerID.own(root: "/no/such/folder", hostRoot: host.path) == nil)
        #expect(ContainerID.own(root: own, hostRoot: "/no/such/folder") == nil)
    }
}
