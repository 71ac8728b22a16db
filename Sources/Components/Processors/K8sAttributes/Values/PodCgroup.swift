import Foundation

/// What a path of a cgroup says of a pod, as kubelet names it under its drivers `cgroupfs`
/// (`kubepods/burstable/podUID/ID`) and `systemd` (`kubepods-burstable-podUID.slice/cri-containerd-ID.scope`, with `_`
/// in place of `-` in the uid).
enum PodCgroup {
    static func podUID(inPath path: String) -> String? {
        guard path.utf8.count <= 4096 else { return nil }
        for component in path.split(separator: "/").reversed() {
            var name = component
            if name.hasSuffix(".slice") { name = name.dropLast(6) }
            let isSystemd = name.contains("kubepods-")
            guard let start = isSystemd ? name.range(of: "-pod")?.upperBound : podPrefix(name) else { continue }
            let uid = name[start...].map { isSystemd && $0 == "_" ? "-" : $0 }
            // A uid has 36 characters; those of static pods have 32.
            let isHexadecimal = uid.allSatisfy { $0.isHexDigit && $0.isASCII || $0 == "-" }
            if isHexadecimal, uid.count == 36 || uid.count == 32 { return String(uid) }
        }
        return nil
    }

    private static func podPrefix(_ name: Substring) -> Substring.Index? {
        name.hasPrefix("pod") ? name.index(name.startIndex, offsetBy: 3) : nil
    }

    /// The last component's 64 hexadecimal digits.
    static func containerID(inPath path: String) -> String? {
        guard path.utf8.count <= 4096, var name = path.split(separator: "/").last else { return nil }
        if name.hasSuffix(".scope") { name = name.dropLast(6) }
        let id = name.suffix(64)
        guard id.utf8.count == 64, id.allSatisfy({ $0.isHexDigit && $0.isASCII }) else { return nil }
        return String(id)
    }
}
