import TestRandomness
import Testing

@testable import RegularExpressions

/// That matching is linear in the text, by counting the engine's steps.
@Suite struct LinearityTests {
    private static let hostile: [(String, @Sendable (Int) -> String)] = [
        ("(a*)*b", { String(repeating: "a", count: $0) }),
        ("(a|aa)+$", { String(repeating: "a", count: $0 - 1) + "b" }),
        ("(x+x+)+y", { String(repeating: "x", count: $0) }),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", { String(repeating: "a", count: $0) }),
        ("(?:a?){30}a{30}b", { String(repeating: "a", count: $0) }),
        (".*.*.*=.*;", { String(repeating: "=", count: $0) }),
        ("(\\w+\\b)*!", { String(repeating: "a ", count: $0 / 2) }),
        ("aaaaaaaaaaaaaaaaaaaaab", { String(repeating: "a", count: $0) }),
        ("(?:\\pL+λ?)+!", { String(repeating: "λ", count: $0 / 2) }),
        // As many states as there are sequences of 12 letters: the cache overflows.
        ("a[ab]{12}c", { Self.letters($0) }),
        ("\\b(?:a\\b|b\\B|[ab ])*?a[ab ]{12}c", { Self.letters($0) }),
    ]

    @Test(arguments: hostile)
    func stepsGrowWithTheText(pattern: String, text: @Sendable (Int) -> String) throws {
        let expression = try RegularExpression(pattern)
        // A small cache too, which overflows with most expressions.
        for cacheBytes in [Limits.cacheBytes, 4096] {
            let once = steps(expression, text(100_000), cacheBytes: cacheBytes)
            let twice = steps(expression, text(200_000), cacheBytes: cacheBytes)
            #expect(once > 0)
            // Twice the text, and what states cost that are met only later.
            #expect(twice <= 2 * once + once / 5)
            // Each character meets each instruction a few times at most.
            #expect(once <= 100_001 * 8 * expression.matcher.program.instructions.count)
        }
    }

    @Test(arguments: hostile)
    func stepsOfGroupsGrowWithTheText(pattern: String, text: @Sendable (Int) -> String) throws {
        let program = try RegularExpression(pattern).matcher.program
        var steps: [Int] = []
        for size in [10_000, 20_000] {
            var machine = PikeVM(program)
            let text = Array(text(size).utf8)
            _ = text.withUnsafeBufferPointer { machine.firstMatch($0) }
            #expect(machine.steps <= (text.count + 1) * 8 * program.instructions.count)
            steps.append(machine.steps)
        }
        #expect(steps[1] <= 2 * steps[0] + steps[0] / 5)
    }

    /// A text that has been seen costs a look-up per byte and nothing else.
    @Test func knownTextsCostOneStepPerByte() throws {
        let matcher = try RegularExpression("(foo|bar)+[0-9]$").matcher
        let text = Array(String(repeating: "foobarbaz", count: 100).utf8)
        var (first, second) = (0, 0)
        text.withUnsafeBufferPointer {
            _ = matcher.matches($0, steps: &first)
            _ = matcher.matches($0, steps: &second)
        }
        #expect(first > second)
        #expect(second == text.count)
    }

    /// However small the cache, the answers stay.
    @Test(arguments: [5, 6] as [UInt64])
    func smallCachesGiveTheSameAnswers(seed: UInt64) throws {
        var generator = PatternGenerator(seed: seed)
        var matches = 0
        for _ in 0..<300 {
            guard let expression = try? RegularExpression(generator.pattern()) else { continue }
            let small = Matcher(expression.matcher.program, cacheBytes: 200)
            for _ in 0..<6 {
                let text = Array(generator.text().utf8)
                let answers = text.withUnsafeBufferPointer { text in
                    var machine = PikeVM(expression.matcher.program)
                    return [expression.matches(utf8: text), small.matches(text), machine.firstMatch(text) != nil]
                }
                #expect(Set(answers).count == 1, "\(expression) in \(text)")
                if answers[0] { matches += 1 }
            }
        }
        #expect(matches > 300)
    }

    @Test func manyThreadsShareOneExpression() async throws {
        let expression = try RegularExpression("(a|b)*a[ab]{6}c|é+$")
        await withTaskGroup(of: Bool.self) { group in
            for seed in 0..<8 as Range<UInt64> {
                group.addTask {
                    var random = SplitMix64(seed: seed)
                    return (0..<200).allSatisfy { _ in
                        let letters = (0..<20).map { _ in random.pick(["a", "b"]) }.joined()
                        let hit = expression.matches(letters + "abbbbbbc")
                        return hit && !expression.matches(letters) && expression.matches(letters + "é")
                    }
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    private func steps(_ expression: RegularExpression, _ text: String, cacheBytes: Int) -> Int {
        let matcher = Matcher(expression.matcher.program, cacheBytes: cacheBytes)
        var (text, steps) = (text, 0)
        _ = text.withUTF8 { matcher.matches($0, steps: &steps) }
        return steps
    }

    private static func letters(_ count: Int) -> String {
        var random = SplitMix64(seed: 7)
        return (0..<count).map { _ in random.pick(["a", "b"]) }.joined()
    }
}
