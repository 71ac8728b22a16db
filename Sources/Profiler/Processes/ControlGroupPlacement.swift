/// What a control group's path says about who started a process: a container runtime, a Kubernetes pod, a systemd unit.
///
/// | Written by | Path |
/// |---|---|
/// | docker | `/docker/ID`, `/system.slice/docker-ID.scope` |
/// | containerd for Kubernetes | `…/kubepods-burstable-podUID.slice/cri-containerd-ID.scope`, `…UID.slice:cri-containerd:ID` |
/// | CRI-O | `…/crio-ID.scope` |
/// | podman | `…/libpod-ID.scope/container`, `/libpod_parent/libpod-ID` |
/// | kubelet with cgroupfs | `/kubepods/burstable/podUID/ID` |
/// | systemd | `/system.slice/nginx.service`, `/user.slice/user-1000.slice/session-3.scope` |
public struct ControlGroupPlacement: Sendable, Hashable {
    /// `docker`, `containerd`, `cri-o` or `podman`; nil where the path does not tell.
    public var containerRuntime: String?
    /// As Kubernetes writes it: a UUID, or of a static pod 32 hexadecimal digits.
    public var podUID: String?
    /// The innermost unit that is a service, else the innermost that is a scope; nil in a container.
    public var systemdUnit: String?

    /// - Parameter path: of the control group, see `ContainerID.mainPath`.
    public init(path: String) {
        let components = path.split(separator: "/", maxSplits: 64)
        for component in components {
            podUID = Self.podUID(of: component) ?? podUID
            containerRuntime = Self.runtime(of: component) ?? containerRuntime
        }
        guard ContainerID.find(inPath: Array(path.utf8)[...]) == nil else { return }
        // A pod's processes outside of its containers are the runtime's own.
        guard podUID == nil else { return }
        systemdUnit = (components.last { $0.hasSuffix(".service") } ?? components.last { $0.hasSuffix(".scope") })
            .map(Self.unescaped)
    }

    private static let runtimesByPrefix = [
        ("docker-", "docker"), ("cri-containerd-", "containerd"), ("crio-", "cri-o"), ("libpod-", "podman"),
    ]

    private static func runtime(of component: Substring) -> String? {
        if component == "docker" { return "docker" }
        if component.contains(":cri-containerd:") { return "containerd" }
        return runtimesByPrefix.first { component.hasPrefix($0.0) }?.1
    }

    /// Of `pod2d3da189-6407-48e3-9ab6-78188d75e609`, and of `kubepods-burstable-pod2d3da189_6407_….slice`, where systemd's
    /// driver has replaced the dashes, which separate slices from one another.
    private static func podUID(of component: Substring) -> String? {
        var name = component.prefix { $0 != ":" }
        if name.hasSuffix(".slice") { name = name.dropLast(6) }
        if name.hasPrefix("kubepods-") {
            guard let dash = name.lastIndex(of: "-") else { return nil }
            name = name[name.index(after: dash)...]
        }
        guard name.hasPrefix("pod") else { return nil }
        let uid = name.dropFirst(3)
        let isWellFormed = uid.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isWellFormed, uid.utf8.count == 36 || uid.utf8.count == 32 else { return nil }
        return String(uid.map { $0 == "_" ? "-" : $0 })
    }

    /// systemd writes bytes that unit names cannot have as `\x2d` (systemd.unit(5), "String Escaping for Inclusion in Unit
    /// Names").
    private static func unescaped(_ name: Substring) -> String {
        guard name.contains("\\") else { return String(name) }
        var bytes: [UInt8] = []
        var rest = name.utf8[...]
        while let byte = rest.first {
            let digits = rest.dropFirst(2).prefix(2)
            if byte == UInt8(ascii: "\\"), rest.dropFirst().first == UInt8(ascii: "x"), digits.count == 2,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(4)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
