import Testing

@testable import Processes

private let id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
private let uid = "2d3da189-6407-48e3-9ab6-78188d75e609"
private let escapedUID = "2d3da189_6407_48e3_9ab6_78188d75e609"

struct ControlGroupPlacementTests {
    @Test(arguments: [
        ("/docker/\(id)", "docker", nil),
        ("/system.slice/docker-\(id).scope", "docker", nil),
        ("/kubepods/besteffort/pod\(uid)/\(id)", nil, uid),
        ("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(escapedUID).slice/cri-containerd-\(id).scope",
            "containerd", uid),
        ("/kubepods.slice/kubepods-pod\(escapedUID).slice/crio-\(id).scope/container", "cri-o", uid),
        ("/system.slice/containerd.service/kubepods-besteffort-pod\(escapedUID).slice:cri-containerd:\(id)",
            "containerd", uid),
        // A static pod's uid is a checksum of its manifest.
        ("/kubepods/burstable/poda1b2c3d4e5f60718293a4b5c6d7e8f90/\(id)", nil, "a1b2c3d4e5f60718293a4b5c6d7e8f90"),
        ("/machine.slice/libpod-\(id).scope/container", "podman", nil),
    ] as [(String, String?, String?)])
    func knowsContainers(path: String, runtime: String?, podUID: String?) {
        let placement = ControlGroupPlacement(path: path)
        #expect(placement.containerRuntime == runtime && placement.podUID == podUID && placement.systemdUnit == nil)
    }

    @Test(arguments: [
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"),
        ("/system.slice/nginx.service/workers", "nginx.service"),
        ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox.scope", "user@1000.service"),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service", "sync.service"),
        ("/system.slice/my\\x2dweb\\x40x.service", "my-web@x.service"),
        ("/system.slice/odd\\x2.service", "odd\\x2.service"),
        ("/", nil), ("", nil), ("/a/b", nil), ("/podnothing/x", nil),
    ] as [(String, String?)])
    func knowsUnits(path: String, unit: String?) {
        #expect(ControlGroupPlacement(path: path).systemdUnit == unit)
        #expect(ControlGroupPlacement(path: path).podUID == nil)
    }

    /// What a process may call its control groups, if it may make any.
    @Test(arguments: ["/pod/", "/pod-", "/kubepods-", "/kubepods-.slice/x", "/pod\(uid.uppercased())/\(id)", "//", "/\\x"])
    func oddPathsTellNothing(path: String) {
        #expect(ControlGroupPlacement(path: path).podUID == nil)
    }
}
