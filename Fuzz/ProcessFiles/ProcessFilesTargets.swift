import Processes

enum ProcessFilesTargets {
    static let all = [
        FuzzTarget("maps", seeds: { Corpus.procFile("/proc/self/maps") }) { bytes in
            _ = MapsParser(parsing: bytes, limit: 64)
            // As it comes from reads that end anywhere.
            var parser = MapsParser()
            var rest = bytes[...]
            while !rest.isEmpty {
                Array(rest.prefix(33)).withUnsafeBytes { parser.consume($0) }
                rest = rest.dropFirst(33)
            }
            parser.finish()
        },
        FuzzTarget("cgroup", seeds: { Corpus.procFile("/proc/self/cgroup") }) { bytes in
            _ = ContainerID.find(inCgroupFile: bytes)
        },
        FuzzTarget("process-context") { bytes in _ = try? ProcessContext(parsing: bytes) },
    ]
}
