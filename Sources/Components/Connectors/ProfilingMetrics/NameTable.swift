/// Strings by small numbers, so that streams are found without hashing text. 0 is "no name".
struct NameTable {
    typealias Number = UInt32

    private var numbers: [String: Number] = [:]
    private var names: [String] = [""]

    subscript(number: Number) -> String {
        let index = Int(number)
        return names.indices.contains(index) ? names[index] : ""
    }

    mutating func number(of name: String) -> Number {
        if name.isEmpty { return 0 }
        if let known = numbers[name] { return known }
        let number = Number(names.count)
        names.append(name)
        numbers[name] = number
        return number
    }
}
