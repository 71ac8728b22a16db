import Testing

@testable import V8Runtime

/// Offsets as running processes of these versions had them, looked up with a debugger.
@Suite struct V8LayoutTests {
    struct Truth: Sendable, CustomStringConvertible {
        var name: String
        /// Of Code: deoptimization data, positions, instructions, size.
        var code: [Int]
        var functionShared: Int
        /// Of SharedFunctionInfo: name or ScopeInfo, script, number in the script.
        var shared: [Int]
        /// Of the data for deoptimization: literals, function, inlining positions.
        var deoptimization: [Int]
        var baseline: UInt32?
        var description: String { name }
    }

    static let truths = [
        Truth(
            name: "node-14", code: [16, 24, 96, 40], functionShared: 24, shared: [16, 32, 52],
            deoptimization: [2, 6, 7], baseline: nil),
        Truth(
            name: "node-16", code: [16, 24, 96, 40], functionShared: 24, shared: [16, 32, 52],
            deoptimization: [2, 6, 7], baseline: 11),
        Truth(
            name: "node-18", code: [16, 24, 128, 40], functionShared: 24, shared: [16, 32, 52],
            deoptimization: [2, 6, 7], baseline: 11),
        Truth(
            name: "node-20", code: [16, 24, 40, 56], functionShared: 24, shared: [16, 32, 52],
            deoptimization: [2, 6, 7], baseline: 11),
        Truth(
            name: "node-22", code: [8, 16, 40, 52], functionShared: 32, shared: [16, 32, 52],
            deoptimization: [2, 6, 7], baseline: 10),
        Truth(
            name: "node-24", code: [8, 16, 40, 56], functionShared: 32, shared: [24, 40, 60],
            deoptimization: [3, 7, 8], baseline: 10),
        Truth(
            name: "node-26", code: [8, 16, 40, 56], functionShared: 32, shared: [24, 40, 60],
            deoptimization: [3, 7, 8], baseline: 11),
    ]

    @Test(arguments: truths)
    func offsetsAreThoseOfRunningProcesses(_ truth: Truth) throws {
        let layout = try #require(V8Layout(Recording.metadata(truth.name)))
        #expect(
            [layout.codeDeoptimization, layout.codePositions, layout.codeStart, layout.codeSize] == truth.code)
        #expect(layout.functionShared == truth.functionShared)
        #expect([layout.sharedNameOrScopeInfo, layout.sharedScript, layout.sharedNumber] == truth.shared)
        #expect(
            [layout.deoptimizationLiterals, layout.deoptimizationShared, layout.deoptimizationInlining]
                == truth.deoptimization)
        #expect(layout.baselineKind == truth.baseline)
        #expect(layout.frameBytecodeArray == (truth.name == "node-14" ? 24 : 32))
    }

    @Test func olderVersionsAndOtherBuildsAreRefused() throws {
        let known = try Recording.metadata("node-14")
        #expect(V8Layout(V8Metadata(version: V8Version(7, 9), numbers: [:])) == nil)
        #expect(V8Layout(V8Metadata(version: known.version, numbers: [:])) == nil)
        // Compressed pointers: small integers have 31 bits.
        #expect(V8Layout(V8Metadata(version: known.version, numbers: ["SmiShiftSize": 0])) == nil)
    }

    @Test func framesAreNamedByTheirTypes() throws {
        #expect(try Recording.metadata("node-26").frameTypes[13] == "InternalFrame")
        #expect(try Recording.metadata("node-20").frameTypes[17] == "StubFrame")
    }
}
