import Testing

@testable import ProfilingMetricsConnector

@Suite struct NameRulesTests {
    static let libraries: [(String, String?)] = [
        ("libc.so.6", "libc"), ("/usr/lib/libc.so", "libc"), ("libstdc++.so.6.0.30", "libstdc++"),
        ("ld-linux-x86-64.so.2", "ld-linux-x86-64"), ("libpython3.12.so.1.0", "libpython3.12"),
        ("_ssl.cpython-311-x86_64-linux-gnu.so", "_ssl.cpython-311-x86_64-linux-gnu"),
        ("linux-vdso.so.1", "linux-vdso"), ("libz.so.1.so.2", "libz.so.1"), ("a.so/b.so.1", "b"),
        ("python3.11", nil), ("[vdso]", nil), (".so", nil), ("", nil),
        // The pattern of Elastic's connector takes these for libraries.
        ("foo.sock", nil), ("my.software", nil), ("some.so/", nil), ("libx.so.old.sock", "libx"),
    ]

    @Test(arguments: libraries) func sharedLibrary(file: String, name: String?) {
        #expect(FunctionNames.sharedLibrary(fileName: file) == name)
    }

    static let packages: [(String, String)] = [
        ("runtime.gcBgMarkWorker.func2", "runtime"), ("runtime.(*mspan).typePointersOfUnchecked", "runtime"),
        (
            "github.com/elastic/elastic-agent-libs/mapstr.M.GetValue",
            "github.com/elastic/elastic-agent-libs/mapstr"
        ),
        (
            "github.com/elastic/beats/v7/metricbeat/helper/prometheus.(*prometheus).ProcessMetrics",
            "github.com/elastic/beats/v7/metricbeat/helper/prometheus"
        ),
        ("internal/runtime/maps.(*Map).getWithoutKeySmallFastStr", "internal/runtime/maps"),
        ("github.com/google/uuid.NewRandom", "github.com/google/uuid"), ("syscall.RawSyscall6", "syscall"),
        ("no_dot", "no_dot"), ("a/b", "a/b"), ("", ""),
    ]

    @Test(arguments: packages) func goPackage(function: String, package: String) {
        #expect(FunctionNames.goPackage(function) == package)
    }

    static let classes: [(String, String)] = [
        (
            "void sun.security.provider.DigestBase.engineUpdate(byte[], int, int)",
            "sun.security.provider.DigestBase"
        ),
        (
            "int org.apache.lucene.search.Weight$DefaultBulkScorer.score(a, b)",
            "org.apache.lucene.search.Weight$DefaultBulkScorer"
        ),
        (
            "void org.apache.lucene.search.LeafCollector$$Lambda+<hidden>.accept(int)",
            "org.apache.lucene.search.LeafCollector$$Lambda+<hidden>"
        ),
        (
            "void org.elasticsearch.blobcache.shared.S$CacheFileRegion.lambda$fillGapRunnable$13(x)",
            "org.elasticsearch.blobcache.shared.S$CacheFileRegion"
        ),
        ("void some.package.MyClass.myMethod()", "some.package.MyClass"), ("void MyClass.myMethod()", ".MyClass"),
        ("MyClass.constructor()", ".MyClass"), ("void OuterClass$InnerClass.innerMethod()", ".OuterClass$InnerClass"),
        ("vtable_stub", ".vtable_stub"), ("", "."),
    ]

    @Test(arguments: classes) func javaClass(function: String, name: String) {
        #expect(FunctionNames.javaClass(function) == name)
    }

    static let systemCalls: [(String, String?)] = [
        ("__x64_sys_read", "read"), ("__arm64_sys_mmap", "mmap"), ("ksys_write", "write"),
        ("ksys_mmap_pgoff", "mmap_pgoff"), ("__x64_sys_futex.cold", "futex"), ("__ia32_sys_read", nil),
        ("__ia32_compat_sys_read", nil), ("__x64_compat_sys_read", nil), ("__arm64_compat_sys_read", nil),
        ("__se_sys_read", nil), ("__do_sys_read", nil), ("do_syscall_64", nil), ("el0_svc_common", nil),
        ("x64_sys_call", nil), ("ksys_", nil), ("__x64_sys_.cold", nil), ("a__x64_sys_read", nil), ("", nil),
    ]

    @Test(arguments: systemCalls) func systemCall(function: String, name: String?) {
        #expect(KernelRules.systemCall(function) == name)
    }

    /// Every prefix and fragment of the table, and what nearly is one.
    static let kernelNames: [(String, UInt8)] = [
        ("tcp_recvmsg", 1), ("tcp_read_sock", 1), ("tcp_rcv_established", 1), ("tcp_v4_rcv", 1), ("tcp_v6_rcv", 1),
        ("tcp_sendmsg_locked", 2), ("tcp_transmit_skb", 2), ("tcp_write_xmit", 2), ("tcp_push", 2),
        ("tcp_sendpage", 2), ("udp_recvmsg", 3), ("udp_read_skb", 3), ("udp_rcv", 3), ("udp_v4_rcv", 3),
        ("udp_v6_rcv", 3), ("udp_sendmsg", 4), ("udp_write", 4), ("udp_push_pending_frames", 4), ("udp_sendpage", 4),
        ("pipe_read", 5), ("pipe_read_iter", 5), ("eventfd_read", 5), ("unix_stream_read_generic", 5),
        ("unix_stream_recvmsg", 5), ("pipe_write", 6), ("eventfd_write", 6), ("unix_stream_write_generic", 6),
        ("unix_stream_sendmsg", 6), ("sock_recvmsg", 7), ("__sock_recvmsg", 7), ("sock_read_iter", 7),
        ("sock_sendmsg", 8), ("__sock_sendmsg", 8), ("sock_write_iter", 8), ("ext4_file_read_iter", 9),
        ("xfs_file_read_iter", 9), ("btrfs_file_read_iter", 9), ("filemap_read", 9), ("generic_file_read_iter", 9),
        ("ext4_file_write_iter", 10), ("xfs_file_write_iter", 10), ("btrfs_file_write_iter", 10),
        ("filemap_write_and_wait", 10), ("generic_file_write_iter", 10), ("writeback_sb_inodes", 10),
        ("do_mmap", 11), ("do_anonymous_page", 11), ("handle_mm_fault", 11), ("alloc_pages_mpol", 11),
        ("free_pages", 11), ("__x64_do_munmap", 11), ("mmap_read_lock", 11), ("do_madvise", 11), ("schedule", 12),
        ("schedule_timeout", 12), ("wake_up_q", 12), ("wake_q_add", 12), ("do_futex", 12), ("__schedule", 12),
        ("anon_pipe_read", 5), ("fifo_pipe_read", 5), ("anon_pipe_write", 6), ("fifo_pipe_write", 6),
        ("__vm_munmap", 11), ("do_vmi_align_munmap", 11), ("__tcp_transmit_skb", 0),
        ("tcp_v4_do_rcv", 0), ("wake_up", 0), ("__alloc_pages", 0), ("do_softirq", 0),
        ("", 0),
    ]

    @Test(arguments: kernelNames) func kernelClass(function: String, number: UInt8) {
        #expect(KernelRules.classify(function).number == number)
    }
}
