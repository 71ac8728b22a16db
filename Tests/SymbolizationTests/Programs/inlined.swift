struct Point: Hashable {
    var x: Int
    var y: Int

    @inline(__always)
    func moved(by distance: Int) -> Point { Point(x: x &+ distance, y: y ^ distance) }
}

protocol Shape { func area() -> Int }
struct Square: Shape { var side: Int; func area() -> Int { side * side } }
final class Circle: Shape {
    let radius: Int
    init(_ radius: Int) { self.radius = radius }
    func area() -> Int { 3 * radius }
}

@inline(never)
func total(_ shapes: [any Shape]) -> Int { shapes.map { $0.area() }.filter { $0 > 2 }.reduce(0, +) }

@inline(never)
func count(_ points: [Point]) -> [Point: Int] {
    var counts: [Point: Int] = [:]
    for point in points { counts[point.moved(by: 3), default: 0] += 1 }
    return counts
}

func generic<T: Comparable>(_ values: [T]) -> T? { values.sorted().first }

let points = (0..<100).map { Point(x: $0 % 7, y: $0 % 3) }
print(count(points).count, total([Square(side: 3), Circle(2)]), generic(["b", "a"]) ?? "")
for (index, text) in "some words of text".split(separator: " ").enumerated() where text.count > index { print(text) }
