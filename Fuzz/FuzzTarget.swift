import TestRandomness

/// A reader of foreign bytes, made ready for fuzzing.
///
/// Whatever the input, `run` must return: no trap, no endless loop, no more memory than a small multiple of the input.
/// What it reads is thrown away: targets look for crashes, tests for wrong answers.
public struct FuzzTarget: Sendable {
    /// As `make fuzz TARGETS=…` and the folder in `Fuzz/Corpus` have it.
    public let name: String
    /// Inputs to begin with, apart from the files in `Fuzz/Corpus/<name>`: bytes of this machine's own files, say.
    public let seeds: @Sendable () -> [[UInt8]]
    public let run: @Sendable ([UInt8]) -> Void

    public init(
        _ name: String, seeds: @escaping @Sendable () -> [[UInt8]] = { [] }, run: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.name = name
        self.seeds = seeds
        self.run = run
    }

    /// Inputs made by people or by real programs, and those that once were too much.
    public func corpus() -> [[UInt8]] { Corpus.files(of: name) + seeds() }

    /// Runs the corpus as it is, then changed inputs. The same seed gives the same inputs.
    /// - Parameter isOver: asked after each run with how many there were.
    /// - Returns: how many runs there were.
    @discardableResult
    public func runMutations(seed: UInt64, until isOver: (Int) -> Bool) -> Int {
        var corpus = corpus()
        if corpus.isEmpty { corpus = [[]] }
        var runs = 0
        for input in corpus {
            run(input)
            runs += 1
        }
        var random = SplitMix64(seed: seed)
        while !isOver(runs) {
            var input = corpus[Int(random.next() % UInt64(corpus.count))]
            let other = corpus[Int(random.next() % UInt64(corpus.count))]
            Mutation.apply(to: &input, other: other, &random)
            run(input)
            runs += 1
        }
        return runs
    }
}
