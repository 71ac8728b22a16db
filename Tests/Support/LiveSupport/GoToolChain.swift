import Glibc

/// Go's tool chains on this machine.
public enum GoToolChain {
    /// Paths of `go`: those that `OTELCOL_TEST_GO` names, separated by colons, and those where Debian and the makers
    /// install them.
    public static let all: [String] = {
        let named = getenv("OTELCOL_TEST_GO").map { String(cString: $0) } ?? ""
        let candidates =
            named.split(separator: ":").map(String.init) + installed("/usr/lib/go-*/bin/go")
            + ["/usr/local/go/bin/go"]
        return candidates.filter { access($0, X_OK) == 0 }
    }()

    /// Files by glob(7), sorted.
    private static func installed(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}
