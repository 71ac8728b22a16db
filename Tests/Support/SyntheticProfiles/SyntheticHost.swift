import OTLP
import TestRandomness

/// A made-up host with many distinct stacks: several processes in different languages, deep and shallow call chains,
/// kernel frames on top, some incomplete stacks, and names that try to break a page. The same seed gives the same data.
public struct SyntheticHost {
    private var random: SplitMix64

    public init(seed: UInt64 = 1) {
        random = SplitMix64(seed: seed)
    }

    /// Names that a viewer must show as harmless text.
    public static let hostileNames = [
        "<img src=x onerror=\"window.hostile=1\">",
        "</script><script>window.hostile=1</script>",
        "\u{202E}gnirts desrever",
        "nul\u{0000}bell\u{0007}escape\u{001B}[31m",
        "javascript:window.hostile=1//",
        "\"quoted\" 'name' `backtick` ${window.hostile=1}",
        "\u{5E9}\u{5DC}\u{5D5}\u{5DD} \u{627}\u{644}",
        String(repeating: "very_long_", count: 1000),
        "\u{1F525}\u{0301}\u{0301}\u{0301} zalgo & <b>bold</b>",
    ]

    private struct Language {
        var kind: String
        var modules: [String]
        var prefixes: [String]
        var fileSuffix: String
    }

    private static let languages = [
        Language(
            kind: "native", modules: ["postgres", "libc.so.6", "libcrypto.so.3"],
            prefixes: ["Exec", "Plan", "heap_", "index_", "std::vector<int>::", "hash_"], fileSuffix: ".c"),
        Language(
            kind: "jvm", modules: [""], prefixes: ["void com.shop.order.Service.", "int java.util.HashMap."],
            fileSuffix: ".java"),
        Language(kind: "cpython", modules: [""], prefixes: ["handle_", "render_", "parse_"], fileSuffix: ".py"),
        Language(kind: "v8js", modules: [""], prefixes: ["async ", "on", "emit"], fileSuffix: ".js"),
        Language(kind: "go", modules: ["gateway"], prefixes: ["net/http.", "runtime.", "main."], fileSuffix: ".go"),
        Language(kind: "ruby", modules: [""], prefixes: ["Rack#", "Order#"], fileSuffix: ".rb"),
    ]

    private static let executables = [
        "/usr/lib/postgresql/bin/postgres", "/usr/bin/java", "/usr/bin/python3.11", "/usr/bin/node",
        "/srv/bin/gateway", "/usr/bin/<img src=x onerror=window.hostile=1>",
    ]

    /// One message with `distinctStacks` different stacks, their samples spread over `window` (seconds since 1970).
    public mutating func message(distinctStacks: Int, window: Range<UInt64>)
        -> Opentelemetry_Proto_Profiles_V1development_ProfilesData
    {
        var builder = ProfileMessageBuilder()
        var made = 0
        var seen: Set<[ProfileMessageBuilder.Frame]> = []
        while made < distinctStacks {
            let index = Int(random.next() % UInt64(Self.executables.count))
            let stack = self.stack(Self.languages[index])
            guard seen.insert(stack).inserted else { continue }
            let length = UInt64(window.count) * 1_000_000_000
            let weight = 1 + Int(random.next() % 4) * Int(random.next() % 4)
            let times = (0..<weight).map { _ in window.lowerBound * 1_000_000_000 + random.next() % length }.sorted()
            let worker = Int64(random.next() % 8)
            builder.add(
                stack,
                process: .init(
                    pid: 1000 + Int64(index) * 10 + worker % 2, executablePath: Self.executables[index]),
                threadName: "worker-\(worker)", tid: 5000 + Int64(index) * 100 + worker, timestampsUnixNano: times)
            made += 1
        }
        return builder.message(timeUnixNano: window.lowerBound * 1_000_000_000)
    }

    private mutating func stack(_ language: Language) -> [ProfileMessageBuilder.Frame] {
        var frames = [
            ProfileMessageBuilder.Frame("_start", module: language.modules[0], kind: "native"),
            ProfileMessageBuilder.Frame(
                "main", file: "main\(language.fileSuffix)", line: 42, module: language.modules[0], kind: language.kind),
        ]
        let depth = 4 + Int(random.next() % 36)
        // Each level chooses among few callees, fewer for hot ones: the tree stays a tree and not a comb.
        var path: UInt64 = 0
        for level in 0..<depth {
            let choice = min(random.next() % 6, random.next() % 6, random.next() % 6, random.next() % 6)
            path = path &* 31 &+ choice
            let number = (path ^ UInt64(level) &* 7919) % 4000
            let prefix = language.prefixes[Int(number % UInt64(language.prefixes.count))]
            frames.append(
                .init(
                    "\(prefix)operation_\(number)", file: "source_\(number % 97)\(language.fileSuffix)",
                    line: Int64(number % 900) + 1, module: language.modules[Int(number % UInt64(language.modules.count))],
                    kind: language.kind))
        }
        switch random.next() % 20 {
        case 0:
            let name = Self.hostileNames[Int(random.next() % UInt64(Self.hostileNames.count))]
            frames.append(.init(name, file: name, line: 1, module: "", kind: language.kind))
        case 1:
            frames[0] = .init("no unwind table for this address", kind: "abort-marker")
        case 2...7:
            for name in ["entry_SYSCALL_64_after_hwframe", "do_syscall_64", "ksys_read", "vfs_read"] {
                frames.append(.init(name, module: "vmlinux", kind: "kernel"))
            }
        default: break
        }
        return frames.reversed()
    }
}
