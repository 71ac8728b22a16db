import Glibc

/// What this machine calls itself.
public struct HostIdentity: Sendable, Equatable {
    public var id: String
    public var name: String
    /// `amd64` or `arm64`, as the semantic conventions name them.
    public var architecture: String
    /// The kernel's release.
    public var kernel: String

    /// From `/etc/machine-id`, which the semantic conventions name for `host.id`; without it, the host's name.
    public static func current() -> HostIdentity {
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
            let text = bytes.prefix(count).prefix(while: isHexadecimalDigit)
            if text.count == 32 { return String(decoding: text, as: UTF8.self) }
        }
        return nil
    }

    private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
