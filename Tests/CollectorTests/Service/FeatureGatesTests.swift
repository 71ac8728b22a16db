import Testing

@testable import Collector

struct FeatureGatesTests {
    static func make() -> FeatureGates {
        FeatureGates([
            FeatureGate(id: "b.alpha", stage: .alpha, summary: "", fromVersion: "v1"),
            FeatureGate(id: "a.beta", stage: .beta, summary: "", fromVersion: "v1"),
            FeatureGate(id: "c.stable", stage: .stable, summary: "", fromVersion: "v1", toVersion: "v9"),
            FeatureGate(id: "d.deprecated", stage: .deprecated, summary: "", fromVersion: "v1", toVersion: "v8"),
        ])
    }

    @Test func startsWithTheStagesDefaults() {
        let gates = Self.make()
        #expect(gates.gates.map(\.id) == ["a.beta", "b.alpha", "c.stable", "d.deprecated"])
        #expect(gates.gates.map { gates.isEnabled($0.id) } == [true, false, true, false])
        #expect(!gates.isEnabled("none"))
    }

    @Test(arguments: [
        (["b.alpha"], true, true), (["+b.alpha"], true, true), (["b.alpha,-b.alpha"], false, true),
        (["b.alpha", "-b.alpha"], false, true), (["-b.alpha", "+b.alpha"], true, true), (["-a.beta"], false, false),
        ([""], false, true), (["b.alpha,-a.beta"], true, false),
    ])
    func lastMentionWins(lists: [String], alpha: Bool, beta: Bool) throws {
        let gates = Self.make()
        for list in lists { #expect(try gates.apply(list).isEmpty) }
        #expect(gates.isEnabled("b.alpha") == alpha)
        #expect(gates.isEnabled("a.beta") == beta)
    }

    @Test(arguments: [
        ("b.alpha,", "empty feature gate identifier at index 1"),
        (",b.alpha", "empty feature gate identifier at index 0"),
        ("b.alpha,x", "no such feature gate \"x\". valid gates: [a.beta b.alpha c.stable d.deprecated]"),
        ("b.alpha,-c.stable", "feature gate \"c.stable\" is stable, can not be disabled"),
        ("d.deprecated,b.alpha", "feature gate \"d.deprecated\" is deprecated, can not be enabled"),
        ("b.alpha, a.beta", "no such feature gate \" a.beta\""),
    ])
    func appliesWhatIsRightOfABadList(list: String, message: String) {
        let gates = Self.make()
        let error = #expect(throws: CollectorError.self) { try gates.apply(list) }
        #expect(error?.message.hasPrefix(message) == true)
        #expect(gates.isEnabled("b.alpha"))
    }

    @Test func joinsAllErrors() {
        let error = #expect(throws: JoinedError.self) { try Self.make().apply(",x") }
        #expect(error?.errors.count == 2)
    }

    @Test func announcesRemovals() throws {
        let gates = Self.make()
        #expect(try gates.apply("c.stable,-d.deprecated").map { $0.contains("v9") || $0.contains("v8") } == [true, true])
    }
}
