import Foundation
import LiveSupport
import RegularExpressions
import Testing

/// An expression and texts to search with it.
struct OracleCase {
    var pattern: String
    var texts: [String]
}

/// RE2 itself, by way of its Python package.
enum RE2Oracle {
    static func isAvailable() throws -> Bool {
        try Live.has(.path(PythonEnvironment.interpreter), .pythonPackage("re2"))
    }

    /// Expects that this module says the same as RE2 about every case.
    /// - Returns: how many searches found something.
    @discardableResult
    static func expectAgreement(_ cases: [OracleCase]) async throws -> Int {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "cases")
        let lines = cases.flatMap { ["P \(hexadecimal($0.pattern))"] + $0.texts.map { "T \(hexadecimal($0))" } }
        try (lines.joined(separator: "\n") + "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let output = try await Command.run(
            [PythonEnvironment.interpreter, PythonEnvironment.script("re2_oracle.py"), path],
            includingStandardError: false)
        var answers = output.split(separator: "\n").makeIterator()
        try #require(output.split(separator: "\n").count == lines.count)
        var (matches, differences) = (0, 0)
        for test in cases {
            let expression = try? RegularExpression(test.pattern)
            let accepted = answers.next() ?? ""
            if accepted != (expression == nil ? "refused" : "ok") {
                differences += 1
                Issue.record("\(test.pattern.debugDescription): RE2 says \(accepted)")
            }
            for text in test.texts {
                let answer = String(answers.next() ?? "")
                guard let expression, accepted == "ok" else { continue }
                let match = expression.firstMatch(in: text)
                let found = match.map(describe) ?? "none"
                if match != nil { matches += 1 }
                if found != answer || expression.matches(text) != (answer != "none") {
                    differences += 1
                    Issue.record(
                        "\(test.pattern.debugDescription) in \(text.debugDescription): \(found), RE2 says \(answer)")
                }
            }
            // More would drown the first ones.
            if differences > 20 { break }
        }
        return matches
    }

    static func describe(_ match: RegularExpression.Match) -> String {
        match.ranges.map { range in range.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "x" }.joined(separator: ",")
    }

    private static func hexadecimal(_ text: String) -> String {
        text.utf8.map { String(format: "%02x", $0) }.joined()
    }
}
