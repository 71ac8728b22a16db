'use strict';
const text = 'a'.repeat(3000) + 'b'.repeat(50);
function search(k) {
  return /(a+)*?c[x-z]$/.test(text.slice(k % 7, 24 + k % 7));
}
function main() {
  let found = 0;
  for (let k = 0; ; k++) {
    if (search(k)) found++;
  }
}
console.log('ready ' + process.pid);
main();
