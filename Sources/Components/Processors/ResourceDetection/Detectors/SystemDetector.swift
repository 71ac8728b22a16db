import Collector
import ExporterSupport
import Glibc
import HostIdentity
import OTLP

/// `system`: this host, by its own kernel and files.
struct SystemDetector: ResourceDetector {
    var hostNameSources: [String]

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        let sources = hostNameSources
        // The resolver blocks.
        let name = try await BlockingWork(label: "otelcol-hostname").run {
            sources.lazy.compactMap(Self.hostName).first ?? ""
        }
        let host = HostIdentity.current()
        var found: [DetectedAttribute] = []
        if !name.isEmpty { found.append(DetectedAttribute("host.name", name)) }
        found.append(DetectedAttribute("os.type", "linux"))
        func option(_ name: String, _ text: String) {
            if !text.isEmpty { found.append(DetectedAttribute(name, text, isOnByDefault: false)) }
        }
        option("host.id", host.id)
        option("host.arch", host.architecture)
        option("os.description", "Linux \(host.kernel)")
        option("os.version", host.kernel)
        found += ProcessorInformation.read()
        let addresses = Self.addresses()
        func list(_ name: String, _ texts: [String]) {
            if texts.isEmpty { return }
            found.append(
                DetectedAttribute(
                    name, OTLPAnyValue.with { $0.arrayValue.values = texts.map { .string($0) } }, isOnByDefault: false))
        }
        list("host.ip", addresses.internet)
        list("host.mac", addresses.hardware)
        return found
    }

    /// Nil if the source has no name.
    private static func hostName(_ source: String) -> String? {
        let own = HostIdentity.current().name
        guard source != "os" else { return own.isEmpty ? nil : own }
        // The name by which the resolver knows this host in full.
        var hints = addrinfo()
        hints.ai_flags = AI_CANONNAME
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(own, nil, &hints, &list) == 0 else { return nil }
        defer { freeaddrinfo(list) }
        guard let name = list?.pointee.ai_canonname else { return nil }
        let text = String(cString: name)
        // What is but a name for the loopback says nothing.
        return text.isEmpty || text == "localhost" ? nil : text
    }

    /// Those of interfaces that are up, without the loopback's.
    private static func addresses() -> (internet: [String], hardware: [String]) {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return ([], []) }
        defer { freeifaddrs(list) }
        var internet: [String] = []
        var hardware: [String] = []
        var next = list
        while let entry = next {
            next = entry.pointee.ifa_next
            let flags = entry.pointee.ifa_flags
            guard flags & UInt32(IFF_UP) != 0, flags & UInt32(IFF_LOOPBACK) == 0, let address = entry.pointee.ifa_addr
            else { continue }
            switch Int32(address.pointee.sa_family) {
            case AF_INET, AF_INET6:
                var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
                let isVersion4 = Int32(address.pointee.sa_family) == AF_INET
                let size = isVersion4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
                guard
                    getnameinfo(address, socklen_t(size), &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
                else { continue }
                let bytes = text.prefix { $0 != 0 && $0 != 37 }.map { UInt8(bitPattern: $0) }
                internet.append(String(decoding: bytes, as: UTF8.self))
            case AF_PACKET:
                // struct sockaddr_ll of linux/if_packet.h: the length of the address at 11, the address at 12.
                let link = UnsafeRawBufferPointer(start: address, count: 20)
                let bytes = Array(link[12..<18])
                if link[11] == 6, bytes.contains(where: { $0 != 0 }) {
                    hardware.append(bytes.map(Self.hexadecimal).joined(separator: "-"))
                }
            default: break
            }
        }
        return (internet, hardware)
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16, uppercase: true)
        return text.count == 1 ? "0" + text : text
    }
}
