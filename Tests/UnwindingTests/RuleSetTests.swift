import CBPFInterface
import Testing
import Unwinding

struct RuleSetTests {
    private func rule(offset: Int32) -> unwind_rule {
        var rule = unwind_rule()
        rule.kind = UInt8(UNWIND_CFA.rawValue)
        rule.cfa_register = UInt8(X86_RSP)
        rule.cfa_offset = offset
        return rule
    }

    @Test func fixedNumbersHaveTheirKinds() {
        let kinds = RuleSet().rules().map(\.kind)
        #expect(kinds.count == Int(UNWIND_RULE_FIRST_FREE))
        let expected: [(Int, unwind_kind)] = [
            (Int(UNWIND_RULE_INVALID), UNWIND_INVALID), (Int(UNWIND_RULE_END_OF_STACK), UNWIND_END_OF_STACK),
            (Int(UNWIND_RULE_FRAME_POINTER), UNWIND_FRAME_POINTER), (Int(UNWIND_RULE_PLT), UNWIND_PLT),
            (Int(UNWIND_RULE_SIGNAL), UNWIND_SIGNAL),
        ]
        for (number, kind) in expected { #expect(UInt32(kinds[number]) == kind.rawValue) }
    }

    @Test func equalRulesShareANumber() {
        let rules = RuleSet()
        #expect(rules.numbers(for: [rule(offset: 8), rule(offset: 16), rule(offset: 8)]) == [5, 6, 5])
        #expect(rules.numbers(for: [rule(offset: 16), rule(offset: 24)]) == [6, 7])
        #expect(rules.rules(from: 6).map(\.cfa_offset) == [16, 24])
        #expect(rules.rules(from: 8).isEmpty)
        #expect(rules.rule(7)?.cfa_offset == 24)
        #expect(rules.rule(8) == nil)
    }

    @Test func rulesBeyondTheLimitBecomeInvalidAndAreCounted() {
        let rules = RuleSet(limit: 6)
        #expect(rules.numbers(for: [rule(offset: 8), rule(offset: 16), rule(offset: 8)]) == [5, 0, 5])
        #expect(rules.refusedCount == 1)
        #expect(rules.count == 6)
    }
}
