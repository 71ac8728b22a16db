import Collector
import RegularExpressions

/// A function: its name, what it takes and what it is.
struct Function: Sendable {
    enum Body: Sendable {
        /// Changes the item; its name begins with a lower-case letter.
        case editor(@Sendable (Arguments) throws(PlacedError) -> Editor)
        /// Yields a value and changes nothing; its name begins with an upper-case letter.
        case converter(@Sendable (Arguments) throws(PlacedError) -> Expression)
    }

    struct Parameter: Sendable {
        var name: String
        var isOptional = false

        init(_ name: String, isOptional: Bool = false) {
            self.name = name
            self.isOptional = isOptional
        }
    }

    let name: String
    let parameters: [Parameter]
    /// The only context that the function works in; nil: any.
    let context: OTTLContext?
    let body: Body

    /// - Parameter parameters: Names; `?` behind one says that it may be left out.
    static func editor(
        _ name: String, _ parameters: [String], context: OTTLContext? = nil,
        _ make: @escaping @Sendable (Arguments) throws(PlacedError) -> Editor
    ) -> Function {
        Function(name: name, parameters: parameters.map(parameter), context: context, body: .editor(make))
    }

    static func converter(
        _ name: String, _ parameters: [String], context: OTTLContext? = nil,
        _ make: @escaping @Sendable (Arguments) throws(PlacedError) -> Expression
    ) -> Function {
        Function(name: name, parameters: parameters.map(parameter), context: context, body: .converter(make))
    }

    private static func parameter(_ text: String) -> Parameter {
        text.hasSuffix("?") ? Parameter(String(text.dropLast()), isOptional: true) : Parameter(text)
    }
}

/// The functions by name.
enum FunctionTable {
    static func function(_ name: String) -> Function? { functions[name] }
    static var editorNames: [String] { functions.keys.filter { $0.first?.isLowercase == true }.sorted() }
    static var converterNames: [String] { functions.keys.filter { $0.first?.isUppercase == true }.sorted() }

    private static let functions: [String: Function] = {
        let all =
            mapEditors + valueEditors + replacements + metricFunctions
            + typeConverters + textConverters + listConverters + timeConverters + identifierConverters
            + textFunctions.map { name, change in
                .converter(name, ["target"]) { (arguments) throws(PlacedError) in
                    let value = try arguments.expression(0)
                    return { .string(try change(try value($0).requireString())) }
                }
            }
        return Dictionary(all.map { ($0.name, $0) }) { first, _ in first }
    }()
}

/// What a call gives a function, in the order of its parameters.
struct Arguments {
    let compiler: Compiler
    let call: CallSyntax
    /// nil: left out.
    let values: [Syntax?]

    func isGiven(_ index: Int) -> Bool { values.indices.contains(index) && values[index] != nil }

    func syntax(_ index: Int) throws(PlacedError) -> Syntax {
        guard values.indices.contains(index), let value = values[index] else {
            throw PlacedError(offset: call.offset, message: "\"\(call.name)\" needs more arguments")
        }
        return value
    }

    func expression(_ index: Int) throws(PlacedError) -> Expression {
        try compiler.expression(try syntax(index))
    }

    /// A field that can be changed.
    func path(_ index: Int) throws(PlacedError) -> CompiledPath {
        let syntax = try syntax(index)
        guard case .path(let path) = syntax.kind else {
            throw PlacedError(offset: syntax.offset, message: "expected a path, such as resource.attributes")
        }
        let compiled = try compiler.compile(path)
        _ = try compiled.requireUpdate()
        return compiled
    }

    func update(_ index: Int) throws(PlacedError) -> Accessor.Update {
        try path(index).requireUpdate()
    }

    /// A text that is written in the statement itself.
    func literalString(_ index: Int) throws(PlacedError) -> String {
        let syntax = try syntax(index)
        guard case .literal(.string(let text)) = syntax.kind else {
            throw PlacedError(offset: syntax.offset, message: "expected a string in quotes")
        }
        return text
    }

    func literalBoolean(_ index: Int) throws(PlacedError) -> Bool {
        let syntax = try syntax(index)
        guard case .literal(.boolean(let flag)) = syntax.kind else {
            throw PlacedError(offset: syntax.offset, message: "expected true or false")
        }
        return flag
    }

    /// A number that is written in the statement itself, not negative.
    func literalCount(_ index: Int) throws(PlacedError) -> Int {
        let syntax = try syntax(index)
        guard case .literal(.integer(let number)) = syntax.kind, number >= 0, let count = Int(exactly: number) else {
            throw PlacedError(offset: syntax.offset, message: "expected a whole number, not negative")
        }
        return count
    }

    func literalStrings(_ index: Int) throws(PlacedError) -> [String] {
        let syntax = try syntax(index)
        guard case .list(let items) = syntax.kind else {
            throw PlacedError(offset: syntax.offset, message: "expected a list of strings, such as [\"a\", \"b\"]")
        }
        var texts: [String] = []
        for item in items {
            guard case .literal(.string(let text)) = item.kind else {
                throw PlacedError(offset: item.offset, message: "expected a string in quotes")
            }
            texts.append(text)
        }
        return texts
    }

    /// One of some words.
    func choice(_ index: Int, _ valid: [String]) throws(PlacedError) -> String {
        let text = try literalString(index)
        guard valid.contains(text) else {
            throw PlacedError(
                offset: try syntax(index).offset,
                message: "unknown value \"\(text)\" (valid values: \(valid.joined(separator: ", ")))")
        }
        return text
    }

    func pattern(_ index: Int) throws(PlacedError) -> RegularExpression {
        let text = try literalString(index)
        do {
            return try RegularExpression(text)
        } catch {
            throw PlacedError(offset: try syntax(index).offset, message: "\(error)")
        }
    }

    /// A list that is written out, or one that is worked out.
    func values(_ index: Int) throws(PlacedError) -> @Sendable (Evaluation) throws -> [OTTLValue] {
        let syntax = try syntax(index)
        if case .list(let items) = syntax.kind {
            let items = try compiler.expressions(items)
            return { evaluation in try items.map { try $0(evaluation) } }
        }
        let list = try compiler.expression(syntax)
        return { evaluation in
            let value = try list(evaluation)
            guard case .list(let items) = value else { throw EvaluationError.type(value, expected: "a list") }
            return items.map { OTTLValue($0) }
        }
    }

    /// A converter of one text that is handed over by its name; nil if none is.
    func textFunction(_ index: Int) throws(PlacedError) -> TextFunction? {
        guard isGiven(index) else { return nil }
        let syntax = try syntax(index)
        guard case .symbol(let name) = syntax.kind, let function = FunctionTable.textFunctions[name] else {
            let valid = FunctionTable.textFunctions.keys.sorted().joined(separator: ", ")
            throw PlacedError(offset: syntax.offset, message: "expected the name of one of the converters \(valid)")
        }
        return function
    }
}

extension Compiler {
    /// Puts arguments in the order of the parameters.
    func arguments(_ call: CallSyntax, _ function: Function) throws(PlacedError) -> Arguments {
        if let needed = function.context, needed != context {
            throw PlacedError(
                offset: call.offset,
                message: "\"\(call.name)\" works on each \(needed.rawValue), but this runs for each "
                    + "\(context.rawValue); put it into a group of its own")
        }
        var values: [Syntax?] = Array(repeating: nil, count: function.parameters.count)
        var next = 0
        var isNamed = false
        for argument in call.arguments {
            if let name = argument.name {
                isNamed = true
                let names = function.parameters.map(\.name)
                guard let place = names.firstIndex(of: name) else {
                    throw PlacedError(
                        offset: argument.offset, message: Self.unknown("argument", name, among: names))
                }
                guard values[place] == nil else {
                    throw PlacedError(offset: argument.offset, message: "\"\(name)\" is given twice")
                }
                values[place] = argument.value
            } else {
                guard !isNamed else {
                    throw PlacedError(offset: argument.offset, message: "arguments with names come last")
                }
                guard next < values.count else {
                    throw PlacedError(
                        offset: argument.offset,
                        message: "\"\(call.name)\" takes at most \(values.count) arguments: "
                            + function.parameters.map(\.name).joined(separator: ", "))
                }
                values[next] = argument.value
                next += 1
            }
        }
        for (parameter, value) in zip(function.parameters, values) where value == nil && !parameter.isOptional {
            throw PlacedError(
                offset: call.offset, message: "\"\(call.name)\" needs the argument \"\(parameter.name)\"")
        }
        return Arguments(compiler: self, call: call, values: values)
    }
}
