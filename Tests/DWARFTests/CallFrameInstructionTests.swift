import DWARF
import Testing

/// One vector for each instruction of DWARF 5 §6.4.2 and the extensions in use.
struct CallFrameInstructionTests {
    private static func state(
        _ cfa: CFARule = CFARule(.registerOffset, register: 7, offset: 8),
        returnAddress: RegisterRule = RegisterRule(.atCFAOffset, offset: -8),
        framePointer: RegisterRule = RegisterRule(.unspecified)
    ) -> CallFrameState {
        CallFrameState(cfa: cfa, returnAddress: returnAddress, framePointer: framePointer)
    }

    private static func sp(_ offset: Int32) -> CFARule { CFARule(.registerOffset, register: 7, offset: offset) }

    private func expectRows(
        _ instructions: [UInt8], _ expected: [(UInt64, CallFrameState)],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let rows = try CallFrameVectors.rows(instructions)
        #expect(
            rows == expected.map { CallFrameRow(address: $0.0, state: $0.1) }, sourceLocation: sourceLocation)
    }

    @Test func noInstructionsGiveTheCommonState() throws {
        try expectRows([], [(0, Self.state())])
    }

    @Test func advances() throws {
        let push: [UInt8] = [0x0e, 16]
        let expected = Self.state(Self.sp(16))
        try expectRows([0x41] + push, [(0, Self.state()), (1, expected)])
        try expectRows([0x02, 0x80] + push, [(0, Self.state()), (0x80, expected)])
        try expectRows([0x03, 0xf0, 0x00] + push, [(0, Self.state()), (0xf0, expected)])
        try expectRows([0x04, 0xff, 0, 0, 0] + push, [(0, Self.state()), (0xff, expected)])
        try expectRows([0x1d, 0xff, 0, 0, 0, 0, 0, 0, 0] + push, [(0, Self.state()), (0xff, expected)])
        try expectRows(
            [0x01] + CallFrameVectors.word(UInt64(0x40_0010)) + push, [(0, Self.state()), (0x10, expected)])
        // Nothing changes: no row. Behind the function's end: none either.
        try expectRows([0x41, 0x41, 0x00, 0x41] + push, [(0, Self.state()), (3, expected)])
        try expectRows([0x41, 0x04, 0, 1, 0, 0] + push, [(0, Self.state())])
        // Several changes at one place are one row.
        try expectRows([0x41, 0x0e, 16, 0x0e, 24], [(0, Self.state()), (1, Self.state(Self.sp(24)))])
    }

    @Test func codeAlignmentScalesAdvances() throws {
        let rows = try CallFrameVectors.rows([0x43, 0x0e, 32], architecture: .arm64, codeAlignment: 4)
        #expect(rows?.map(\.address) == [0, 12])
    }

    @Test func defineTheCFA() throws {
        func row(_ instructions: [UInt8], _ cfa: CFARule) throws {
            try expectRows(instructions, [(0, Self.state(cfa))])
        }
        try row([0x0c, 6, 16], CFARule(.registerOffset, register: 6, offset: 16))
        try row([0x12, 6, 0x7e], CFARule(.registerOffset, register: 6, offset: 16))
        try row([0x0d, 6], CFARule(.registerOffset, register: 6, offset: 8))
        try row([0x0e, 0x80, 0x01], Self.sp(128))
        try row([0x13, 0x7d], Self.sp(24))
        try row([0x0f, 2, 0x76, 0x10], CFARule(.registerOffset, register: 6, offset: 16))
        // Too large for a table, and a register that no machine has.
        try row([0x0e, 0x80, 0x80, 0x80, 0x80, 0x10], CFARule(.unsupported))
        try row([0x0c, 0x80, 0x02, 8], CFARule(.unsupported))
        // An offset after an expression belongs to the register before it, as libgcrypt's assembly means it.
        try row([0x0e, 24, 0x0f, 1, 0x9c], CFARule(.unsupported))
        try row([0x0e, 24, 0x0f, 1, 0x9c, 0x0e, 32], Self.sp(32))
        try row([0x0e, 24, 0x0f, 1, 0x9c, 0x0d, 6], CFARule(.registerOffset, register: 6, offset: 24))
    }

    @Test func saveRegisters() throws {
        func row(_ instructions: [UInt8], _ rule: RegisterRule) throws {
            try expectRows(instructions, [(0, Self.state(framePointer: rule))])
        }
        try row([0x86, 2], RegisterRule(.atCFAOffset, offset: -16))
        try row([0x05, 6, 2], RegisterRule(.atCFAOffset, offset: -16))
        try row([0x11, 6, 0x7e], RegisterRule(.atCFAOffset, offset: 16))
        try row([0x2f, 6, 2], RegisterRule(.atCFAOffset, offset: 16))
        try row([0x14, 6, 2], RegisterRule(.isCFAOffset, offset: -16))
        try row([0x15, 6, 0x7e], RegisterRule(.isCFAOffset, offset: 16))
        try row([0x07, 6], RegisterRule(.undefined))
        try row([0x08, 6], RegisterRule(.sameValue))
        try row([0x09, 6, 3], RegisterRule(.inRegister, register: 3))
        try row([0x10, 6, 2, 0x76, 0x78], RegisterRule(.atRegisterOffset, register: 6, offset: -8))
        try row([0x10, 6, 2, 0x23, 0x10], RegisterRule(.atCFAOffset, offset: 16))
        try row([0x16, 6, 2, 0x76, 0x78], RegisterRule(.unsupported))
        // Other registers change nothing.
        try row([0x83, 3, 0x05, 12, 4, 0x10, 12, 1, 0x96, 0x2e, 32, 0x2d], RegisterRule(.unspecified))
        // The return address has the same instructions.
        try expectRows([0x07, 16], [(0, Self.state(returnAddress: RegisterRule(.undefined)))])
        try expectRows([0x09, 16, 5], [(0, Self.state(returnAddress: RegisterRule(.inRegister, register: 5)))])
    }

    @Test func restoreReturnsToTheCommonState() throws {
        let saved = Self.state(framePointer: RegisterRule(.atCFAOffset, offset: -16))
        try expectRows([0x86, 2, 0x41, 0xc6], [(0, saved), (1, Self.state())])
        try expectRows([0x86, 2, 0x41, 0x06, 6], [(0, saved), (1, Self.state())])
        try expectRows(
            [0x07, 16, 0x41, 0x06, 16],
            [(0, Self.state(returnAddress: RegisterRule(.undefined))), (1, Self.state())])
    }

    @Test func rememberedStatesNestAndBringTheCFABack() throws {
        try expectRows(
            [0x0a, 0x0e, 16, 0x41, 0x0a, 0x0c, 6, 24, 0x41, 0x0b, 0x41, 0x0b],
            [
                (0, Self.state(Self.sp(16))), (1, Self.state(CFARule(.registerOffset, register: 6, offset: 24))),
                (2, Self.state(Self.sp(16))), (3, Self.state()),
            ])
        let eight = [UInt8](repeating: 0x0a, count: 8)
        #expect(try CallFrameVectors.rows(eight)?.count == 1)
        #expect(try CallFrameVectors.rows(eight + [0x0a]) == nil)
        #expect(try CallFrameVectors.rows([0x0b]) == nil)
    }

    @Test(arguments: [[0x17], [0x3f], [0x0f, 0x7f], [0x0c, 7], [0x04, 1], [0x01, 0, 0, 0, 0, 0, 0, 0, 0]] as [[UInt8]])
    func damagedInstructionsSkipTheFunction(instructions: [UInt8]) throws {
        var vectors = CallFrameVectors()
        let common = vectors.addCommon()
        // Nops first, so that the damaged instruction ends the record: CIE pointer, addresses and augmentation length
        // are 21 bytes, and records are padded to 8.
        let nops = [UInt8](repeating: 0, count: (8 - (21 + instructions.count) % 8) % 8)
        vectors.addFunction(common: common, instructions: nops + instructions)
        vectors.addFunction(common: common, start: 0x50_0000, instructions: [])
        let result = try vectors.read()
        #expect(result.functions.map(\.start) == [0x50_0000])
        #expect(result.statistics.skippedFunctions == 1)
    }

    @Test func linkageTableExpression() throws {
        let expression: [UInt8] = [0x77, 0x08, 0x80, 0x00, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22]
        try expectRows([0x0f, 11] + expression, [(0, Self.state(CFARule(.procedureLinkageTable, added: 11)))])
        try expectRows([0x0f, 10] + expression.dropLast(), [(0, Self.state(CFARule(.unsupported)))])
    }

    @Test func dereferencingExpressions() throws {
        func row(_ expression: [UInt8], _ cfa: CFARule) throws {
            try expectRows([0x0f, UInt8(expression.count)] + expression, [(0, Self.state(cfa))])
        }
        try row([0x76, 0x78, 0x06], CFARule(.dereferenced, register: 6, offset: -8))
        try row([0x77, 0x08, 0x06, 0x23, 0x10], CFARule(.dereferenced, register: 7, offset: 8, added: 16))
        try row([0x77, 0x08, 0x38, 0x22, 0x06], CFARule(.dereferenced, register: 7, offset: 16))
        try row([0x92, 0x0a, 0x00, 0x38, 0x1c], CFARule(.registerOffset, register: 10, offset: -8))
        try row([0x77, 0x00, 0x0a, 0x00, 0x10, 0x22], CFARule(.registerOffset, register: 7, offset: 4096))
        // Two memory accesses, two registers.
        try row([0x77, 0x00, 0x06, 0x06], CFARule(.unsupported))
        try row([0x77, 0x00, 0x76, 0x00, 0x22], CFARule(.unsupported))
        try row([0x38], CFARule(.unsupported))
    }

    @Test func arm64KeepsTheReturnAddressInItsRegister() throws {
        let rows = try CallFrameVectors.rows([0x44, 0x2d, 0x0e, 32, 0x9d, 4, 0x9e, 3], architecture: .arm64)
        let first = CallFrameState(
            cfa: CFARule(.registerOffset, register: 31), returnAddress: RegisterRule(.unspecified),
            framePointer: RegisterRule(.unspecified))
        let second = CallFrameState(
            cfa: CFARule(.registerOffset, register: 31, offset: 32),
            returnAddress: RegisterRule(.atCFAOffset, offset: -24),
            framePointer: RegisterRule(.atCFAOffset, offset: -32))
        #expect(rows == [CallFrameRow(address: 0, state: first), CallFrameRow(address: 4, state: second)])
    }
}
