import Testing

@testable import PerlRuntime

@Suite struct PerlLayoutTests {
    private static func version(_ version: UInt8) -> PerlVersion {
        PerlVersion(revision: 5, version: version, subversion: 1)
    }

    /// What a C compiler says of the headers: PL_curcop and PL_curstackinfo in the interpreter, si_type, size of
    /// PERL_CONTEXT, its blk_sub.cv, and whether struct xpvhv_with_aux is there.
    @Test(arguments: [
        (28, [0xe0, 0xf0, 0x28, 0x60, 0x40], false), (30, [0xe0, 0xf0, 0x28, 0x60, 0x40], false),
        (32, [0xe0, 0xf0, 0x2c, 0x68, 0x48], false), (34, [0xd0, 0xe0, 0x2c, 0x68, 0x48], false),
        (36, [0xd0, 0xe0, 0x2c, 0x68, 0x48], true), (38, [0xd0, 0xe0, 0x2c, 0x68, 0x48], true),
        (40, [0xd0, 0xe0, 0x2c, 0x68, 0x48], true), (42, [0xd0, 0xe0, 0x2c, 0x68, 0x48], true),
    ] as [(UInt8, [Int], Bool)])
    func layoutsAreThoseOfTheHeaders(_ version: UInt8, _ offsets: [Int], _ isInBody: Bool) throws {
        let layout = try #require(PerlLayout(Self.version(version)))
        #expect(
            [
                layout.interpreterCurrentCop, layout.interpreterStackInfo, layout.stackInfoType, layout.contextBytes,
                layout.contextCode,
            ] == offsets)
        #expect(layout.auxiliaryIsInBody == isInBody)
    }

    /// Versions in development have odd numbers.
    @Test(arguments: [0, 8, 26, 27, 29, 33, 41, 43, 44, 255] as [UInt8])
    func otherVersionsAreRefused(_ version: UInt8) {
        #expect(PerlLayout(Self.version(version)) == nil)
    }

    @Test func otherRevisionsAreRefused() {
        #expect(PerlLayout(PerlVersion(revision: 6, version: 36, subversion: 0)) == nil)
        #expect("\(PerlVersion(revision: 5, version: 36, subversion: 3))" == "5.36.3")
    }
}
