import Glibc

/// What this machine is called, for profiles that do not say where they come from.
struct HostIdentity: Sendable, Equatable {
    var id: String
    var name: String
    /// `amd64` or `arm64`, as the semantic conventions name them.
    var architecture: String
    /// The kernel's release.
    var kernel: String

    /// From `/etc/machine-id`, which the semantic conventions name for `host.id`; without it, the host's name.
    static func current() -> HostIdentity {
        var names = utsname()
        guard uname(&names) == 0 else { return HostIdentity(id: "", name: "", architecture: "", kernel: "") }
        let name = withUnsafeBytes(of: &names.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let machine = withUnsafeBytes(of: &names.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let release = withUnsafeBytes(of: &names.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let architectures = ["x86_64": "amd64", "aarch64": "arm64"]
        return HostIdentity(
            id: machineID() ?? name, name: name, architecture: architectures[machine] ?? machine, kernel: release)
    }

    private static func machineID() -> String? {
        for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
            guard let file = fopen(path, "r") else { continue }
            defer { fclose(file) }
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = fread(&bytes, 1, bytes.count, file)
            let text = bytes.prefix(count).prefix { Hexadecimal.value(of: $0) != nil }
            if text.count == 32 { return String(decoding: text, as: UTF8.self) }
        }
        return nil
    }
}
