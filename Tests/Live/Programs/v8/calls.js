'use strict';
function leaf(n) {
  let s = 0;
  for (let i = 0; i < 100000; i++) {
    s = (s + i * 31 ^ n) | 0;
  }
  return s;
}
function c(n) {
  return leaf(n) + 1;
}
function b(n) {
  return c(n) + 1;
}
function a(n) {
  return b(n) + 1;
}
function rec(d, n) {
  if (d === 0)
    return leaf(n);
  return rec(d - 1, n) + 1;
}
const arrow = (n) =>
  leaf(n) + 7;
class Shape {
  area(n) {
    return leaf(n) * 2;
  }
  static of(n) {
    return new Shape().area(n);
  }
}
function main() {
  let k = 0, sink = 0;
  for (;;) {
    sink += a(k);
    sink += rec(20, k);
    sink += arrow(k);
    sink += Shape.of(k);
    k++;
    [1, 2, 3].forEach(function cb(x) {
      sink += leaf(x);
    });
  }
}
console.log('ready ' + process.pid);
main();
