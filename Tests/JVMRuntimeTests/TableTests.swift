import Processes
import Testing

@testable import JVMRuntime

struct TableTests {
    /// utilities/unsigned5.hpp: values below 191 take a byte, which is one more than the value since JDK 20.
    @Test(arguments: [
        ([0] as [UInt8], false, 0), ([1], true, 0), ([191], false, 191), ([191], true, 190), ([192, 0], false, 192),
        ([192, 1], true, 191), ([255, 191], false, 255 + (191 << 6)), ([192, 192, 192, 192, 255], false, 0),
    ])
    func numbers(_ bytes: [UInt8], _ excludesZeroByte: Bool, _ value: Int) {
        var stream = Unsigned5(bytes[...], excludesZeroByte: excludesZeroByte)
        guard bytes.count < 5 else {
            // As many digits as there can be: the sum, in 32 bits.
            let sum = bytes.enumerated().reduce(UInt64(0)) { $0 + UInt64($1.element) << UInt64(6 * $1.offset) }
            #expect(stream.next() == UInt32(truncatingIfNeeded: sum))
            return
        }
        #expect(stream.next().map(Int.init) == value)
        #expect(stream.next() == nil)
    }

    @Test func numbersThatEndEarly() {
        var short = Unsigned5([192, 255][...], excludesZeroByte: true)
        #expect(short.next() == nil)
        var zero = Unsigned5([0, 5][...], excludesZeroByte: true)
        #expect(zero.next() == nil)
    }

    /// Places 0, 4 and 300 at lines 18, 19 and 16: the first and the last are written by escapes (0xff, then two numbers whose
    /// sign is their lowest bit), the one between in a byte.
    @Test func lines() throws {
        let table = try #require(
            JVMLineTable([0xff, 1, 37, 0x21, 0xff, 255, 6, 6, 0] + [0xff, 9], excludesZeroByte: true))
        #expect(table.entries.map(\.place) == [0, 4, 4 + 287])
        #expect(table.entries.map(\.line) == [18, 19, 16])
        #expect(table.line(at: 3) == 18)
        #expect(table.line(at: 4) == 19)
        #expect(table.line(at: 65535) == 16)
        #expect(table.firstLine == 16)
        #expect(JVMLineTable([0x21, 0x21], excludesZeroByte: true) == nil)
    }

    /// A method with two inlined in one another; scopes are written by hand: sender, method, bytecode + 1.
    @Test func scopes() {
        // Offsets 1, 4 and 7; byte 0 is not used.
        let scopes: [UInt8] = [0xff, 1, 2, 11, 2, 3, 21, 5, 4, 1]
        let method = CompiledMethod(
            compilation: 7, method: 100, places: [(-1, 0), (16, 1), (32, 7), (64, 99), (1 << 30, 0)], scopes: scopes,
            methods: [100, 200, 300], excludesZeroByte: true)
        func found(_ place: Int32) -> [[Int]] { method.scopes(at: place).map { [Int($0.method), $0.bytecode] } }
        #expect(found(16) == [[100, 9]])
        #expect(found(17) == [[300, 0], [200, 19], [100, 9]])
        #expect(found(40) == [[100, 0]])
        #expect(found(65) == [[100, 0]])
        #expect(found(.max) == [[100, 0]])
    }

    /// A scope that says that it was inlined into itself.
    @Test func scopesThatLoop() {
        let method = CompiledMethod(
            compilation: 7, method: 100, places: [(16, 1)], scopes: [0, 2, 2, 2], methods: [100], excludesZeroByte: true)
        #expect(method.scopes(at: 0).count == 1)
    }

    /// Whatever a process says of its code, the code's length is a number that can be used.
    @Test(arguments: [(UInt64(0), UInt64.max), (8, 7), (1 << 40, 1 << 63), (.max, .max)])
    func impossibleCodeIsNone(begin: UInt64, end: UInt64) {
        let code = CompiledMethod.code(from: begin, to: end)
        #expect((code?.count ?? 0) <= 1 << 31)
    }
}
