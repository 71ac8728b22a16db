import Foundation
import ObjectFiles
import Processes
import RuntimeSupport
import Testing

@testable import DotNetRuntime

/// Lines by portable PDBs: `Programs/dotnet/lines.cs` of the live tests, as Mono's compiler makes it and Mono.Cecil writes
/// its symbols. The lines are those that .NET itself prints in `Environment.StackTrace` of the same files.
@Suite struct SymbolTests {
    private static let folder =
        ((#filePath as NSString).deletingLastPathComponent as NSString).appendingPathComponent("../../Fuzz/Corpus")

    private static func file(_ name: String) throws -> [UInt8] {
        try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
    }

    private static func symbols(_ bytes: [UInt8], id: [UInt8]? = nil) -> PortableSymbols<FileMemory>? {
        PortableSymbols(FileMemory(source: MemorySource(bytes)), size: UInt64(bytes.count), id: id)
    }

    private static func image(_ name: String) throws -> AssemblyImage<RecordedMemory> {
        try #require(AssemblyImage(RecordedAssembly.memory(file(name)), at: RecordedAssembly.base))
    }

    /// Rows of the assembly's table of methods, by their names.
    private static func rows(_ image: AssemblyImage<RecordedMemory>) throws -> [String: UInt32] {
        let root = try #require(image.address(of: image.metadata.address))
        let metadata = try #require(Metadata(image.memory, at: root, size: UInt64(image.metadata.size)))
        let names = MethodNames(metadata: metadata)
        var rows: [String: UInt32] = [:]
        for row in 1...metadata.rowCount(MetadataSchema.methodDef) { rows[names.name(ofMethod: row) ?? ""] = row }
        return rows
    }

    @Test func linesAreThoseOfTheSource() throws {
        let symbols = try #require(Self.symbols(Self.file("dotnet-symbols/lines.pdb")))
        let rows = try Self.rows(Self.image("dotnet-assembly/lines.dll"))
        func lines(_ name: String) throws -> [UInt32] { symbols.points(ofMethod: try #require(rows[name])).map(\.line) }
        #expect(try lines("Demo.Lines<T>.Loop") == [10, 11, 12, 11, 11, 14])
        #expect(try lines("Demo.Lines<T>.Calls") == [19, 20, 21, 22, 23])
        #expect(try lines("Demo.Program.Recurse") == [40, 41, 43, 46])
        #expect(try lines("Demo.Program.Main.lambda_0") == [52, 53, 54])
        #expect(symbols.points(ofMethod: 0).isEmpty)
        #expect(symbols.points(ofMethod: 1 << 23).isEmpty)
        #expect(symbols.documentName(1) == "/src/lines.cs")
        #expect(symbols.documentName(2) == nil)
    }

    @Test func anAssemblySaysWhichSymbolsAreItsOwn() throws {
        let directory = DebugDirectory(try Self.image("dotnet-assembly/lines.dll"))
        let bytes = try Self.file("dotnet-symbols/lines.pdb")
        #expect(directory.embedded == nil)
        #expect(directory.paths(besides: "/w/application/lines.dll") == ["/w/application/lines.pdb"])
        var id = try #require(directory.id)
        #expect(Self.symbols(bytes, id: id) != nil)
        id[0] ^= 1
        #expect(Self.symbols(bytes, id: id) == nil)
    }

    @Test func symbolsWithinAnAssembly() throws {
        let bytes = try #require(DebugDirectory(try Self.image("dotnet-assembly/embedded.dll")).embedded)
        let symbols = try #require(Self.symbols(bytes))
        let rows = try Self.rows(Self.image("dotnet-assembly/embedded.dll"))
        #expect(try symbols.points(ofMethod: #require(rows["Demo.Lines<T>.Calls"])).map(\.line) == [19, 20, 21, 22, 23])
    }

    /// The folder in a hostile assembly's name leads nowhere.
    @Test func namesOfFilesAreLookedForBesideTheAssembly() {
        var directory = DebugDirectory()
        directory.fileName = "C:\\build\\obj/../lines.pdb"
        #expect(directory.paths(besides: "/w/a.b.dll") == ["/w/lines.pdb", "/w/a.b.pdb"])
        directory.fileName = "/etc/.."
        #expect(directory.paths(besides: "/w/a") == ["/w/a.pdb"])
    }

    /// Points that are written by hand: signature 0, document 1; offset 0 at line 100 with a column, hidden at 4, another
    /// document, 3 lines less at 6.
    @Test func pointsOfSeveralDocuments() {
        // A distance, lines, columns, a line and a column; of signed numbers the lowest bit is the sign.
        let blob: [UInt8] = [0, 1] + [0, 0, 6, 100, 9] + [4, 0, 0] + [0, 2] + [2, 0, 6, 0x7b, 2]
        #expect(
            PortableSymbols<FileMemory>.points(blob, document: 0) == [
                .init(instruction: 0, line: 100, document: 1), .init(instruction: 4, line: 0, document: 1),
                .init(instruction: 6, line: 97, document: 2),
            ])
    }

    /// Code 0 is the method's beginning, 5 of instruction 0, 21 of instruction 5, 22 its end.
    @Test func mapOfInstructions() throws {
        // Nibbles, the lower one of a byte first: 4 rows of a distance, an instruction + 3, and what kind of place it is.
        let nibbles: [UInt8] = [4, 0, 1, 1, 5, 3, 2, 0xa, 0, 0x9, 0, 3, 1, 2, 0, 0]
        let bytes = stride(from: 0, to: nibbles.count, by: 2).map { nibbles[$0] | nibbles[$0 + 1] << 4 }
        let map = try #require(InstructionMap(bytes))
        #expect(
            map.rows == [
                .init(offset: 0, instruction: 0), .init(offset: 5, instruction: 0), .init(offset: 21, instruction: 5),
                .init(offset: 22, instruction: nil),
            ])
        #expect(InstructionMap([UInt8](bytes.dropLast(3))) == nil)
    }

    @Test func linesOfCode() throws {
        let lines = MethodLines(
            entries: [.init(offset: 4, line: 7, file: 0), .init(offset: 9, line: 3, file: 1)], files: ["a.cs", "b.cs"],
            firstLine: 6)
        func found(_ offset: UInt32) -> String { lines.place(at: offset).map { "\($0.file):\($0.line)" } ?? "" }
        #expect([0, 4, 8, 9, .max].map(found) == ["a.cs:7", "a.cs:7", "a.cs:7", "b.cs:3", "b.cs:3"])
    }
}
