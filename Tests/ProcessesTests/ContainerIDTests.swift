import Testing

@testable import Processes

private let id64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
private let id32 = "93edd7add2e7b9901bb36b757a6d5536"

struct ContainerIDTests {
    @Test(arguments: [
        ("/docker/\(id64)", id64),
        ("/system.slice/docker-\(id64).scope", id64),
        ("/kubepods.slice/kubepods-pod1.slice/cri-containerd-\(id64).scope", id64),
        ("/kubepods/besteffort/pod2d3da189-6407-48e3-9ab6-78188d75e609/\(id64)", id64),
        ("/kubepods.slice/crio-\(id64).scope", id64),
        ("/kubepods.slice/crio-conmon-\(id64).scope", id64),
        ("/machine.slice/libpod-\(id64).scope/container", id64),
        ("/ecs/task/\(id32)-1234567890", "\(id32)-1234567890"),
        ("/../../docker-\(id64).scope", id64),
        ("/docker/\(id64)/init", id64),
        ("/a:b/\(id64)", id64),
    ]) func findsIDs(path: String, id: String) {
        #expect(ContainerID.find(inCgroupFile: Array("0::\(path)\n".utf8)) == id)
    }

    @Test(arguments: [
        "/", "", "/system.slice/ssh.service", "/process_api/\(id32)", "/docker/\(id64.uppercased())",
        "/docker/\(id64.dropFirst())", "/docker/\(id64)/a/b", "/docker/\(id64)/Init", "/docker/\(id64).service",
        "/ecs/task/\(id32)-", "/ecs/task/\(id32.dropFirst())-1", "/pod/2d3da189-6407-48e3-9ab6-78188d75e609",
        "/docker/\(id64)/", "/docker/\(id64).scope.scope", "/\(id32)-1-2",
    ]) func findsNoneElsewhere(path: String) {
        #expect(ContainerID.find(inCgroupFile: Array("0::\(path)\n".utf8)) == nil)
    }

    @Test func theFirstLineThatMatchesWins() {
        let other = String(id64.reversed())
        let text = Array("12:cpu:/\n11:memory:/docker/\(id64)\n1:name=systemd:/docker/\(other)\n0::/x\n".utf8)
        #expect(ContainerID.find(inCgroupFile: text) == id64)
        #expect(ContainerID.mainPath(inCgroupFile: text) == "/docker/\(id64)")
        #expect(ContainerID.mainPath(inCgroupFile: Array("4:memory:/a\n0::/b\n".utf8)) == "/b")
        #expect(ContainerID.mainPath(inCgroupFile: Array("4:memory:/a\n0::/\n".utf8)) == "/a")
        #expect(ContainerID.mainPath(inCgroupFile: Array("0::/\n".utf8)) == "/")
        #expect(ContainerID.mainPath(inCgroupFile: Array("nonsense\n::\nx::/a\n".utf8)) == nil)
    }
}
