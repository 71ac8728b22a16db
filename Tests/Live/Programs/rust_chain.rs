//! main > outer > middle > inner in Rust.
use std::hint::black_box;
use std::io::Write;
use std::time::{Duration, Instant};

struct Chain<T> {
    value: T,
}

trait Burn {
    fn inner(&mut self) -> u64;
}

impl Burn for Chain<u64> {
    #[inline(never)]
    fn inner(&mut self) -> u64 {
        for turn in 0..5_000_000u64 {
            self.value = black_box(self.value ^ turn);
        }
        self.value
    }
}

#[inline(never)]
fn middle(chain: &mut Chain<u64>, end: Instant) -> u64 {
    let mut sum = 0u64;
    while Instant::now() < end {
        sum = black_box(sum.wrapping_add(chain.inner()));
    }
    sum
}

#[inline(never)]
fn outer(chain: &mut Chain<u64>, end: Instant) -> u64 {
    black_box(middle(chain, end)).wrapping_add(1)
}

fn main() {
    let seconds: f64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(10.0);
    println!("ready {}", std::process::id());
    std::io::stdout().flush().unwrap();
    let mut chain = Chain { value: 1 };
    black_box(outer(&mut chain, Instant::now() + Duration::from_secs_f64(seconds)));
}
