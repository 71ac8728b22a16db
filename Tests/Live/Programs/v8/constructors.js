'use strict';
class Base {
  constructor(n) {
    this.value = Base.work(n);
  }
  static work(n) {
    let s = 0;
    for (let i = 0; i < 20000; i++) s = (s + i * 31 ^ n) | 0;
    return s;
  }
}
class Derived extends Base {
  constructor(n) {
    super(n + 1);
  }
  get doubled() {
    return Base.work(this.value & 7) * 2;
  }
}
function sorted(k) {
  return [k, 1, 2].sort(function compare(x, y) {
    return Base.work(x) - Base.work(y);
  });
}
function main() {
  let sink = 0;
  for (let k = 0; ; k++) {
    const made = new Derived(k);
    sink += made.doubled;
    sink += sorted(k)[0];
  }
}
console.log('ready ' + process.pid);
main();
