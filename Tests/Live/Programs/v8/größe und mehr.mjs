export function work(n) {
  let s = 0;
  for (let i = 0; i < 20000; i++) s = (s + i * 31 ^ n) | 0;
  return s;
}
