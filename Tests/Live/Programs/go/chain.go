// Go's ways to call: functions that are inlined, one without a frame, recursion, a closure, a second goroutine, what runs on
// the system stack.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime/pprof"
)

var sink int

//go:noinline
func leaf(n int) int {
	s := 0
	for i := 0; i < 200000; i++ {
		s += (i * 31) ^ n
	}
	return s
}

func inlined(n int) int {
	return leaf(n) + 1
}

//go:noinline
func c(n int) int {
	return inlined(n) + 1
}

//go:noinline
func b(n int) int {
	return c(n) + 1
}

//go:noinline
func a(n int) int {
	return b(n) + 1
}

//go:noinline
func rec(d, n int) int {
	if d == 0 {
		return leaf(n)
	}
	return rec(d-1, n) + 1
}

//go:noinline
func apply(f func(int) int, n int) int {
	return f(n) + 1
}

func work(context.Context) {
	for {
		sink += rec(20, 3)
	}
}

func main() {
	go pprof.Do(context.Background(), pprof.Labels("worker", "w1", "job", "rec"), work)
	fmt.Println("ready", os.Getpid())
	for n := 0; ; n++ {
		sink += a(n)
		sink += apply(func(x int) int { return leaf(x) + 7 }, n)
	}
}
