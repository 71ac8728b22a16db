// Go calls C, which calls Go again.
package main

/*
#include <stdint.h>
extern uint64_t goCallback(uint64_t);
__attribute__((noinline)) static uint64_t c_inner(uint64_t n) {
	uint64_t x = n;
	for (int i = 0; i < 2000000; i++)
		x = x * 6364136223846793005u + 1442695040888963407u;
	return x;
}
__attribute__((noinline)) static uint64_t c_outer(uint64_t n) {
	return c_inner(n) + goCallback(n) + 1;
}
*/
import "C"

import (
	"fmt"
	"os"
)

var sink uint64

//go:noinline
func inner(n uint64) uint64 {
	x := n
	for i := 0; i < 2000000; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

//export goCallback
func goCallback(n C.uint64_t) C.uint64_t {
	return C.uint64_t(inner(uint64(n)) + 1)
}

//go:noinline
func outer(n uint64) uint64 {
	return uint64(C.c_outer(C.uint64_t(n))) + 1
}

func main() {
	fmt.Println("ready", os.Getpid())
	for {
		sink += outer(sink)
	}
}
