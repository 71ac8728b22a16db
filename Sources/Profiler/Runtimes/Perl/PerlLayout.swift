import ObjectFiles

/// Where Perl keeps what is read of it: offsets in bytes within the structs named, the same on x86_64 and arm64, with
/// threads and without. What is the same in all versions stands in `BPF/runtimes/perl.bpf.c`.
///
/// Compiled from the headers of 5.28.0, 5.30.0, 5.32.1, 5.34.0, 5.34.3, 5.36.0, 5.38.0, 5.38.2, 5.40.1 and 5.42.3.
struct PerlLayout: Hashable, Sendable {
    // struct interpreter (intrpvar.h), in builds for threads.
    var interpreterOp = 8
    var interpreterCurrentCop: Int
    var interpreterStackInfo: Int

    // PERL_SI, PERL_CONTEXT (cop.h).
    var stackInfoContexts = 8
    var stackInfoPrevious = 16
    var stackInfoContext = 32
    var stackInfoType: Int
    var contextBytes: Int
    var contextOldCop = 16
    var contextCode: Int

    // HV (hv.h): the part with names lies behind the array of entries, or since 5.36 behind the body.
    var auxiliaryIsInBody: Bool
    var bodyMaximum = 24
    var bodyAuxiliary = 32
    var auxiliaryNameCount = 28

    /// Nil for an unknown version.
    init?(_ version: PerlVersion) {
        guard version.isSupported else { return nil }
        (interpreterCurrentCop, interpreterStackInfo) = version.version < 34 ? (0xe0, 0xf0) : (0xd0, 0xe0)
        // Since 5.32 a stack info has si_cxsubix, a context old_cxsubix.
        (stackInfoType, contextBytes, contextCode) = version.version < 32 ? (0x28, 0x60, 0x40) : (0x2c, 0x68, 0x48)
        auxiliaryIsInBody = version.version >= 36
    }
}
