import CBPFInterface
import Processes
import RuntimeSupport
import Testing

@testable import PerlRuntime

@Suite struct PerlInterpreterTests {
    private static let stackInfo: UInt64 = 0x1_0000, currentCop: UInt64 = 0x1_0008
    private static let cop: UInt64 = 0x2_0000, main: UInt64 = 0x3_0000, sort: UInt64 = 0x4_0000

    private static func memory(
        innermost: UInt64 = sort, cop: UInt64 = cop, mainType: Int32 = 1, kinds: [UInt8] = [2, 9, 4, 12, 11],
        contextCop: UInt64 = cop, previousOfMain: UInt64 = 0, layout: PerlLayout
    ) -> PerlMemory {
        var memory = PerlMemory()
        memory.add([innermost, cop], at: stackInfo)
        memory.add([UInt64](repeating: 0, count: 8), at: Self.cop)
        memory.addStack(
            at: main, previous: previousOfMain, type: mainType, contexts: kinds.map { ($0, contextCop) },
            layout: layout)
        memory.addStack(at: sort, previous: main, type: 3, contexts: [(0, Self.cop)], layout: layout)
        return memory
    }

    private static func outcome(_ memory: PerlMemory, _ layout: PerlLayout) -> RuntimeError.Kind? {
        do throws(RuntimeError) {
            try PerlInterpreter(memory: memory.memory, layout: layout)
                .check(stackInfo: stackInfo, currentCop: currentCop)
            return nil
        } catch {
            return error.kind
        }
    }

    @Test(arguments: [28, 36] as [UInt8]) func layoutsThatFitAreTaken(_ version: UInt8) {
        let layout = PerlMemory.layout(version)
        #expect(Self.outcome(Self.memory(layout: layout), layout) == nil)
        #expect(Self.outcome(Self.memory(innermost: Self.main, kinds: [], layout: layout), layout) == nil)
    }

    @Test func whatIsNotInitialisedIsAskedAgain() {
        let layout = PerlMemory.layout(36)
        #expect(Self.outcome(Self.memory(innermost: 0, layout: layout), layout) == .notReady)
        #expect(Self.outcome(Self.memory(cop: 0, layout: layout), layout) == .notReady)
        #expect(Self.outcome(PerlMemory(), layout) == .notReady)
    }

    @Test func layoutsThatDoNotFitAreRefused() {
        let layout = PerlMemory.layout(36), older = PerlMemory.layout(28)
        #expect(Self.outcome(Self.memory(layout: layout), older) == .unsupported)
        #expect(Self.outcome(Self.memory(layout: older), layout) == .unsupported)
        #expect(Self.outcome(Self.memory(mainType: 2, layout: layout), layout) == .unsupported)
        #expect(Self.outcome(Self.memory(mainType: 99, layout: layout), layout) == .unsupported)
        #expect(Self.outcome(Self.memory(kinds: [14, 9], layout: layout), layout) == .unsupported)
        #expect(Self.outcome(Self.memory(contextCop: 0xdead_0000, layout: layout), layout) == .unsupported)
        #expect(Self.outcome(Self.memory(contextCop: .max, layout: layout), layout) == .unsupported)
        #expect(Self.outcome(Self.memory(cop: 0xdead_0000, layout: layout), layout) == .unsupported)
        #expect(Self.outcome(Self.memory(innermost: .max, layout: layout), layout) == .unsupported)
    }

    /// A stack that leads back to itself, as a hostile process may have it.
    @Test func endlessStacksAreFollowedForAWhile() {
        let layout = PerlMemory.layout(36)
        #expect(Self.outcome(Self.memory(previousOfMain: Self.sort, layout: layout), layout) == nil)
    }

    @Test func environmentsAreFoundByTheirChain() {
        let layout = PerlMemory.layout(36), interpreter: UInt64 = 0x10_0000
        var words = [UInt64](repeating: 0, count: 0x600 / 8)
        words[0x2f8 / 8] = 0x7ff0_0000
        // Looks alike, and ends elsewhere; leads to itself; is nowhere.
        words[0x218 / 8] = 0x7ff2_0000
        words[0x220 / 8] = 0x7ff3_0000
        words[0x228 / 8] = 0xdead_0000
        var memory = PerlMemory()
        memory.add(words, at: interpreter)
        memory.add([0x7ff1_0000], at: 0x7ff0_0000)
        memory.add([interpreter + 0x300], at: 0x7ff1_0000)
        memory.add([0], at: 0x7ff2_0000)
        memory.add([0x7ff3_0000], at: 0x7ff3_0000)
        let found = PerlInterpreter(memory: memory.memory, layout: layout)
        #expect(found.topEnvironmentOffset(of: interpreter) == 0x2f8)
        #expect(found.topEnvironmentOffset(of: 0x7ff0_0000) == 0)
        #expect(found.topEnvironmentOffset(of: .max - 7) == 0)
    }
}
