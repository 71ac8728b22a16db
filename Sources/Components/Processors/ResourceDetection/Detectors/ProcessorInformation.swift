import Foundation

/// `host.cpu.*` of the first processor, as `/proc/cpuinfo` has it (proc_cpuinfo(5)); the names are those of the
/// semantic conventions for hosts.
enum ProcessorInformation {
    private static let names: [(field: String, attribute: String)] = [
        ("vendor_id", "host.cpu.vendor.id"), ("cpu family", "host.cpu.family"), ("model", "host.cpu.model.id"),
        ("model name", "host.cpu.model.name"), ("stepping", "host.cpu.stepping"),
        ("cache size", "host.cpu.cache.l2.size"),
        // arm64 has other fields.
        ("CPU implementer", "host.cpu.vendor.id"), ("CPU architecture", "host.cpu.family"),
        ("CPU part", "host.cpu.model.id"), ("CPU revision", "host.cpu.stepping"),
    ]
    private static let maximumBytes = 16 << 10

    static func read(path: String = "/proc/cpuinfo") -> [DetectedAttribute] {
        guard let file = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? file.close() }
        let bytes = (try? file.read(upToCount: maximumBytes)) ?? Data()
        return parse(String(decoding: bytes, as: UTF8.self))
    }

    static func parse(_ text: String) -> [DetectedAttribute] {
        var found: [DetectedAttribute] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            // An empty line ends the first processor.
            if line.isEmpty, !found.isEmpty { break }
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2, let name = names.first(where: { $0.field == parts[0] })?.attribute else { continue }
            if name == "host.cpu.cache.l2.size" {
                // In KiB in the file, in bytes in the conventions.
                guard let size = parts[1].split(separator: " ").first.flatMap({ Int64($0) }),
                    size < Int64.max >> 10
                else { continue }
                found.append(DetectedAttribute(name, .integer(size << 10), isOnByDefault: false))
            } else {
                found.append(DetectedAttribute(name, parts[1], isOnByDefault: false))
            }
        }
        return found
    }
}
