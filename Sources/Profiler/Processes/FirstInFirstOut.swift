/// A queue whose elements cost the same whatever its length.
struct FirstInFirstOut<Element: Sendable>: Sendable {
    private var elements: [Element] = []
    private var start = 0

    var count: Int { elements.count &- start }
    var first: Element? { start < elements.count ? elements[start] : nil }

    mutating func append(_ element: Element) {
        elements.append(element)
    }

    mutating func popFirst() -> Element? {
        guard let first else { return nil }
        start += 1
        if start == elements.count || start > 1024 {
            elements.removeFirst(start)
            start = 0
        }
        return first
    }
}
