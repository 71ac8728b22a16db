import CBPFInterface
import Processes
import RuntimeSupport
import Testing

@testable import PerlRuntime

@Suite struct AttachedPerlTests {
    private static let places = AttachedPerl<RecordedMemory>.Places(
        interpreter: [0x338], op: 8, currentCop: 0xd0, stackInfo: 0xe0, topEnvironment: 0x308)
    private static let name: UInt64 = 0x1_0000, stash: UInt64 = 0x2_0000, file: UInt64 = 0x3_0fe0

    /// A subroutine `größe` of the package `Maß`, in `lib/a.pl`; names as Latin-1.
    private static func memory(
        _ layout: PerlLayout, nameCount: UInt32 = 0, fileName: String = "lib/a.pl"
    ) -> PerlMemory {
        var memory = PerlMemory()
        memory.addName([0x67, 0x72, 0xf6, 0xdf, 0x65], at: name)
        memory.addName([0x4d, 0x61, 0xdf], at: 0x1_1000)
        let auxiliary: [UInt64] = [nameCount == 0 ? 0x1_1000 : 0x1_2000, 0, 0, UInt64(nameCount) << 32]
        memory.add([0x1_1000], at: 0x1_2000)
        let body: UInt64 = 0x2_1000, array: UInt64 = 0x2_2000
        memory.add([body, 12 << 32 | 1, array], at: stash)
        if layout.auxiliaryIsInBody {
            memory.add([0, 0, 0, 7] + auxiliary, at: body)
        } else {
            memory.add([0, 0, 0, 7], at: body)
            memory.add([UInt64](repeating: 0, count: 8) + auxiliary, at: array)
        }
        memory.add(bytes: Array(fileName.utf8) + [0], at: file)
        return memory
    }

    private static func function(
        _ memory: PerlMemory, _ layout: PerlLayout = PerlMemory.layout(36), name: UInt64 = name, stash: UInt64 = stash,
        file: UInt64 = file, sums: UInt64 = 0
    ) -> RuntimeFunction? {
        AttachedPerl(memory: memory.memory, layout: layout, places: places)
            .functions(of: [name, stash, file, 42 << 40 | sums]).first
    }

    @Test(arguments: [28, 34, 36, 42] as [UInt8], [0, 1, 2] as [UInt32])
    func subroutinesHaveTheirPackage(_ version: UInt8, _ nameCount: UInt32) {
        let layout = PerlMemory.layout(version)
        let function = Self.function(Self.memory(layout, nameCount: nameCount), layout)
        #expect(function == RuntimeFunction(name: "Maß::größe", fileName: "lib/a.pl", line: 42))
    }

    @Test func lexicalSubroutinesStandAlone() {
        let layout = PerlMemory.layout(36)
        #expect(Self.function(Self.memory(layout), stash: 0)?.name == "größe")
        #expect(Self.function(Self.memory(layout), name: 0, stash: 0)?.name == "(unknown)")
        #expect(Self.function(Self.memory(layout), name: 1, stash: 0)?.name == "<top-level>")
        #expect(Self.function(Self.memory(layout), stash: 0xdead_0000)?.name == "__ANON__::größe")
    }

    @Test func utf8NamesSaySo() {
        var memory = PerlMemory()
        memory.addName(Array("测量".utf8), isUTF8: true, at: 0x5000)
        #expect(Self.function(memory, name: 0x5000, stash: 0, file: 0)?.name == "测量")
    }

    /// Checksums as a second implementation has them: of the hash and length; of the bytes up to the page's end.
    @Test func whatLiesElsewhereByNowIsNotNamed() {
        let layout = PerlMemory.layout(36)
        let memory = Self.memory(layout)
        let nameSum = Self.fold(5 << 32 | 0x1234_5678)
        // "lib/a.pl" read as a number, and 15 further words of zeros, each a multiplication by 31.
        var fileSum: UInt64 = 0x6c70_2e61_2f62_696c
        for _ in 0..<15 { fileSum = fileSum &* 31 }
        let sums = nameSum << 20 | Self.fold(fileSum)
        #expect(Self.function(memory, sums: sums)?.fileName == "lib/a.pl")
        #expect(Self.function(memory, sums: sums ^ 2) == RuntimeFunction(name: "Maß::größe"))
        #expect(Self.function(memory, sums: sums ^ 2 << 20) == nil)
    }

    /// The text crosses the page's end at its 32nd byte: what follows is no part of its checksum.
    @Test func checksumsEndWithThePage() {
        let long = String(repeating: "a", count: 32)
        let strings = PerlStrings(
            memory: Self.memory(PerlMemory.layout(36), fileName: long + "b").memory, layout: PerlMemory.layout(36))
        #expect(strings.fileName(at: Self.file)?.text == long + "b")
        #expect(
            strings.fileName(at: Self.file)?.checksum
                == PerlStrings<RecordedMemory>.checksum(of: Array(long.utf8), at: 0x1000))
    }

    private static func fold(_ value: UInt64) -> UInt64 {
        let high = value ^ (value / (1 << 40))
        return ((high ^ (high / (1 << 20))) % (1 << 20)) | 1
    }

    @Test func hostileFramesHaveNoNames() {
        let layout = PerlMemory.layout(36)
        let attached = AttachedPerl(memory: Self.memory(layout).memory, layout: layout, places: Self.places)
        #expect(attached.functions(of: []).isEmpty)
        #expect(attached.functions(of: [Self.name, 0, 0]).isEmpty)
        #expect(attached.functions(of: [.max, .max, .max, .max]).isEmpty)
        #expect(attached.functions(of: [2, 2, 2, 0]).isEmpty)
        var memory = PerlMemory()
        // Lengths: negative, too long, longer than what is there; a stash with an array at the end of memory.
        memory.add([0xffff_ffff << 32, 0, 0], at: 0x1000)
        memory.add([0x7fff_ffff << 32, 0, 0], at: 0x2000)
        memory.add([1000 << 32, 0, 0], at: 0x3000)
        memory.addName(Array("f".utf8), at: 0x4000)
        memory.add([0x6000, 12 << 32 | 1, .max - 7], at: 0x5000)
        memory.add([0, 0, 0, .max], at: 0x6000)
        for version in [28, 36] as [UInt8] {
            for name in [0x1000, 0x2000, 0x3000] as [UInt64] {
                #expect(Self.function(memory, PerlMemory.layout(version), name: name, stash: 0, file: 0) == nil)
            }
            let function = Self.function(memory, PerlMemory.layout(version), name: 0x4000, stash: 0x5000, file: 0)
            #expect(function?.name == "__ANON__::f")
        }
    }

    @Test func factsSayWhereToStart() {
        let layout = PerlMemory.layout(36)
        var places = Self.places
        func facts() -> perl_process {
            AttachedPerl(memory: RecordedMemory(), layout: layout, places: places).facts(attachment: 7)
                .withUnsafeBytes { $0.loadUnaligned(as: perl_process.self) }
        }
        let threaded = facts()
        #expect(threaded.interpreter.count == 1 && threaded.interpreter.offsets.0 == 0x338)
        #expect(threaded.op == 8 && threaded.current_cop == 0xd0 && threaded.stack_info == 0xe0)
        #expect(threaded.top_environment == 0x308 && threaded.attachment == 7)
        #expect(UInt32(threaded.flags) == PERL_HAS_INTERPRETERS.rawValue)
        #expect(threaded.stack_info_type == 0x2c && threaded.context_bytes == 0x68 && threaded.context_code == 0x48)
        places.interpreter = []
        #expect(UInt32(facts().flags) == PERL_FILE_IS_GV.rawValue && facts().interpreter.count == 0)
    }
}
