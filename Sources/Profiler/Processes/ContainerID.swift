/// Finds container ids in cgroup paths by the rule of the OpenTelemetry eBPF profiler: the path ends in 64 lower-case
/// hexadecimal digits, or in 32 of them, "-" and decimal digits (AWS ECS); after that come at most ".scope" and one
/// component of lower-case letters. What precedes is not looked at, so docker, containerd, cri-o and podman all match,
/// under cgroupfs and under systemd.
public enum ContainerID {
    /// - Parameter text: content of `/proc/PID/cgroup`, lines of `number:controllers:path` (cgroups(7)).
    /// - Returns: the id of the first line that has one.
    public static func find(inCgroupFile text: [UInt8]) -> String? {
        for path in cgroupPaths(inCgroupFile: text) {
            if let id = find(inPath: path.path) { return id }
        }
        return nil
    }

    /// The container id at the end of a cgroup path.
    public static func find(inPath path: ArraySlice<UInt8>) -> String? {
        if let id = findAtEnd(of: path) { return id }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")), slash &+ 1 < path.endIndex,
            path[(slash &+ 1)...].allSatisfy({ (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) })
        else { return nil }
        return findAtEnd(of: path[..<slash])
    }

    private static func findAtEnd(of path: ArraySlice<UInt8>) -> String? {
        var path = path
        if path.suffix(6).elementsEqual(".scope".utf8) { path = path.dropLast(6) }
        let long = path.suffix(64)
        if long.count == 64, long.allSatisfy(isHexadecimal) { return String(decoding: long, as: UTF8.self) }
        let beforeDigits = path.lastIndex { !isDecimal($0) }
        guard let dash = beforeDigits, path[dash] == UInt8(ascii: "-"), dash &+ 1 < path.endIndex else { return nil }
        let short = path[..<dash].suffix(32)
        guard short.count == 32, short.allSatisfy(isHexadecimal) else { return nil }
        return String(decoding: path[short.startIndex...], as: UTF8.self)
    }

    private static func isDecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDecimal(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    /// The path that says most about where a process belongs: the one with a container id, else that of cgroup version
    /// 2, else the first that is not the root.
    public static func mainPath(inCgroupFile text: [UInt8]) -> String? {
        let paths = cgroupPaths(inCgroupFile: text)
        let root = [UInt8(ascii: "/")]
        let best =
            paths.first { find(inPath: $0.path) != nil }
            ?? paths.first { $0.isVersion2 && !$0.path.elementsEqual(root) }
            ?? paths.first { !$0.path.elementsEqual(root) } ?? paths.first
        return best.map { String(decoding: $0.path, as: UTF8.self) }
    }

    static func cgroupPaths(inCgroupFile text: [UInt8]) -> [(isVersion2: Bool, path: ArraySlice<UInt8>)] {
        text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3, !fields[0].isEmpty, fields[0].allSatisfy(isDecimal) else { return nil }
            return (fields[1].isEmpty, fields[2])
        }
    }
}
