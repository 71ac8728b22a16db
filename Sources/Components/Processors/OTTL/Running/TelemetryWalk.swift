import Collector
import OTLP

/// Visits the items of a batch one by one. Each is moved into the evaluation and back, so that changing it copies
/// nothing that nobody else holds.
struct TelemetryWalk {
    let evaluation = Evaluation()

    /// - Parameters:
    ///   - context: Which items.
    ///   - removesEmpty: Whether what has nothing left in it is removed too, up to the resource. Spans without events
    ///     stay.
    ///   - body: False: the item is removed.
    func visit(
        _ telemetry: inout Telemetry, _ context: OTTLContext, removesEmpty: Bool = false,
        _ body: (Evaluation) throws -> Bool
    ) throws {
        try withoutActuallyEscaping(body) { body in
            let step = Step(evaluation: evaluation, context: context, removesEmpty: removesEmpty, body: body)
            try visit(&telemetry, step)
        }
    }

    private func visit(_ telemetry: inout Telemetry, _ step: Step) throws {
        switch telemetry {
        case .traces(var data):
            telemetry = .traces(.init())
            try data.resourceSpans.keep { try step.visit(&$0) }
            telemetry = .traces(data)
        case .metrics(var data):
            telemetry = .metrics(.init())
            try data.resourceMetrics.keep { try step.visit(&$0) }
            telemetry = .metrics(data)
        case .logs(var data):
            telemetry = .logs(.init())
            try data.resourceLogs.keep { try step.visit(&$0) }
            telemetry = .logs(data)
        case .profiles(var data):
            telemetry = .profiles(.init())
            let hadDictionary = data.hasDictionary
            evaluation.dictionary = DictionaryEditor(data.dictionary)
            data.clearDictionary()
            try data.resourceProfiles.keep { try step.visit(&$0) }
            let dictionary = evaluation.dictionary.dictionary
            evaluation.dictionary = DictionaryEditor()
            if hadDictionary || !dictionary.stringTable.isEmpty { data.dictionary = dictionary }
            telemetry = .profiles(data)
        }
    }
}

extension Array {
    /// Changes the elements in place, in order, and removes those for which the body says false.
    mutating func keep(_ body: (inout Element) throws -> Bool) rethrows {
        var kept = 0
        for index in indices where try body(&self[index]) {
            if kept != index { swapAt(kept, index) }
            kept += 1
        }
        removeLast(count - kept)
    }
}

/// One walk; the parameters are those of `TelemetryWalk.visit`.
struct Step {
    let evaluation: Evaluation
    let context: OTTLContext
    let removesEmpty: Bool
    let body: (Evaluation) throws -> Bool

    /// Does the body for an item of its own context, else visits what is within.
    func visit(_ own: OTTLContext, isEmpty: () -> Bool = { false }, within: () throws -> Void) throws -> Bool {
        if own == context { return try item() }
        try within()
        return !(removesEmpty && isEmpty())
    }

    func item() throws -> Bool {
        evaluation.cache = []
        return try body(evaluation)
    }
}
