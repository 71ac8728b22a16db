import Processes

/// Names of an assembly's methods, of its metadata.
struct MethodNames<Memory: MemoryReader> {
    let metadata: Metadata<Memory>

    private static var nestingLimit: Int { 16 }
    private static var overloadsLimit: UInt32 { 4096 }
    private static var parametersLimit: Int { 32 }
    // Columns (ECMA-335 II.22.26, II.22.37, II.22.20).
    private static var methodName: Int { 3 }
    private static var methodSignature: Int { 4 }
    private static var typeName: Int { 1 }
    private static var typeNamespace: Int { 2 }
    private static var typeMethods: Int { 5 }

    /// "Namespace.Outer.Type<T>.Method<U>"; where the type has other methods of the name, with the types of the
    /// parameters.
    ///
    /// - Parameter row: of the table of methods.
    func name(ofMethod row: UInt32) -> String? {
        guard let method = metadata.row(MetadataSchema.methodDef, row), let name = metadata.string(method[Self.methodName])
        else { return nil }
        guard let owner = metadata.lastRow(MetadataSchema.typeDef, column: Self.typeMethods, atMost: row),
            let type = typeName(row: owner)
        else { return name }
        let parameters = genericParameters(ofOwner: row << 1 | 1)
        var text = CompilerNames.method(name, capturedIn: type.capturingFunction)
        if !parameters.isEmpty { text += "<\(parameters.joined(separator: ", "))>" }
        if hasOverloads(row, method[Self.methodName], ofType: owner), let blob = metadata.blob(method[Self.methodSignature]) {
            let typeParameters = genericParameters(ofOwner: owner << 1)
            var signature = SignatureText(blob, self, typeParameters: typeParameters, methodParameters: parameters)
            text += signature.parameters() ?? ""
        }
        // The type that holds a module's own functions has no name to speak of.
        return type.text.isEmpty || type.text == "<Module>" ? text : "\(type.text).\(text)"
    }

    private func hasOverloads(_ row: UInt32, _ name: UInt32, ofType owner: UInt32) -> Bool {
        let all = metadata.rowCount(MetadataSchema.methodDef) + 1
        let first = metadata.value(MetadataSchema.typeDef, owner, Self.typeMethods) ?? row
        let end = min(all, metadata.value(MetadataSchema.typeDef, owner + 1, Self.typeMethods) ?? all)
        guard first <= row, row < end, end - first <= Self.overloadsLimit,
            let methods = metadata.rows(MetadataSchema.methodDef, first..<end)
        else { return false }
        // The same text is in the heap once.
        return methods.count { $0[Self.methodName] == name } > 1
    }

    // MARK: - Types

    struct TypeName {
        var text: String
        var capturingFunction: String?
    }

    /// With the types around it.
    func typeName(row: UInt32) -> TypeName? {
        var parts: [String] = []
        var capturingFunction: String?
        var namespace = ""
        var present: UInt32? = row
        for _ in 0..<Self.nestingLimit {
            guard let number = present, let type = metadata.row(MetadataSchema.typeDef, number),
                let name = metadata.string(type[Self.typeName])
            else { break }
            if capturingFunction == nil { capturingFunction = CompilerNames.function(ofCapturingType: name) }
            if let text = CompilerNames.type(name) { parts.append(withParameters(text, ofType: number)) }
            namespace = metadata.string(type[Self.typeNamespace]) ?? ""
            present = isNested(type[0]) ? encloser(of: number) : nil
            if present == nil { break }
        }
        if !namespace.isEmpty { parts.append(namespace) }
        guard !parts.isEmpty else { return nil }
        return TypeName(text: parts.reversed().joined(separator: "."), capturingFunction: capturingFunction)
    }

    /// By the flags of II.23.1.15.
    private func isNested(_ flags: UInt32) -> Bool { flags & 7 >= 2 }

    private func encloser(of row: UInt32) -> UInt32? {
        guard let found = metadata.lastRow(MetadataSchema.nestedClass, column: 0, atMost: row),
            let nested = metadata.row(MetadataSchema.nestedClass, found), nested[0] == row
        else { return nil }
        return nested[1]
    }

    /// "List`1" becomes "List<T>": of the parameters, which include those of the types around it, the last ones.
    private func withParameters(_ name: String, ofType row: UInt32) -> String {
        guard let mark = name.lastIndex(of: "`"), let count = Int(name[name.index(after: mark)...]), count > 0 else {
            return name
        }
        let parameters = genericParameters(ofOwner: row << 1).suffix(count)
        guard parameters.count == count else { return name }
        return "\(name[..<mark])<\(parameters.joined(separator: ", "))>"
    }

    /// - Parameter owner: a row of types or methods, tagged as TypeOrMethodDef (II.24.2.6).
    private func genericParameters(ofOwner owner: UInt32) -> [String] {
        guard let last = metadata.lastRow(MetadataSchema.genericParam, column: 2, atMost: owner) else { return [] }
        var names: [String] = []
        var row = last
        while row > 0, names.count < Self.parametersLimit, let parameter = metadata.row(MetadataSchema.genericParam, row),
            parameter[2] == owner
        {
            names.append(metadata.string(parameter[3]) ?? "?")
            row -= 1
        }
        return names.reversed()
    }

    /// The name of a type that a signature refers to, without its namespace.
    func shortName(ofCodedType coded: UInt32) -> String {
        let row = coded >> 2
        let name: String?
        switch coded & 3 {
        case 0: name = metadata.value(MetadataSchema.typeDef, row, Self.typeName).flatMap(metadata.string)
        case 1: name = metadata.value(MetadataSchema.typeRef, row, 1).flatMap(metadata.string)
        default: name = nil
        }
        guard let name else { return "?" }
        return String(name.prefix { $0 != "`" })
    }

    /// The full name of a type of another assembly.
    func referredTypeName(_ row: UInt32) -> String? {
        guard let type = metadata.row(MetadataSchema.typeRef, row), let name = metadata.string(type[1]) else { return nil }
        let namespace = metadata.string(type[2]) ?? ""
        let short = String(name.prefix { $0 != "`" })
        return namespace.isEmpty ? short : "\(namespace).\(short)"
    }
}

extension MethodNames: Sendable where Memory: Sendable {}
