use std::collections::BTreeMap;

trait Shape {
    fn area(&self) -> f64;
}
struct Square(f64);
struct Circle {
    radius: f64,
}
impl Shape for Square {
    fn area(&self) -> f64 {
        scaled(self.0) * self.0
    }
}
impl Shape for Circle {
    fn area(&self) -> f64 {
        3.0 * self.radius
    }
}

#[inline(always)]
fn scaled(by: f64) -> f64 {
    if by > 3.0 { by * 2.0 } else { by }
}

#[inline(never)]
fn total(shapes: &[Box<dyn Shape>]) -> f64 {
    shapes.iter().map(|shape| shape.area()).filter(|area| *area > 1.0).sum()
}

fn main() {
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    for word in "one two three two".split(' ') {
        *words.entry(word.to_string()).or_default() += 1;
    }
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Square(2.0)), Box::new(Circle { radius: 1.5 })];
    let mut sorted: Vec<_> = words.into_iter().collect();
    sorted.sort_by_key(|pair| std::cmp::Reverse(pair.1));
    println!("{} {:?}", total(&shapes), sorted);
}
