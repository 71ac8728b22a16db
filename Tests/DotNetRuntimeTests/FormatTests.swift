import Processes
import Testing

@testable import DotNetRuntime

struct FormatTests {
    /// ECMA-335 II.23.2 has these examples.
    @Test(arguments: [
        ([0x03], 0x03), ([0x7f], 0x7f), ([0x80, 0x80], 0x80), ([0xae, 0x57], 0x2e57), ([0xbf, 0xff], 0x3fff),
        ([0xc0, 0x00, 0x40, 0x00], 0x4000), ([0xdf, 0xff, 0xff, 0xff], 0x1fff_ffff),
    ] as [([UInt8], UInt32)])
    func unsignedNumbers(_ bytes: [UInt8], _ expected: UInt32) {
        var reader = SignatureReader(bytes)
        #expect(reader.number() == expected)
        #expect(reader.isAtEnd)
    }

    @Test(arguments: [
        ([0x06], 3), ([0x7b], -3), ([0x80, 0x80], 64), ([0x01], -64), ([0xc0, 0x00, 0x40, 0x00], 8192),
        ([0x80, 0x01], -8192), ([0xdf, 0xff, 0xff, 0xfe], 268_435_455), ([0xc0, 0x00, 0x00, 0x01], -268_435_456),
    ] as [([UInt8], Int32)])
    func signedNumbers(_ bytes: [UInt8], _ expected: Int32) {
        var reader = SignatureReader(bytes)
        #expect(reader.signedNumber() == expected)
    }

    @Test(arguments: [[], [0x80], [0xc0, 0, 0], [0xff]] as [[UInt8]])
    func numbersThatAreCutOff(_ bytes: [UInt8]) {
        var reader = SignatureReader(bytes)
        #expect(reader.number() == nil)
    }

    /// The lowest bits of the first byte count the bytes that follow ("ReadyToRun format").
    @Test(arguments: [
        ([0x02], 1, 1), ([0xfe], 127, 1), ([0x01, 0x02], 128, 2), ([0x03, 0x00, 0x02], 16384, 3),
        ([0x0f, 0x78, 0x56, 0x34, 0x12], 0x1234_5678, 5),
    ] as [([UInt8], UInt32, Int)])
    func nativeNumbers(_ bytes: [UInt8], _ expected: UInt32, _ length: Int) {
        let number = NativeFormat(bytes: bytes).number(at: 0)
        #expect(number?.value == expected)
        #expect(number?.next == length)
        #expect(NativeFormat(bytes: bytes).number(at: 7) == nil)
    }

    @Test func negativeNativeNumbers() {
        #expect(NativeFormat(bytes: [0xfe]).signedNumber(at: 0)?.value == -1)
        #expect(NativeFormat(bytes: [0x04]).signedNumber(at: 0)?.value == 2)
    }

    /// Fields with and without types, sizes, indirect globals.
    @Test func contractDescriptor() throws {
        let text = """
            {"version":0,"baseline":"empty","contracts":{"ExecutionManager":2},
             "types":{"MethodDescChunk":{"MethodTable":[0,"pointer"],"FlagsAndTokenRange":18,"!":24},
                      "MethodTable":{"Module":16},"Module":{"Path":280}},
             "globals":{"MethodDescTokenRemainderBitCount":["0xc","uint8"],"Indirect":[[5],"pointer"]}}
            """
        let descriptor = try #require(ContractDescriptor(Array(text.utf8)))
        #expect(descriptor.offset("MethodDescChunk", "MethodTable") == 0)
        #expect(descriptor.size("MethodDescChunk") == 24)
        #expect(descriptor.number("Indirect") == nil)
        var layout = try #require(DotNetLayout(DotNetVersion("10.0.0")!, isArm64: false))
        layout.apply(descriptor)
        #expect(layout.tableModule == 16)
        #expect(layout.moduleSimpleName == 272)
        #expect(layout.tokenRemainderBits == 12)
        #expect(layout.mapHasPointers)
        #expect(layout.isUsable)
    }

    @Test(arguments: ["", "{", "[[[[[[[[[[[[[[[[[[[[[[[[1]", "{\"types\"", "{\"types\":{\"A\":{\"B\":", "\"", "}", "{:}"])
    func descriptorsThatAreNone(_ text: String) {
        #expect(ContractDescriptor(Array(text.utf8)) == nil)
    }

    @Test func offsetsThatDoNotFitAreNotUsed() throws {
        let text = #"{"types":{"RangeSection":{"Flags":4096},"RealCodeHeader":{"MethodDesc":-8}}}"#
        var layout = try #require(DotNetLayout(DotNetVersion("9.0.0")!, isArm64: false))
        #expect(layout.isUsable)
        layout.apply(try #require(ContractDescriptor(Array(text.utf8))))
        #expect(!layout.isUsable)
    }

    @Test func versions() {
        #expect(DotNetVersion("8.0.424.16909 @Commit: 2d7eea2")?.description == "8.0.424.16909")
        #expect(DotNetVersion("6,0,21,52210")?.major == 6)
        #expect(DotNetVersion("") == nil)
        #expect(DotNetLayout(DotNetVersion("5.0.1")!, isArm64: false) == nil)
        #expect(DotNetLayout(DotNetVersion("11.0.0")!, isArm64: false) == nil)
    }
}
