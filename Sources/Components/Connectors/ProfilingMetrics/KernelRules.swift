/// What kernel code works on. A lower number has priority over the whole stack; 0 is none.
///
/// The rules are those of Elastic's profilingmetrics connector, whose dashboards read the attributes, and the names
/// that newer kernels gave the same functions: `anon_pipe_read` (fs/pipe.c, Linux 6.14), `do_vmi_munmap` (mm/vma.c).
struct KernelClass: Hashable, Sendable {
    var number: UInt8

    static let none = KernelClass(number: 0)
    static let tcpRead = KernelClass(number: 1)
    static let tcpWrite = KernelClass(number: 2)

    struct Attributes: Sendable {
        var area: String
        /// Protocol and direction; empty when the class says nothing of it.
        var proto: String = ""
        var io: String = ""
    }

    /// Nil for `none`.
    var attributes: Attributes? {
        let index = Int(number) - 1
        return KernelRules.classes.indices.contains(index) ? KernelRules.classes[index].attributes : nil
    }

    /// True if this class, seen anywhere in a stack, replaces `other`.
    func hasPriority(over other: KernelClass) -> Bool {
        self != .none && (other == .none || number < other.number)
    }
}

enum KernelRules {
    struct Rule: Sendable {
        var attributes: KernelClass.Attributes
        var prefixes: [String]
        /// Anywhere in the name.
        var fragments: [String] = []
    }

    /// In order of priority: class n is element n - 1.
    static let classes: [Rule] = [
        Rule(
            attributes: .init(area: "network", proto: "tcp", io: "read"),
            prefixes: ["tcp_recvmsg", "tcp_read", "tcp_rcv", "tcp_v4_rcv", "tcp_v6_rcv"]),
        Rule(
            attributes: .init(area: "network", proto: "tcp", io: "write"),
            prefixes: ["tcp_sendmsg", "tcp_transmit", "tcp_write", "tcp_push", "tcp_sendpage"]),
        Rule(
            attributes: .init(area: "network", proto: "udp", io: "read"),
            prefixes: ["udp_recvmsg", "udp_read", "udp_rcv", "udp_v4_rcv", "udp_v6_rcv"]),
        Rule(
            attributes: .init(area: "network", proto: "udp", io: "write"),
            prefixes: ["udp_sendmsg", "udp_write", "udp_push", "udp_sendpage"]),
        Rule(
            attributes: .init(area: "ipc", io: "read"),
            prefixes: [
                "pipe_read", "anon_pipe_read", "fifo_pipe_read", "eventfd_read", "unix_stream_read_generic",
                "unix_stream_recvmsg",
            ]),
        Rule(
            attributes: .init(area: "ipc", io: "write"),
            prefixes: [
                "pipe_write", "anon_pipe_write", "fifo_pipe_write", "eventfd_write", "unix_stream_write_generic",
                "unix_stream_sendmsg",
            ]),
        Rule(
            attributes: .init(area: "network", proto: "other", io: "read"),
            prefixes: ["sock_recvmsg", "__sock_recvmsg", "sock_read_iter"]),
        Rule(
            attributes: .init(area: "network", proto: "other", io: "write"),
            prefixes: ["sock_sendmsg", "__sock_sendmsg", "sock_write_iter"]),
        Rule(
            attributes: .init(area: "disk", io: "read"),
            prefixes: [
                "ext4_file_read_iter", "xfs_file_read_iter", "btrfs_file_read_iter", "filemap_read",
                "generic_file_read_iter",
            ]),
        Rule(
            attributes: .init(area: "disk", io: "write"),
            prefixes: [
                "ext4_file_write_iter", "xfs_file_write_iter", "btrfs_file_write_iter", "filemap_write",
                "generic_file_write_iter", "writeback_sb_inodes",
            ]),
        Rule(
            attributes: .init(area: "memory"),
            prefixes: ["do_mmap", "do_anonymous_page", "handle_mm_fault", "alloc_pages", "free_pages"],
            fragments: ["do_munmap", "mmap_", "madvise", "vm_munmap", "do_vmi_"]),
        Rule(
            attributes: .init(area: "synchronization"), prefixes: ["schedule", "wake_up_", "wake_q_"],
            fragments: ["futex", "__schedule"]),
    ]

    private struct Prefix: Sendable {
        var bytes: [UInt8]
        var kernelClass: KernelClass
    }

    /// All prefixes by their first byte, in order of priority.
    private static let prefixes: [[Prefix]] = {
        var table = [[Prefix]](repeating: [], count: 256)
        for (index, rule) in classes.enumerated() {
            for prefix in rule.prefixes {
                let bytes = Array(prefix.utf8)
                guard let first = bytes.first else { continue }
                table[Int(first)].append(Prefix(bytes: bytes, kernelClass: KernelClass(number: UInt8(index + 1))))
            }
        }
        return table
    }()

    private static let fragments: [Prefix] = classes.enumerated().flatMap { index, rule in
        rule.fragments.map { Prefix(bytes: Array($0.utf8), kernelClass: KernelClass(number: UInt8(index + 1))) }
    }

    /// The class of a kernel function's name: that with the lowest number which the name fits.
    static func classify(_ name: String) -> KernelClass {
        var name = name
        return name.withUTF8 { name in
            guard let first = name.first else { return .none }
            var best = prefixes[Int(first)].first { name.starts(with: $0.bytes) }?.kernelClass ?? .none
            for fragment in fragments
            where fragment.kernelClass.hasPriority(over: best) && ByteSearch.contains(name, fragment.bytes) {
                best = fragment.kernelClass
            }
            return best
        }
    }

    private static let systemCallPrefixes = ["__x64_sys_", "__arm64_sys_", "ksys_"].map { Array($0.utf8) }

    /// The system call that a kernel function implements: `__x64_sys_read` → `read`.
    static func systemCall(_ name: String) -> String? {
        var name = name
        return name.withUTF8 { name -> String? in
            for prefix in systemCallPrefixes where name.starts(with: prefix) {
                let word = name[prefix.count...].prefix { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
                return word.isEmpty ? nil : String(decoding: word, as: UTF8.self)
            }
            return nil
        }
    }

    /// The class of a whole stack: near the leaf of a write to the same host runs the code that receives it.
    static func corrected(_ kernelClass: KernelClass, systemCall: String?) -> KernelClass {
        kernelClass == .tcpRead && systemCall == "write" ? .tcpWrite : kernelClass
    }
}

enum ByteSearch {
    static func contains(_ text: UnsafeBufferPointer<UInt8>, _ word: [UInt8]) -> Bool {
        guard let first = word.first, text.count >= word.count else { return word.isEmpty }
        for start in 0...(text.count - word.count) where text[start] == first {
            if UnsafeBufferPointer(rebasing: text[start..<(start + word.count)]).elementsEqual(word) { return true }
        }
        return false
    }

    /// Offsets at which `word` begins, the last one first.
    static func lastOccurrence(
        _ text: Substring.UTF8View, of word: [UInt8], where fits: (Substring.UTF8View) -> Bool
    ) -> Substring.UTF8View.Index? {
        var end = text.endIndex
        while end > text.startIndex {
            let start = text.index(before: end)
            if text[start...].starts(with: word) {
                let behind = text[text.index(start, offsetBy: word.count)...]
                if fits(behind) { return start }
            }
            end = start
        }
        return nil
    }
}
