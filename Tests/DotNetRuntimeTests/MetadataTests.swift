import Processes
import TestRandomness
import Testing

@testable import DotNetRuntime

struct MetadataTests {
    /// Rows, types and methods as dnfile (a Python package) lists them; the texts as the source has them.
    @Test(arguments: [
        (1, "Demo.Busy.Leaf"), (2, "Demo.Busy.C"), (5, "Demo.Busy.Rec"), (8, "Demo.Busy.Main"),
        (9, "Demo.Busy.Main.lambda_0"), (10, "Demo.Busy.Main.lambda_1"), (11, "Demo.Busy.Nested<T>..ctor"),
        (12, "Demo.Busy.Nested<T>.Gen(int)"), (13, "Demo.Busy.Nested<T>.Gen(int, T[], string)"),
        (14, "Demo.Busy.IShape.Area"), (16, "Demo.Busy.Square.Area"), (18, "Demo.Busy.Circle.Area"),
    ] as [(UInt32, String)])
    func namesOfMethods(_ row: UInt32, _ expected: String) throws {
        let names = try #require(RecordedAssembly.names(RecordedAssembly.memory()))
        #expect(names.name(ofMethod: row) == expected)
    }

    @Test func rowsThatAreNotThereHaveNoNames() throws {
        let names = try #require(RecordedAssembly.names(RecordedAssembly.memory()))
        #expect(names.metadata.rowCount(MetadataSchema.methodDef) == 18)
        for row in [0, 19, 1 << 24, .max] as [UInt32] { #expect(names.name(ofMethod: row) == nil) }
        #expect(names.metadata.string(.max) == nil)
        #expect(names.metadata.blob(.max) == nil)
    }

    @Test func theAssemblyIsFoundFromAnAddressWithinIt() throws {
        let memory = RecordedAssembly.memory()
        let address = RecordedAssembly.base + UInt64(RecordedAssembly.bytes.count) - 1
        #expect(AssemblyImage.containing(address, memory)?.base == RecordedAssembly.base)
        #expect(AssemblyImage.containing(RecordedAssembly.base - 1, memory) == nil)
    }

    /// Bytes that are wrong give wrong names or none, and nothing worse.
    @Test func damageIsSurvived() {
        var random = SplitMix64(seed: 5)
        var named = 0
        for _ in 0..<100 {
            var bytes = RecordedAssembly.bytes
            for _ in 0..<Int.random(in: 1...16, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            guard let names = RecordedAssembly.names(RecordedAssembly.memory(bytes)) else { continue }
            for row in 1...18 as ClosedRange<UInt32> where names.name(ofMethod: row) != nil { named += 1 }
        }
        #expect(named > 0)
    }
}
